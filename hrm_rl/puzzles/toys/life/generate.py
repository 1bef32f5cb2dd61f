"""Random boards of Life, each determined by (seed, split, its number) alone.

No generation of a puzzle is like an earlier one, so that the board is not right before its time.

Suffixes: P puzzles, L cells, N cells of the board.
"""

import numpy as np

from hrm_rl.puzzles.rng import below, shuffle, stream
from hrm_rl.puzzles.sets import PuzzleSet
from hrm_rl.puzzles.streams import LIFE, STREAMS, check_knob, check_order
from hrm_rl.puzzles.toys.life.rules import Life, after


def generate(
    task: Life,
    count: int,
    *,
    seed: int,
    split: str = "train",
    first: int = 0,
    knob: int | None = None,
) -> PuzzleSet:
    """`count` random boards, a quarter to a half of the cells alive.

    Args:
        knob: generations of every puzzle; left out, 1 to size, each as often.
    """
    check_order(count, seed, split, first)
    check_knob(task.task, "the number of generations", knob, 1, task.size)
    puzzles_PL, answers_PL = np.zeros((2, count, task.length), dtype=np.uint8)
    steps_P = np.zeros(count, dtype=np.int32)
    for p in range(count):
        rng = stream(seed, LIFE + STREAMS[split], first + p)
        steps_P[p] = knob or 1 + below(rng, task.size)
        puzzles_PL[p] = _lively(task, rng, int(steps_P[p]))
        answers_PL[p] = task.generation(puzzles_PL[p], 0)
    return PuzzleSet(
        task.task, task.tokens(puzzles_PL), task.tokens(answers_PL), steps_P, ("life",) * count
    )


def _lively(task: Life, rng: np.ndarray, steps: int) -> np.ndarray:
    """A puzzle of so many generations, all different."""
    cells = task.size**2
    while True:
        board_N = (np.arange(cells) < cells // 4 + below(rng, cells // 4 + 1)).astype(np.int64)
        shuffle(rng, board_N)
        boards = [board_N == 1]
        for _ in range(steps):
            boards.append(after(boards[-1], task.size))
        if len({board.tobytes() for board in boards}) == steps + 1:
            return np.concatenate([board_N.astype(np.uint8), task.marks(steps)])
