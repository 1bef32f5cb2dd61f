"""Every low-level step of an HRM or a TRM, seen from outside: `segment` runs as it always does.

Shapes: B slots, L positions, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hrm_rl import loop
from hrm_rl.models.base import Model
from hrm_rl.models.blocks import Level
from hrm_rl.models.drawn import seeds
from hrm_rl.models.hrm import HRM
from hrm_rl.models.trm import TRM


class Call(NamedTuple):
    """A module that was run: on what, and what came out."""

    inputs: tuple[Any, ...]
    out: Tensor


@contextmanager
def calls(*modules: nn.Module) -> Iterator[list[Call]]:
    """Within it, what these modules do is put down in a list, in order."""
    seen: list[Call] = []
    hooks = [
        module.register_forward_hook(lambda _, inputs, out: seen.append(Call(inputs, out)))
        for module in dict.fromkeys(modules)
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


class Step(NamedTuple):
    """What the states are after one low-level step i."""

    segment: int
    """Counted from 1."""
    step: int
    """Low-level step of the segment, from 1 to N x T."""
    z_L: Float[Tensor, "B L D"]
    """Of the fast module, after the step."""
    z_H: Float[Tensor, "B L D"]
    """Of the slow module, which the step read."""
    ends_cycle: bool
    z_bar: Callable[[], Float[Tensor, "B L D"]]
    """f_H(z_H, z_L), worked out when asked for: what the slow module would make of them now (paper,
    "Visualization of intermediate timesteps"). At the end of a cycle it is its new state."""


def dealt(model: Model, batch: loop.Batch) -> loop.Slots:
    """Fresh slots; a model that draws does so by each puzzle's place, as in `evaluate`."""
    at_B = torch.arange(len(batch.x_BT), device=batch.x_BT.device)
    return loop.fresh(model, batch, seeds(0, at_B))


def steps(model: Model, batch: loop.Batch, segments: int) -> Iterator[Step]:
    """Solve puzzles for some segments and show every low-level step.

    A TRM's latent counts as z_L, its answer as z_H, and its one network as both modules.

    Raises:
        ValueError: the model has no fast and slow state.
    """
    if type(model) not in (HRM, TRM):
        raise ValueError(
            f"low-level steps are those of an HRM or a TRM, got a {type(model).__name__}"
        )
    assert isinstance(model, HRM | TRM)
    slow = model.H_level if isinstance(model, HRM) else model.L_level
    slots, T = dealt(model, batch), model.config.L_cycles
    for m in range(1, segments + 1):
        z_H = loop.carried(model, slots).z_H
        with torch.no_grad(), calls(model.L_level, slow) as made:
            slots, _ = loop.advance(model, slots)
        for cycle in range(model.config.H_cycles):
            *low, high = made[cycle * (T + 1) :][: T + 1]
            for i, call in enumerate(low, start=1):
                z_bar = (lambda out=high.out: out) if i == T else _ahead(slow, z_H, call)
                yield Step(m, cycle * T + i, call.out, z_H, i == T, z_bar)
            z_H = high.out


def _ahead(slow: Level, z_H: Tensor, low: Call) -> Callable[[], Float[Tensor, "B L D"]]:
    """What the slow module would make of a low-level step."""
    rotary = low.inputs[2]

    @torch.no_grad()
    def look() -> Tensor:
        return slow(z_H, low.out, rotary)

    return look
