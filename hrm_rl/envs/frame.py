"""What can be drawn: one moment of one Sudoku that is being solved in segments.

Plain numpy and Python, with neither environment nor model, so any moment can be made by hand.

Shapes: L cells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from hrm_rl.puzzles.sudoku import Sudoku, for_length

DECISIONS: Final = ("", "continue", "halt", "forced")


@dataclass(frozen=True, eq=False)
class Frame:
    """One moment of one puzzle. Arrays are copied, so a frame outlives the buffers it came from.

    Raises:
        ValueError: a field is outside what its docstring allows.
    """

    givens_L: np.ndarray
    """Digits of the puzzle, 0 = blank; 16, 36 or 81 of them."""
    cells_L: np.ndarray
    """Digits predicted now. 0 = none, which shows the given, if there is one."""
    previous_L: np.ndarray | None
    """The prediction one segment ago; None after segment 1, when nothing counts as changed."""
    segment: int
    """Counted from 1."""
    max_segments: int
    q_halt: float
    """Probability in [0, 1], the sigmoid of the logit; nan is shown as a dash."""
    q_continue: float
    decision: str
    """One of `DECISIONS`: none yet, continue, halt, or the forced halt at `max_segments`."""
    correct: bool | None
    """Whether the prediction is the solution; None = not to be shown."""
    title: str = ""

    def __post_init__(self) -> None:
        for_length(np.size(self.givens_L))  # refuses what is no grid
        for name in ("givens_L", "cells_L", "previous_L"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, self._digits(name))
        if not 1 <= self.segment <= self.max_segments:
            raise ValueError(
                f"segment must be in 1..max_segments, got {self.segment} of {self.max_segments}"
            )
        for name in ("q_halt", "q_continue"):
            q = getattr(self, name)
            if not (math.isnan(q) or 0 <= q <= 1):
                raise ValueError(f"{name} must be in [0, 1] or nan, got {q}; pass sigmoid(logit)")
        if self.decision not in DECISIONS:
            raise ValueError(f"decision must be one of {DECISIONS}, got {self.decision!r}")

    def _digits(self, name: str) -> np.ndarray:
        digits = np.array(getattr(self, name))  # a copy
        if digits.shape != (np.size(self.givens_L),):
            raise ValueError(
                f"{name} must be flat and as long as the puzzle, ({np.size(self.givens_L)},), "
                f"got shape {digits.shape}"
            )
        if not np.isin(digits, np.arange(self.size + 1)).all():
            raise ValueError(
                f"{name} must hold digits 0..{self.size}, got {digits.min()}..{digits.max()}; "
                "tokens become digits with Sudoku(size).digits(tokens)"
            )
        digits = digits.astype(np.uint8)
        digits.flags.writeable = False
        return digits

    @property
    def rules(self) -> Sudoku:
        return for_length(np.size(self.givens_L))

    @property
    def size(self) -> int:
        return self.rules.size

    def shown(self, digits_L: np.ndarray) -> np.ndarray:
        """Put the givens where a prediction has no digit."""
        return np.where(digits_L == 0, self.givens_L, digits_L)

    def broken(self) -> np.ndarray:
        """bool[L]: cells that repeat a digit in their row, column or box, or overwrite a given."""
        digits_L = self.shown(self.cells_L)
        overwritten_L = (self.givens_L != 0) & (digits_L != self.givens_L)
        return self.rules.violations(digits_L) | overwritten_L

    def changed(self) -> np.ndarray:
        """bool[L]: cells that show another digit than one segment ago."""
        if self.previous_L is None:
            return np.zeros(len(self.cells_L), bool)
        return self.shown(self.cells_L) != self.shown(self.previous_L)
