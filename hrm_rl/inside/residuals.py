"""Figure 3: how far states move at each step, and where to.

The paper gives no formula for its forward residual; here it is `|z_i - z_(i-1)|`, over all positions
and features of a puzzle, and its mean over puzzles. H is compared from update to update. Beside HRM stand
a recurrent network without hierarchy (from pass to pass), and a deep network (from layer to layer).

Shapes: B slots, L positions, D width, I steps, S states, E = L x D.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from hrm_rl import loop
from hrm_rl.inside.steps import calls, dealt, steps
from hrm_rl.models.base import Model
from hrm_rl.models.transformer import Transformer


class State(NamedTuple):
    """Where a module is after a step; step 0 is where it begins."""

    module: str
    """"z_H" and "z_L" of an HRM or TRM, "passes" of a recurrent Transformer, "layers" of a deep one."""
    step: int
    z_BLD: Float[Tensor, "B L D"]


def path(model: Model, batch: loop.Batch, segments: int) -> Iterator[State]:
    """The states of a model on some puzzles, in order.

    Raises:
        ValueError: a model whose states are none of these.
    """
    if not isinstance(model, Transformer):
        yield from _updates(model, batch, segments)
    elif model.config.recurrent:
        yield from _passes(model, batch, segments)
    else:
        yield from _layers(model, batch)


def _updates(model: Model, batch: loop.Batch, segments: int) -> Iterator[State]:
    """An HRM or a TRM from update to update of each state."""
    start = loop.carried(model, dealt(model, batch))
    for i, at in enumerate(steps(model, batch, segments), start=1):
        if i == 1:
            yield State("z_H", 0, start.z_H)
            yield State("z_L", 0, start.z_L)
        yield State("z_L", i, at.z_L)
        if at.ends_cycle:
            yield State("z_H", i, at.z_bar())


def _passes(model: Transformer, batch: loop.Batch, segments: int) -> Iterator[State]:
    """A recurrent Transformer from pass to pass."""
    slots, i = dealt(model, batch), 0
    yield State("passes", 0, slots.carry.z_H)
    for _ in range(segments):
        with torch.no_grad(), calls(model.H_level) as made:
            slots, _ = loop.advance(model, slots)
        for call in made:
            i += 1
            yield State("passes", i, call.out)


def _layers(model: Transformer, batch: loop.Batch) -> Iterator[State]:
    """A deep Transformer from layer to layer."""
    with torch.no_grad(), calls(*model.H_level.layers) as made:
        loop.advance(model, dealt(model, batch))
    yield State("layers", 0, made[0].inputs[0])
    for i, call in enumerate(made, start=1):
        yield State("layers", i, call.out)


def moved(before_BLD: Tensor, after_BLD: Tensor) -> Float[Tensor, " B"]:
    """Frobenius norm of a state's change."""
    return (after_BLD.float() - before_BLD.float()).flatten(1).norm(dim=1)


def moved_rms(before_BLD: Tensor, after_BLD: Tensor) -> Float[Tensor, " B"]:
    """Root mean square of a state's change, which models of other sizes can be compared by."""
    return moved(before_BLD, after_BLD) / after_BLD[0].numel() ** 0.5


def moved_relative(before_BLD: Tensor, after_BLD: Tensor) -> Float[Tensor, " B"]:
    """Norm of a state's change over the norm of the state."""
    return moved(before_BLD, after_BLD) / after_BLD.float().flatten(1).norm(dim=1).clamp(min=1e-8)


NORMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "fro": moved,
    "rms": moved_rms,
    "relative": moved_relative,
}


@dataclass(frozen=True)
class Residuals:
    """One line of Figure 3 and one trajectory."""

    module: str
    step_I: tuple[int, ...]
    residual_I: tuple[float, ...]
    """Mean over puzzles."""
    swing: float
    """Distance of the last state from that two steps before, over its distance from that one step
    before, mean over puzzles: 0 swings between two points, 2 goes on straight and evenly; nan after
    one step."""
    points_S2: tuple[tuple[float, float], ...]
    """The first puzzle's states along their two first principal components, the beginning included."""
    share_2: tuple[float, float]
    """Of that puzzle's variance, in each of the two."""


def figure3(
    model: Model, batch: loop.Batch, segments: int, norm: str = "rms"
) -> dict[str, Residuals]:
    """Residuals and trajectories by module.

    Raises:
        ValueError: no such norm.
    """
    if norm not in NORMS:
        raise ValueError(f"norm must be one of {', '.join(NORMS)}, got {norm!r}")
    moves: dict[str, list[tuple[int, float]]] = {}
    first_SE: dict[str, list[Tensor]] = {}
    recent: dict[str, list[Tensor]] = {}
    for module, step, z_BLD in path(model, batch, segments):
        before = recent.setdefault(module, [])
        moved_so_far = moves.setdefault(module, [])
        if before:
            moved_so_far.append((step, float(NORMS[norm](before[-1], z_BLD).mean())))
        recent[module] = [*before[-2:], z_BLD]
        first_SE.setdefault(module, []).append(z_BLD[0].flatten())
    lines = {}
    for module, pairs in moves.items():
        step_I, residual_I = zip(*pairs, strict=True)
        points_S2, share_2 = principal(torch.stack(first_SE[module]))
        points, share = tuple((x, y) for x, y in points_S2.tolist()), tuple(share_2.tolist())
        swing = _swing(recent[module])
        lines[module] = Residuals(module, step_I, residual_I, swing, points, share)
    return lines


def _swing(recent: list[Tensor]) -> float:
    """See `Residuals.swing`; of the last three states."""
    if len(recent) < 3:
        return float("nan")
    return float((moved(recent[0], recent[2]) / moved(recent[1], recent[2])).mean())


def principal(z_SE: Float[Tensor, "S E"]) -> tuple[Float[Tensor, "S 2"], Float[Tensor, " 2"]]:
    """States along their two first principal components, and the share of the variance in each."""
    centred_SE = z_SE.double() - z_SE.double().mean(0)
    u_SK, size_K, _ = torch.linalg.svd(centred_SE, full_matrices=False)
    variance_K = size_K.square()
    return u_SK[:, :2] * size_K[:2], variance_K[:2] / variance_K.sum()


def spikes(line: Residuals, cycle: int) -> float:
    """How much farther a module moves at the first step of a cycle than at the last, in the median.

    The first cycle is left out: every module moves far from where it begins. nan if there is no other.
    """
    last_I = line.residual_I
    starts = range(cycle, len(last_I) - cycle + 1, cycle)
    ratios = [last_I[i] / last_I[i + cycle - 1] for i in starts]
    return statistics.median(ratios) if ratios else float("nan")
