"""Is an answer right by the rules, though perhaps not the one that is stored?

A verdict is a function of tensors, without a host read, so that environments can pay by it.

Suffixes: B puzzles of the batch, L cells.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from jaxtyping import Bool, Integer
from torch import Tensor

from hrm_rl.losses import exact
from hrm_rl.puzzles import maze_verdict, queens_verdict
from hrm_rl.puzzles.task import Task

Verdict = Callable[
    [Task, Integer[Tensor, "B L"], Integer[Tensor, "B L"], Integer[Tensor, "B L"]],
    Bool[Tensor, " B"],
]

VALID: Final[Mapping[str, Verdict]] = MappingProxyType(
    {"maze": maze_verdict.valid_optimal, "queens": queens_verdict.valid}
)
"""Verdict of each kind whose puzzles may have several right answers."""


def valid_optimal(
    task: Task,
    x_BL: Integer[Tensor, "B L"],
    prediction_BL: Integer[Tensor, "B L"],
    y_BL: Integer[Tensor, "B L"],
) -> Bool[Tensor, " B"]:
    """Whether predictions solve their puzzles by the rules, and as well as the stored solutions do.

    In a maze that is any shortest path. Where the solution is the only one, this is `losses.exact`.

    Args:
        x_BL, prediction_BL, y_BL: tokens of puzzles, predictions and stored solutions.
    """
    verdict = VALID.get(task.kind)
    return verdict(task, x_BL, prediction_BL, y_BL) if verdict else exact(prediction_BL, y_BL)
