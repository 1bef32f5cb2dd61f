"""Is an answer right by the rules, though perhaps not the one that is stored?

A verdict is a function of tensors, without a host read, so that environments can pay by it.

Suffixes: B puzzles of the batch, L cells.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor

from hrm_rl.puzzles.maze import verdict as maze_verdict
from hrm_rl.puzzles.task import Task
from hrm_rl.puzzles.toys.queens import nearest as queens_nearest
from hrm_rl.puzzles.toys.queens import verdict as queens_verdict

Verdict = Callable[
    [Task, Integer[Tensor, "B L"], Integer[Tensor, "B L"], Integer[Tensor, "B L"]],
    Bool[Tensor, " B"],
]

VALID: Final[dict[str, Verdict]] = {
    "maze": maze_verdict.valid_optimal,
    "queens": queens_verdict.valid,
}
"""Verdict of each kind whose puzzles may have several right answers."""


def valid_optimal(
    task: Task,
    x_BL: Integer[Tensor, "B L"],
    prediction_BL: Integer[Tensor, "B L"],
    y_BL: Integer[Tensor, "B L"],
) -> Bool[Tensor, " B"]:
    """Whether predictions solve their puzzles by the rules, and as well as the stored solutions do.

    In a maze that is any shortest path. Where the solution is the only one, this is `exact`.

    Args:
        x_BL, prediction_BL, y_BL: tokens of puzzles, predictions and stored solutions.
    """
    verdict = VALID.get(task.kind)
    return verdict(task, x_BL, prediction_BL, y_BL) if verdict else exact(prediction_BL, y_BL)


Nearest = Callable[
    [Task, Integer[Tensor, "B L"], Float[Tensor, "B L V"], Integer[Tensor, "B L"]],
    Integer[Tensor, "B L"],
]

NEAREST: Final[Mapping[str, Nearest]] = MappingProxyType({"queens": queens_nearest.nearest})
"""Of each kind whose answers can be listed: tokens of the one that logits are nearest to."""


def has_nearest(task: Task) -> bool:
    """Whether all answers of such puzzles can be listed: those of boards of queens up to 10 rows."""
    return task.kind in NEAREST and task.rows <= queens_nearest.LARGEST


PAD = 0


def cells_right(
    prediction_BT: Integer[Tensor, "B T"], y_BT: Integer[Tensor, "B T"]
) -> Bool[Tensor, "B T"]:
    """Which cells are scored (those that are not PAD) and predicted right."""
    return (prediction_BT == y_BT) & (y_BT != PAD)


def exact(
    prediction_BT: Integer[Tensor, "B T"], y_BT: Integer[Tensor, "B T"]
) -> Bool[Tensor, " B"]:
    """1{prediction == solution}: all scored cells are right; never so in a row without any."""
    scored_B = (y_BT != PAD).sum(-1)
    return (cells_right(prediction_BT, y_BT).sum(-1) == scored_B) & (scored_B > 0)


def token_accuracy(
    prediction_BT: Integer[Tensor, "B T"], y_BT: Integer[Tensor, "B T"]
) -> Float[Tensor, " B"]:
    """The share of the scored cells that are right."""
    return cells_right(prediction_BT, y_BT).sum(-1) / (y_BT != PAD).sum(-1).clamp(min=1)


def correct(logits_BTV: Float[Tensor, "B T V"], y_BT: Int[Tensor, "B T"]) -> Bool[Tensor, " B"]:
    """`exact` of the argmax over the whole vocabulary."""
    return exact(logits_BTV.argmax(-1), y_BT)
