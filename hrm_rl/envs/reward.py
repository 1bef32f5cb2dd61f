"""What an answer is worth, as pure functions of how right it is.

The step cost is not here: the engine takes it off at every continue.

Shapes: B slots, T tokens.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

from jaxtyping import Bool, Float, Integer
from torch import Tensor

from hrm_rl import losses


class Outcome(NamedTuple):
    """How right the predictions are, were they the answers."""

    correct_B: Bool[Tensor, " B"]
    """1{prediction == solution} over the scored cells (those that are not PAD): the paper's."""
    cells_B: Float[Tensor, " B"]
    """Share of the scored cells that are right."""


def outcome(prediction_BT: Integer[Tensor, "B T"], y_BT: Integer[Tensor, "B T"]) -> Outcome:
    """Compare predictions with solutions; a row without scored cells is wrong in all."""
    return Outcome(losses.exact(prediction_BT, y_BT), losses.token_accuracy(prediction_BT, y_BT))


def exact(outcome: Outcome) -> Float[Tensor, " B"]:
    """The paper's: 1 for the whole solution."""
    return outcome.correct_B.float()


def token_accuracy(outcome: Outcome) -> Float[Tensor, " B"]:
    """Denser, but it pays for wrong answers too."""
    return outcome.cells_B


REWARDS: Final = MappingProxyType({"exact": exact, "token_accuracy": token_accuracy})
"""Every reward by the name that `reward=` takes."""
