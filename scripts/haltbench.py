"""The entries of HaltBench of all that ships, and the scoreboard in docs/haltbench.md.

    python scripts/haltbench.py              # every rule, and the learners exact_pg, act_q and ppo
    python scripts/haltbench.py stable ppo   # those alone; the other entries stay

The scoreboard refuses entries of other banks: after `scripts/make_banks.py` run it without names.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from hrm_rl.agents.rules import RULES
from hrm_rl.haltbench import board, entry
from hrm_rl.models.tensorfile import write_atomically

ROOT = Path(__file__).resolve().parents[1]
ENTRIES = ROOT / "docs" / "entries"
PAGE = ROOT / "docs" / "haltbench.md"
LEARNERS = ("exact_pg", "act_q", "ppo")
BEGIN, END = "<!-- board -->\n", "<!-- end of board -->\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("entrants", nargs="*", help="rules and learners; all if left out")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20_000)
    args = parser.parse_args(arguments)
    for name in args.entrants or [*RULES, *LEARNERS]:
        start = time.process_time()
        found = entry.enter(name, seeds=args.seeds, steps=args.steps)
        entry.write(found, ENTRIES / f"{name}.json")
        seconds = time.process_time() - start
        print(f"{name}: {board.overall(found):.3f}, {seconds:.0f} s of one core", flush=True)
    write_atomically(PAGE, with_board(PAGE.read_text(encoding="utf-8")).encode())


def with_board(page: str) -> str:
    """The page with the scoreboard of the entries that lie there."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{board.markdown(board.read_all(ENTRIES))}\n{END}{after}"


if __name__ == "__main__":
    main()
