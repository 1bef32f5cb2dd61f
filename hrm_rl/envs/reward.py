"""What halting earns: pure functions of the prediction and the solution.

Shapes: B slots, T tokens.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from jaxtyping import Float, Integer
from torch import Tensor

from hrm_rl import losses
from hrm_rl.losses import token_accuracy

__all__ = ["REWARDS", "exact", "token_accuracy"]


def exact(
    prediction_BT: Integer[Tensor, "B T"], y_BT: Integer[Tensor, "B T"]
) -> Float[Tensor, " B"]:
    """1{prediction == solution} over the scored cells (those that are not PAD): the paper's."""
    return losses.exact(prediction_BT, y_BT).float()


REWARDS: Final = MappingProxyType({"exact": exact, "token_accuracy": token_accuracy})
"""Every reward by the name that `reward=` takes. The second is denser, but pays for wrong answers."""
