"""NaN in the weights of stable-baselines3's algorithms: told before it comes about, refused afterwards."""

from __future__ import annotations

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn


def lone_row(model: BaseAlgorithm, slots: int) -> str:
    """What is wrong if a minibatch would have one row; "" if none would.

    The advantage of a lone row is divided by a deviation of NaN, and PPO alone looks. MaskablePPO and
    RecurrentPPO of sb3-contrib 2.9.2 don't (`findings/sb3-contrib-lone-row.sh`), nor does A2C, whose
    minibatch is all rows. TRPO's batch_size is its critic's.
    """
    kinds = {kind.__name__ for kind in type(model).__mro__}
    if kinds & {"PPO", "TRPO"} or not getattr(model, "normalize_advantage", False):
        return ""
    name, steps = type(model).__name__, int(model.n_steps)  # type: ignore[attr-defined]
    rows, batch = steps * slots, getattr(model, "batch_size", None)
    if batch is None and rows == 1:
        return (
            f"n_steps must give {name} more than one row, whose advantage it would make NaN, "
            f"got {steps} of {slots} slot; choose 2 or more"
        )
    if batch is not None and (batch == 1 or rows % batch == 1):
        return (
            f"batch_size must not leave a minibatch of one row, whose advantage {name} "
            f"would make NaN, got {batch} of {rows} rows ({steps} steps of {slots} slots); choose "
            "one above 1 that divides them"
        )
    return ""


def refuse_lone_row(model: BaseAlgorithm, slots: int) -> None:
    """Raises ValueError: a minibatch would have one row (`lone_row`)."""
    if said := lone_row(model, slots):
        raise ValueError(said)


def refuse_nan(model: BaseAlgorithm) -> None:
    """Raises ValueError: some weight is NaN, so that no action is better than another."""
    weights = model.policy.parameters() if isinstance(model.policy, nn.Module) else ()
    if any(bool(torch.isnan(weight).any()) for weight in weights):
        raise ValueError(
            f"{type(model).__name__} must have weights to decide by, got NaN; train it again, with a "
            "batch_size that leaves no minibatch of one row, or a smaller learning rate"
        )
