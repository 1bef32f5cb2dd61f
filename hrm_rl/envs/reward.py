"""What an answer is worth, as pure functions of how right it is.

The step cost is not here: the engine takes it off at every continue.

Shapes: B slots, T tokens.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

from jaxtyping import Bool, Float, Integer
from torch import Tensor

from hrm_rl.puzzles import verdicts
from hrm_rl.puzzles.task import Task
from hrm_rl.puzzles.verdicts import valid_optimal


class Outcome(NamedTuple):
    """How right the predictions are, were they the answers."""

    correct_B: Bool[Tensor, " B"]
    """1{prediction == solution} over the scored cells (those that are not PAD): the paper's."""
    cells_B: Float[Tensor, " B"]
    """Share of the scored cells that are right."""
    valid_B: Bool[Tensor, " B"]
    """Right by the rules (`verdicts.valid_optimal`), though perhaps not the stored solution."""


def outcome(
    task: Task,
    x_BT: Integer[Tensor, "B T"],
    prediction_BT: Integer[Tensor, "B T"],
    y_BT: Integer[Tensor, "B T"],
) -> Outcome:
    """Compare predictions with solutions; a row without scored cells is wrong in all."""
    return Outcome(
        verdicts.exact(prediction_BT, y_BT),
        verdicts.token_accuracy(prediction_BT, y_BT),
        valid_optimal(task, x_BT, prediction_BT, y_BT),
    )


def exact(outcome: Outcome) -> Float[Tensor, " B"]:
    """The paper's: 1 for the whole solution."""
    return outcome.correct_B.float()


def token_accuracy(outcome: Outcome) -> Float[Tensor, " B"]:
    """Denser, but it pays for wrong answers too."""
    return outcome.cells_B


def by_the_rules(outcome: Outcome) -> Float[Tensor, " B"]:
    """1 for any answer that is right by the rules: in a maze, any shortest path."""
    return outcome.valid_B.float()


def succeeded(outcome: Outcome, reward: str) -> Bool[Tensor, " B"]:
    """Whether the answers are right by the verdict that the reward goes by."""
    return outcome.valid_B if reward == "valid_optimal" else outcome.correct_B


REWARDS: Final = MappingProxyType(
    {"exact": exact, "token_accuracy": token_accuracy, "valid_optimal": by_the_rules}
)
"""Every reward by the name that `reward=` takes."""
