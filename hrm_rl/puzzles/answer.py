"""The answer of a puzzle that somebody wrote down."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from hrm_rl.puzzles.maze import wavefront
from hrm_rl.puzzles.maze.rules import FREE, GOAL, PATH, START, WALL, Maze
from hrm_rl.puzzles.sudoku.rules import Sudoku
from hrm_rl.puzzles.task import PuzzleError, Task
from hrm_rl.puzzles.toys.life.rules import Life
from hrm_rl.puzzles.toys.parity.rules import Parity
from hrm_rl.puzzles.toys.queens.rules import Queens

MANY: Final = 200
"""Puzzles from which on it pays to wait for the compiled solver."""


def answer(task: Task, text: str) -> np.ndarray:
    """Values (L,) of the solution of a puzzle that is given as text.

    Of several shortest ways through a maze it is the one that the generator would store. Other
    puzzles must have a single solution, but queens may have more, of which it is the first found.

    Raises:
        PuzzleError: it is no puzzle, it has no solution, or its kind has no solver here.
    """
    return solution(task, task.parse(text))


def solution(task: Task, givens_L: np.ndarray) -> np.ndarray:
    """The same of a puzzle that is given as values."""
    if isinstance(task, Sudoku):
        from hrm_rl.puzzles.sudoku.solver import only

        return only(givens_L, task.size)
    if isinstance(task, Maze):
        found_L = _way(task, givens_L)
    elif isinstance(task, Queens):
        from hrm_rl.puzzles.toys.queens.generate import PATIENCE, complete

        found, _ = complete(givens_L, task.size, limit=1, most=PATIENCE)
        found_L = found[0] if found else givens_L
    elif isinstance(task, Parity):
        found_L = task.folded(givens_L, 1)
    elif isinstance(task, Life):
        found_L = task.generation(givens_L, 0)
    else:
        raise PuzzleError(
            f"there is no solver of {task.kind} here to know the answer of a puzzle of your own; "
            "leave the puzzle out, and a test puzzle is taken"
        )
    if not task.solved(givens_L[None], found_L[None])[0]:
        raise PuzzleError(f"this puzzle of {task.task} has no solution; give one that has")
    return found_L


def solutions(task: Task, givens_PL: np.ndarray) -> Iterator[np.ndarray]:
    """`solution` of one puzzle after the other; many 9x9 Sudoku are compiled for, where they can be."""
    from hrm_rl.puzzles.jit import HAVE_NUMBA

    if isinstance(task, Sudoku) and task.size == 9 and len(givens_PL) >= MANY and HAVE_NUMBA:
        from hrm_rl.puzzles.sudoku.rating import solve_all

        found_PL, count_P = solve_all(givens_PL)
        for givens_L, found_L, count in zip(givens_PL, found_PL, count_P, strict=True):
            yield found_L if count == 1 else solution(task, givens_L)
    else:
        for givens_L in givens_PL:
            yield solution(task, givens_L)


def _way(task: Maze, givens_L: np.ndarray) -> np.ndarray:
    ends = [int((givens_L == end).sum()) for end in (START, GOAL)]
    if ends != [1, 1] or not np.isin(givens_L, (WALL, FREE, START, GOAL)).all():
        raise PuzzleError(
            f"a maze has one S, one G and no o, got {ends[0]} S, {ends[1]} G and "
            f"{int((givens_L == PATH).sum())} o"
        )
    side = task.side
    free, start, goal = (
        wavefront.bits(cells_L, side)
        for cells_L in (givens_L != WALL, givens_L == START, givens_L == GOAL)
    )
    way_L = wavefront.cells(sum(wavefront.way(free, start, goal, side)), side)
    return np.where(way_L & (givens_L == FREE), PATH, givens_L).astype(np.uint8)
