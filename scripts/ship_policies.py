"""Fit the halting policies that ship, on the bank that ships, and say what they score on its other half.

    python scripts/ship_policies.py           # act_q, exact_pg and ppo: a minute of one core
    python scripts/ship_policies.py exact_pg  # that alone
    python scripts/ship_policies.py --cards   # nothing is fitted: the cards of those that are there

Each has a card beside it, NAME.md.

After `scripts/make_banks.py`, since a policy is refused where the weights are others than it was fitted
on. Nothing is chosen among: one seed, the settings that `hrm-rl compare` has.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from policy_card import write_card

from hrm_rl.agents.comparison.score import score
from hrm_rl.agents.learners import learner
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.trained import SHIPPED, SUFFIX, save_policy
from hrm_rl.banks.files import read_bank
from hrm_rl.halting import Policy

MODEL = "sudoku9"
LEARNERS = ("act_q", "exact_pg", "ppo")
MAX_SEGMENTS, STEP_COST, STEPS, SEED = 16, 0.01, 100_000, 0


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("learners", nargs="*", help=f"some of {', '.join(LEARNERS)}; all if none")
    parser.add_argument("--cards", action="store_true", help="write cards alone, and fit nothing")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--steps", type=int, default=STEPS, help="decisions, to try it out")
    args = parser.parse_args(arguments)
    for name in args.learners or LEARNERS:
        if args.cards:
            print(write_card(args.out / f"{MODEL}-{name}{SUFFIX}"), flush=True)
            continue
        start = time.process_time()
        about = f"{name}, {args.steps:,} decisions on {MODEL}-fit at step cost {STEP_COST:g}, seed {SEED}"
        path = save_policy(
            args.out / f"{MODEL}-{name}", fitted(name, args.steps), f"{MODEL}-fit",
            max_segments=MAX_SEGMENTS, about=about,
        )  # fmt: skip
        seconds = time.process_time() - start
        print(f"{path}: {path.stat().st_size:,} bytes, {seconds:.0f} s of one core", flush=True)
        print(score(path, f"{MODEL}-test", step_cost=STEP_COST), flush=True)
        write_card(path, f"{seconds:.0f} s of one core")


def fitted(name: str, steps: int = STEPS) -> Policy:
    """What ships under a learner's name."""
    env = play_on(read_bank(f"{MODEL}-fit"), step_cost=STEP_COST, max_segments=MAX_SEGMENTS)
    return learner(name)(env, steps=steps, seed=SEED)


if __name__ == "__main__":
    main()
