"""`make demo`: from nothing to a comparison of halting policies, in 3 to 5 minutes on two cores.

1. Trains the 4x4 model from scratch until it is good.
2. On the shipped 9x9 model, compares halting rules with a freshly trained Q and PPO.
3. Draws a solve.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from hrm_rl.agents.rules import rule
from hrm_rl.banks.bank import log_bank, play
from hrm_rl.cli import main as cli
from hrm_rl.models.checkpoint import load_model
from hrm_rl.puzzles import load

TRAIN4 = ["train", "sudoku4", "--steps", "2200"]
COMPARE9 = ["compare", "--fit-bank", "sudoku9-fit", "--test-bank", "sudoku9-test", "--seeds", "2"]
WATCH9 = ["watch", "--checkpoint", "sudoku9", "--seed", "1302"]
"""A test puzzle that is right after five segments, where the Q-head halts it."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/demo"), help="where everything goes")
    out = parser.parse_args().out
    steps: dict[str, Callable[[Path], int]] = {
        "1/3  An HRM learns 4x4 Sudoku from scratch, its Q-head beside the supervised loss": train4,
        "2/3  Halting policies on the shipped 9x9 model; Q and PPO are trained now": compare9,
        "3/3  A solve, drawn": draw9,
    }
    started = time.perf_counter()
    for title, step in steps.items():
        print(f"\n{title}", flush=True)
        code = step(out)
        if code:
            return code
    print(f"\nDone in {(time.perf_counter() - started) / 60:.1f} minutes. Look at")
    for name in ("compare/pareto.png", "compare/compare.csv", "solve.gif"):
        print(f"  {out / name}")
    print(f"  tensorboard --logdir {out / 'sudoku4'}")
    return 0


def train4(out: Path) -> int:
    """Train in a fresh folder, then score on puzzles that the model has not seen."""
    shutil.rmtree(out / "sudoku4", ignore_errors=True)
    code = cli.main([*TRAIN4, "--run", str(out / "sudoku4")])
    if code:
        return code
    model, _ = load_model(out / "sudoku4")
    bank = log_bank(model, load("sudoku4", "test"), 8)
    halted = play(bank, rule("q"))
    once, eight = (float(bank.correct_MP[m - 1].double().mean()) for m in (1, 8))
    own, segments = float(halted.correct_P.double().mean()), float(halted.segment_P.double().mean())
    print(f"held-out 4x4 puzzles right: {once:.1%} after 1 segment, {eight:.1%} after 8;")
    print(f"halting by its own Q-head: {own:.1%} at {segments:.2f} segments on average")
    return 0


def compare9(out: Path) -> int:
    return cli.main([*COMPARE9, "--out", str(out / "compare")])


def draw9(out: Path) -> int:
    return cli.main([*WATCH9, "--gif", str(out / "solve.gif")])


if __name__ == "__main__":
    raise SystemExit(main())
