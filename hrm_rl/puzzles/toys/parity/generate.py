"""Vectors of random bits, each determined by (seed, split, its number) alone.

Suffixes: P puzzles, L cells.
"""

import numpy as np

from hrm_rl.puzzles.rng import below, stream
from hrm_rl.puzzles.sets import PuzzleSet
from hrm_rl.puzzles.streams import PARITY, STREAMS, check_knob, check_order
from hrm_rl.puzzles.toys.parity.rules import Parity


def generate(
    task: Parity,
    count: int,
    *,
    seed: int,
    split: str = "train",
    first: int = 0,
    knob: int | None = None,
) -> PuzzleSet:
    """`count` vectors of random bits; of short ones there are few, and the splits share them.

    Args:
        knob: folds of every puzzle; left out, 1 to size - 1, each as often.
    """
    check_order(count, seed, split, first)
    check_knob(task.task, "the number of folds", knob, 1, task.size - 1)
    puzzles_PL, answers_PL = np.zeros((2, count, task.size), dtype=np.uint8)
    folds_P = np.zeros(count, dtype=np.int32)
    for p in range(count):
        rng = stream(seed, PARITY + STREAMS[split], first + p)
        folds_P[p] = knob or 1 + below(rng, task.size - 1)
        puzzles_PL[p, : folds_P[p] + 1] = [1 + below(rng, 2) for _ in range(folds_P[p] + 1)]
        answers_PL[p] = task.folded(puzzles_PL[p], 1)
    return PuzzleSet(
        task.task, task.tokens(puzzles_PL), task.tokens(answers_PL), folds_P, ("parity",) * count
    )
