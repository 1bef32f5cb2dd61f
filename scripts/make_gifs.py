"""Draw an episode of each environment for the site: docs/gifs. Three minutes on one CPU core.

python scripts/make_gifs.py                    # all
python scripts/make_gifs.py HRMMaze-v0         # some
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from hrm_rl.cli.main import main as hrm_rl
from hrm_rl.envs import ENV_ARGUMENTS
from hrm_rl.envs.frame import Frame
from hrm_rl.envs.gif import contact_sheet, save_pictures
from hrm_rl.envs.training import TrainingVectorEnv

SEEDS: Final = {
    "HRMSudoku-v0": 1302,
    "HRMSudoku4x4-v0": 1,
    "HRMMaze-v0": 3,
    "HRMParity-v0": 1,
    "HRMLife-v0": 5,
    "HRMQueens-v0": 1,
    "HRMARC-v0": 95,
    "HRMARCBank-v0": 1,
}
"""Which test puzzle is drawn: one that takes a few segments."""
TRAINED: Final = "HRMSudokuTrain-v0"
UPDATES: Final = (3, 127, 255, 383, 511, 639)
"""After how many updates a batch in training is drawn, multiples of 4 less one: at its fourth segment, where
all halt. No agent learns here, it is the model that is watched;"""
SHOWN: Final = 6
"""so many boards of it, three in a row."""
GIFS: Final = Path(__file__).parents[1] / "docs" / "gifs"


def main() -> int:
    """Draw those that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="all if none")
    ids = parser.parse_args().ids or [*SEEDS, TRAINED]
    if unknown := [env_id for env_id in ids if env_id not in (*SEEDS, TRAINED)]:
        parser.error(f"ID must be one of {', '.join((*SEEDS, TRAINED))}, got {unknown[0]!r}")
    GIFS.mkdir(exist_ok=True)
    for env_id in ids:
        if env_id == TRAINED:
            pictures = [contact_sheet(frames, 3, 240) for frames in in_training(UPDATES)]
            print(save_pictures(pictures, GIFS / f"{env_id}.gif", 1.2))
            continue
        given = ENV_ARGUMENTS[env_id]
        command = ["watch", "--checkpoint", given.get("checkpoint") or given["bank"]]
        command += ["--seed", str(SEEDS[env_id]), "--gif", str(GIFS / f"{env_id}.gif")]
        if code := hrm_rl(command):
            return code
    return 0


def in_training(updates: Sequence[int]) -> Iterator[list[Frame]]:
    """Some boards of a batch, as the model answers them after so many updates."""
    env = TrainingVectorEnv(32, steps=max(updates), seed=1)
    _, info = env.reset(seed=1)
    for update in range(max(updates) + 1):
        if update in updates:
            yield [
                replace(frame, title=f"{update} updates", decision="halt", correct=bool(right))
                for frame, right in zip(env.frames()[:SHOWN], info["correct"], strict=False)
            ]
        halt = update % 4 == 3
        _, _, _, _, info = env.step(np.full(env.num_envs, int(halt)))


if __name__ == "__main__":
    raise SystemExit(main())
