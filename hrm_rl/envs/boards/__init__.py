"""How the board of every kind of puzzle looks; what is around it is in `picture`."""

from __future__ import annotations

from typing import Final, Protocol

from hrm_rl.envs.boards import arc, demos, life, maze, parity, queens, sudoku
from hrm_rl.envs.boards.palette import Canvas
from hrm_rl.envs.frame import Frame


class Board(Protocol):
    """What a module of this package has."""

    @property
    def NAME(self) -> str:
        """What people call the puzzle."""

    def paint(self, canvas: Canvas, frame: Frame) -> None:
        """Paint the puzzle inside `palette.BOARD`."""

    def legend(self, canvas: Canvas) -> None:
        """Say below what its colours mean."""


BOARDS: Final[dict[str, Board]] = {
    "sudoku": sudoku,
    "maze": maze,
    "parity": parity,
    "life": life,
    "queens": queens,
    "arc": arc,
    "demos": demos,
}
"""By kind of puzzle."""


def board(kind: str) -> Board:
    """How that kind of puzzle looks.

    Raises:
        ValueError: nobody has said so.
    """
    if kind not in BOARDS:
        raise ValueError(
            f"no board draws {kind} puzzles; put one into hrm_rl.envs.boards.BOARDS, or leave out "
            "render_mode"
        )
    return BOARDS[kind]
