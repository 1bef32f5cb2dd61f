"""What halting earns: pure functions of the prediction and the solution.

Shapes: B slots, T tokens.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from jaxtyping import Float, Integer
from torch import Tensor

from hrm_rl.losses import PAD


def exact(
    prediction_BT: Integer[Tensor, "B T"], y_BT: Integer[Tensor, "B T"]
) -> Float[Tensor, " B"]:
    """1{prediction == solution} over the scored cells (those that are not PAD): the paper's."""
    scored_BT = y_BT != PAD
    wrong_BT = (prediction_BT != y_BT) & scored_BT
    return (~wrong_BT.any(-1) & scored_BT.any(-1)).float()


def token_accuracy(
    prediction_BT: Integer[Tensor, "B T"], y_BT: Integer[Tensor, "B T"]
) -> Float[Tensor, " B"]:
    """The share of the scored cells that are right: denser, but it pays for wrong answers too."""
    scored_BT = y_BT != PAD
    right_BT = (prediction_BT == y_BT) & scored_BT
    return right_BT.sum(-1) / scored_BT.sum(-1).clamp(min=1)


REWARDS: Final = MappingProxyType({"exact": exact, "token_accuracy": token_accuracy})
"""Every reward by the name that `reward=` takes."""
