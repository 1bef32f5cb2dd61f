"""Draw an episode of each environment for the site: docs/gifs. Two minutes on one CPU core.

python scripts/make_gifs.py                    # all
python scripts/make_gifs.py HRMMaze-v0         # some
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from hrm_rl.cli.main import main as hrm_rl
from hrm_rl.envs import ENV_ARGUMENTS

SEEDS: Final = {
    "HRMSudoku-v0": 1302,
    "HRMSudoku4x4-v0": 1,
    "HRMMaze-v0": 3,
    "HRMParity-v0": 1,
    "HRMLife-v0": 5,
    "HRMQueens-v0": 1,
    "HRMARC-v0": 1,
}
"""Which test puzzle is drawn: one that takes a few segments."""
GIFS: Final = Path(__file__).parents[1] / "docs" / "gifs"


def main() -> int:
    """Draw those that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="all if none")
    ids = parser.parse_args().ids or list(SEEDS)
    if unknown := [env_id for env_id in ids if env_id not in SEEDS]:
        parser.error(f"ID must be one of {', '.join(SEEDS)}, got {unknown[0]!r}")
    GIFS.mkdir(exist_ok=True)
    for env_id in ids:
        command = ["watch", "--checkpoint", ENV_ARGUMENTS[env_id]["checkpoint"]]
        command += ["--seed", str(SEEDS[env_id]), "--gif", str(GIFS / f"{env_id}.gif")]
        if code := hrm_rl(command):
            return code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
