"""What can be drawn: one moment of one puzzle that is being solved in segments.

Plain numpy and Python, with neither environment nor model, so any moment can be made by hand.

Shapes: L cells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from hrm_rl.puzzles import PuzzleSet, Task, for_length, task_of

DECISIONS: Final = ("", "continue", "halt", "forced", "restart")


@dataclass(frozen=True, eq=False)
class Frame:
    """One moment of one puzzle. Arrays are copied, so a frame outlives the buffers it came from.

    Raises:
        ValueError: a field is outside what its docstring allows.
    """

    givens_L: np.ndarray
    """Values of the puzzle's cells (`puzzles.Task`), 0 = blank; in a Sudoku its digits."""
    cells_L: np.ndarray
    """Values predicted now. 0 = none, which shows the given, if there is one."""
    previous_L: np.ndarray | None
    """The prediction one segment ago; None after segment 1, when nothing counts as changed."""
    segment: int
    """Counted from 1."""
    max_segments: int
    q_halt: float
    """Probability in [0, 1], the sigmoid of the logit; nan is shown as a dash."""
    q_continue: float
    decision: str
    """One of `DECISIONS`: none yet, continue, halt, the forced halt at `max_segments`, or restart."""
    correct: bool | None
    """Whether the prediction is the solution; None = not to be shown."""
    title: str = ""
    task: str = ""
    """What it is (`puzzles.task_of`), "maze10"; left out, the Sudoku of so many cells."""
    solution_L: np.ndarray | None = None
    """Values of the stored answer, where it is to be seen what is wrong: once the episode is over."""
    demonstrations: Sequence[np.ndarray] | np.ndarray = ()
    """What the rule of an ARC task was shown by: pairs (2, L) of values, question and answer."""
    copy: int = 0
    """Which copy of the puzzle it is, from 0,"""
    restarts: int = 0
    """of so many after the first; 0: there are no copies to speak of."""

    def __post_init__(self) -> None:
        if self.rules.length != np.size(self.givens_L):  # `rules` refuses what is no task
            raise ValueError(
                f"givens_L must have the {self.rules.length} cells of {self.task}, "
                f"got {np.size(self.givens_L)}"
            )
        for name in ("givens_L", "cells_L", "previous_L", "solution_L"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, self._values(name))
        if not 1 <= self.segment <= self.max_segments:
            raise ValueError(
                f"segment must be in 1..max_segments, got {self.segment} of {self.max_segments}"
            )
        if not 0 <= self.copy <= self.restarts:
            raise ValueError(f"copy must be in 0..restarts, got {self.copy} of {self.restarts}")
        for name in ("q_halt", "q_continue"):
            q = getattr(self, name)
            if not (math.isnan(q) or 0 <= q <= 1):
                raise ValueError(f"{name} must be in [0, 1] or nan, got {q}; pass sigmoid(logit)")
        if self.decision not in DECISIONS:
            raise ValueError(f"decision must be one of {DECISIONS}, got {self.decision!r}")

    def _values(self, name: str) -> np.ndarray:
        values, most = np.array(getattr(self, name)), self._most  # a copy
        if values.shape != (np.size(self.givens_L),):
            raise ValueError(
                f"{name} must be flat and as long as the puzzle, ({np.size(self.givens_L)},), "
                f"got shape {values.shape}"
            )
        if not np.isin(values, np.arange(most + 1)).all():
            raise ValueError(
                f"{name} must hold values 0..{most}, got {values.min()}..{values.max()}; "
                "tokens become values with task_of(name).values(tokens)"
            )
        values = values.astype(np.uint8)
        values.flags.writeable = False
        return values

    @property
    def _most(self) -> int:
        rules = self.rules
        return int(rules.values(np.arange(rules.vocab)).max())

    @property
    def rules(self) -> Task:
        return task_of(self.task) if self.task else for_length(np.size(self.givens_L))

    def shown(self, values_L: np.ndarray) -> np.ndarray:
        """Put the givens where a prediction has nothing."""
        return np.where(values_L == 0, self.givens_L, values_L)

    def broken(self) -> np.ndarray:
        """bool[L]: cells that break a rule or overwrite a given."""
        return self.rules.broken(self.givens_L, self.shown(self.cells_L))

    @property
    def missed_L(self) -> np.ndarray | None:
        """The stored answer, if the prediction is wrong; None if it is right: there may be several."""
        return None if self.correct else self.solution_L

    def wrong(self) -> np.ndarray:
        """bool[L]: cells of a wrong answer that are not as in the stored one, breaking a rule or not."""
        if self.missed_L is None:
            return np.zeros(len(self.cells_L), bool)
        return self.shown(self.cells_L) != self.missed_L

    def changed(self) -> np.ndarray:
        """bool[L]: cells that show another value than one segment ago."""
        if self.previous_L is None:
            return np.zeros(len(self.cells_L), bool)
        return self.shown(self.cells_L) != self.shown(self.previous_L)


def frame_at(
    puzzles: PuzzleSet,
    index: int,
    *,
    prediction_L: np.ndarray,
    previous_L: np.ndarray | None,
    q_2: Sequence[float],
    **moment: Any,
) -> Frame:
    """A moment of a puzzle of a set, from what a model wrote.

    Args:
        prediction_L, previous_L: tokens.
        q_2: the probabilities of halting and of continuing.
        moment: the other fields of the frame.
    """
    rules = task_of(puzzles.task)
    over = moment.get("decision") in ("halt", "forced")
    q_halt, q_continue = q_2
    return Frame(
        givens_L=rules.values(puzzles.inputs_PL[index]),
        cells_L=rules.values(prediction_L),
        previous_L=None if previous_L is None else rules.values(previous_L),
        q_halt=q_halt,
        q_continue=q_continue,
        task=rules.task,
        solution_L=rules.values(puzzles.solutions_PL[index]) if over else None,
        demonstrations=puzzles.shown.get(int(puzzles.ids_P[index]), ()),
        **moment,
    )
