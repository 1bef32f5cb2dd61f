"""Figure 7: what a model would answer after every low-level step, and what that tells of its strategy.

Shapes: B or P puzzles, T tokens, D width, L positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hrm_rl import loop
from hrm_rl.inside.steps import steps
from hrm_rl.loop import batch_of
from hrm_rl.models.base import Model
from hrm_rl.models.hrm import HRM
from hrm_rl.models.trm import TRM
from hrm_rl.puzzles import PuzzleSet, task_of
from hrm_rl.puzzles.task import Task
from hrm_rl.puzzles.verdicts import valid_optimal


class Prediction(NamedTuple):
    """The answer read from z_bar after a low-level step."""

    segment: int
    """Counted from 1."""
    step: int
    """Low-level step of the segment, from 1."""
    prediction_BT: Int[Tensor, "B T"]
    q_B2: Float[Tensor, "B 2"]
    """What the Q-head makes of z_bar: logits (halt, continue)."""


def predictions(model: Model, batch: loop.Batch, segments: int) -> Iterator[Prediction]:
    """One for every low-level step; the last of a segment is the segment's own."""
    for at in steps(model, batch, segments):
        assert isinstance(model, HRM | TRM)  # or `steps` would have refused it
        with torch.no_grad():
            z_BLD = at.z_bar()
            logits_BTV, q_B2 = model.lm_head(z_BLD)[:, model.config.prefix :], model.q(z_BLD)
        yield Prediction(at.segment, at.step, logits_BTV.argmax(-1), q_B2)


@dataclass(frozen=True)
class Moment:
    """A low-level step over some puzzles. Shares are of the cells that the puzzles leave open."""

    segment: int
    step: int
    solved: float
    """Share of puzzles whose answer is right by the rules."""
    right: float
    """Share of open cells as in the solution."""
    broken: float
    """Share that breaks a rule of the puzzle."""
    changed: float
    """Share that holds another token than a step before."""
    undone: float
    """Share that was right a step before and is wrong."""
    returned: float
    """Share that changed to a token that it held before: what was given up is tried again."""


def figure7(model: Model, puzzles: PuzzleSet, segments: int) -> list[Moment]:
    """Every low-level step in numbers; the changes of the first one are of nothing and count as 0."""
    batch = batch_of(puzzles, torch.arange(len(puzzles)), model.device)
    x_PT, y_PT = (tokens.cpu().numpy() for tokens in (batch.x_BT, batch.y_BT))
    open_PT, rules = _open(x_PT, y_PT), task_of(puzzles.task)
    moments: list[Moment] = []
    held: list[np.ndarray] = []
    for at in predictions(model, batch, segments):
        now_PT = at.prediction_BT.cpu().numpy()
        last_PT = held[-1] if held else now_PT
        changed_PT, right_PT = now_PT != last_PT, now_PT == y_PT
        before_PT = np.zeros_like(changed_PT)
        for old_PT in held:
            before_PT |= old_PT == now_PT
        broken_PT = _broken(rules, x_PT, now_PT)
        shares = [
            float(np.mean(cells_PT[open_PT]))
            for cells_PT in (
                right_PT,
                broken_PT,
                changed_PT,
                (last_PT == y_PT) & ~right_PT,
                changed_PT & before_PT,
            )
        ]
        solved_P = valid_optimal(rules, batch.x_BT, at.prediction_BT, batch.y_BT)
        moments.append(Moment(at.segment, at.step, float(solved_P.double().mean()), *shares))
        held.append(now_PT)
    return moments


def _open(x_PT: np.ndarray, y_PT: np.ndarray) -> np.ndarray:
    """Cells whose token does not settle the answer: some answer changes a token like it.

    In a Sudoku these are the blank cells, in a maze the free ones.
    """
    scored_PT = y_PT != 0
    changes = np.unique(x_PT[scored_PT & (x_PT != y_PT)])
    if not len(changes):
        raise ValueError("these puzzles are their own answers; give some that leave cells open")
    return scored_PT & np.isin(x_PT, changes)


def _broken(rules: Task, x_PT: np.ndarray, now_PT: np.ndarray) -> np.ndarray:
    """Cells that break a rule, a given standing where nothing is predicted."""
    given_PT, cells_PT = rules.values(x_PT), rules.values(now_PT)
    shown_PT = np.where(cells_PT == 0, given_PT, cells_PT)
    pairs = zip(given_PT, shown_PT, strict=True)
    return np.stack([rules.broken(given_T, cells_T) for given_T, cells_T in pairs])
