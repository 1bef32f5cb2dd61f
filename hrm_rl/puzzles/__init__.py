"""Puzzles: rules, generators, augmentation, rating, and the sets that ship.

Knows no model and no environment; imports torch where batches of a device are handled (`augment`,
`verdicts`) and numba where it pays.
"""

from hrm_rl.puzzles.files import load, read, read_csv, write_csv
from hrm_rl.puzzles.kinds import task_for, task_of
from hrm_rl.puzzles.sets import PuzzleSet, concat
from hrm_rl.puzzles.sudoku.rules import Sudoku, for_length
from hrm_rl.puzzles.task import PuzzleError, Task

__all__ = [
    "PuzzleError",
    "PuzzleSet",
    "Sudoku",
    "Task",
    "concat",
    "for_length",
    "load",
    "read",
    "read_csv",
    "task_for",
    "task_of",
    "write_csv",
]
