"""Puzzles: rules, generators, augmentation, rating, and the sets that ship.

Knows no model and no environment; imports torch in `augment` alone and numba where it pays.
"""

from hrm_rl.puzzles.sets import PuzzleSet, concat, load, read_csv, write_csv
from hrm_rl.puzzles.sudoku import PuzzleError, Sudoku, for_length, sudoku_of

__all__ = [
    "PuzzleError",
    "PuzzleSet",
    "Sudoku",
    "concat",
    "for_length",
    "load",
    "read_csv",
    "sudoku_of",
    "write_csv",
]
