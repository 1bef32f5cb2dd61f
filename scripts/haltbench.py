"""The entries of HaltBench of all that ships, the scoreboard in docs/haltbench.md, its top in README.

    python scripts/haltbench.py              # every rule and learner
    python scripts/haltbench.py stable ppo   # those alone; the other entries stay
    python scripts/haltbench.py --missing    # go on: those without an entry of these banks

Each entry is written once it is made, so that a run that was stopped goes on with `--missing`. The
scoreboard refuses entries of other banks: after `scripts/make_banks.py` run it without names.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from hrm_rl.agents.learners import LEARNERS
from hrm_rl.agents.rules import RULES
from hrm_rl.haltbench import board, entry
from hrm_rl.models.tensorfile import write_atomically

ROOT = Path(__file__).resolve().parents[1]
ENTRIES = ROOT / "docs" / "entries"
PAGE = ROOT / "docs" / "haltbench.md"
README = ROOT / "README.md"
BEGIN, END = "<!--board-->\n", "<!--end-->\n"
DEAR = ("act_q", "ppo", "a2c", "dqn", "recurrent_ppo")
"""Learners that take minutes: the last."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("entrants", nargs="*", help="rules and learners; all if left out")
    parser.add_argument("--missing", action="store_true", help="leave entries that are there")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20_000)
    args = parser.parse_args(arguments)
    for name in args.entrants or everything():
        if args.missing and counts(ENTRIES / f"{name}.json"):
            continue
        start = time.process_time()
        found = entry.enter(name, seeds=args.seeds, steps=args.steps)
        entry.write(found, ENTRIES / f"{name}.json")
        seconds = time.process_time() - start
        print(f"{name}: {board.overall(found):.3f}, {seconds:.0f} s of one core", flush=True)
    for page, written in ((PAGE, with_board), (README, with_top)):
        write_atomically(page, written(page.read_text(encoding="utf-8")).encode())


def everything() -> list[str]:
    """All rules and learners that ship, the cheap ones first."""
    return [*RULES, *(name for name in LEARNERS if name not in DEAR), *DEAR]


def counts(path: Path) -> bool:
    """Whether there is an entry of the banks that are frozen now."""
    try:
        return bool(entry.read(path))
    except ValueError:
        return False


def with_board(page: str) -> str:
    """The page with the scoreboard of the entries that lie there."""
    return _between(page, board.markdown(board.read_all(ENTRIES)))


def with_top(page: str) -> str:
    """The page with the first rows of the scoreboard."""
    return _between(page, board.top(board.read_all(ENTRIES)))


def _between(page: str, table: str) -> str:
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


if __name__ == "__main__":
    main()
