"""What a halting policy sees: observation sets as pure functions of the last two readouts.

Nothing here looks at the solution or at a later segment. A freshly dealt puzzle has no segment
before its first: there the last prediction counts as all different, its distribution as uniform, its
state as having stood still, and the acceleration before as large as can be.

Shapes: B slots, T tokens, L positions, D width, V vocabulary, F features.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.checks.numbers import choice
from hrm_rl.loop import Slots
from hrm_rl.models.base import Carry, ModelConfig, Output
from hrm_rl.models.layers import at_least_float32

Q_BOUND = 30.0
"""Q logits are clipped to +-30 in observations: their bounds have to be finite."""

SCALARS = (
    "q_halt",
    "q_continue",
    "entropy_mean",
    "entropy_max",
    "confidence_min",
    "confidence_mean",
    "log_confidence",
    "margin_min",
    "changed",
    "kl",
    "stable",
    "residual_H",
    "residual_L",
    "confidence_product",
    "entropy_change",
    "acceleration_H",
    "acceleration_H_last",
)
"""Columns of the "scalars" set. Entropies in nats; confidence: the probability of the predicted
token; log_confidence: mean over cells of its logarithm; margin: best minus second probability;
changed: share of cells predicted otherwise than a segment ago; kl: KL(last || now), mean over
cells; stable: segments in a row without a change; residuals: norm of the state's change over the
norm of the state (of a model with noise it is part of that change, and keeps it large);
confidence_product: over cells, the probability that all are right if they were
independent; entropy_change: mean over cells of how much the entropy went up or down since a segment
ago; acceleration_H: norm of the difference of the last two changes of z_H over the norm of z_H, as it
is now and as it was a segment ago."""

OBSERVATIONS = ("q", "scalars", "z_H", "z_H_pool", "full")
"""Names of the observation sets: Q logits; `SCALARS`; the vector that the Q-head reads; the mean of
z_H over positions; both states whole."""

_KL_BOUND, _RESIDUAL_BOUND, _STABLE_BOUND = 30.0, 4.0, 64.0
_LOG_P_MIN = -1e4  # a logarithm of -inf would be nan times its probability of 0


class Seen(NamedTuple):
    """All that can be observed of a segment, and what the next one is compared with."""

    prediction_BT: Int[Tensor, "B T"]
    log_p_BTV: Float[Tensor, "B T V"]
    scalars_BF: Float[Tensor, "B F"]
    carry: Carry
    change_BLD: Float[Tensor, "B L D"]
    """What this segment added to z_H, in float32."""


@torch.no_grad()
def look(before: Slots, after: Slots, output: Output, last: Seen | None) -> Seen:
    """What is seen of the segment that led from `before` to `after`.

    Args:
        last: what was seen of the segment before; rows just dealt (m = 1) do not use it. None if
            all are.
    """
    log_p_BTV = output.logits.float().log_softmax(-1).clamp(min=_LOG_P_MIN)
    prediction_BT = output.logits.argmax(-1)
    B, _, V = log_p_BTV.shape
    first_B = after.m_B == 1
    change_BLD, change_L_BLD = (
        new.float() - old.float() for new, old in zip(after.carry, before.carry, strict=True)
    )
    if last is None:
        none_BF = log_p_BTV.new_zeros(B, len(SCALARS))
        last = Seen(prediction_BT, log_p_BTV, none_BF, after.carry, torch.zeros_like(change_BLD))
    last_log_p = torch.where(first_B[:, None, None], -math.log(V), last.log_p_BTV)
    differs_BT = (prediction_BT != last.prediction_BT) | first_B[:, None]
    stable_B = torch.where(differs_BT.any(-1), 0, last.scalars_BF[:, SCALARS.index("stable")] + 1)
    last_acceleration_B = last.scalars_BF[:, SCALARS.index("acceleration_H")]

    residual_H_B = _relative(change_BLD, after.carry.z_H)
    acceleration_B = _relative(change_BLD - last.change_BLD, after.carry.z_H)

    p_BTV = log_p_BTV.exp()
    top_BT2 = p_BTV.topk(2).values
    entropy_BT, last_p = -(p_BTV * log_p_BTV).sum(-1), last_log_p.exp()
    last_entropy_BT = -(last_p * last_log_p).sum(-1)
    kl_B = (last_p * (last_log_p - log_p_BTV)).sum(-1).mean(-1)
    q_B2 = output.q.float().clamp(-Q_BOUND, Q_BOUND)
    columns = {
        "q_halt": q_B2[:, 0],
        "q_continue": q_B2[:, 1],
        "entropy_mean": entropy_BT.mean(-1),
        "entropy_max": entropy_BT.amax(-1),
        "confidence_min": top_BT2[..., 0].amin(-1),
        "confidence_mean": top_BT2[..., 0].mean(-1),
        "log_confidence": top_BT2[..., 0].log().mean(-1),
        "margin_min": (top_BT2[..., 0] - top_BT2[..., 1]).amin(-1),
        "changed": differs_BT.float().mean(-1),
        "kl": kl_B.clamp(0, _KL_BOUND),
        "stable": stable_B.clamp(max=_STABLE_BOUND),
        "residual_H": residual_H_B,
        "residual_L": _relative(change_L_BLD, after.carry.z_L),
        "confidence_product": top_BT2[..., 0].log().sum(-1).exp(),
        "entropy_change": (entropy_BT - last_entropy_BT).abs().mean(-1),
        "acceleration_H": torch.where(first_B, residual_H_B, acceleration_B),
        "acceleration_H_last": torch.where(first_B, _RESIDUAL_BOUND, last_acceleration_B),
    }
    scalars_BF = torch.stack([columns[name] for name in SCALARS], -1)
    return Seen(prediction_BT, log_p_BTV, scalars_BF, after.carry, change_BLD)


@torch.no_grad()
def relative_change(before_BLD: Tensor, after_BLD: Tensor) -> Float[Tensor, " B"]:
    """Norm of a state's change over its norm: "residual_H" of z_H."""
    return _relative(at_least_float32(after_BLD) - at_least_float32(before_BLD), after_BLD)


def _relative(change_BLD: Tensor, state_BLD: Tensor) -> Tensor:
    """Norm of a change over the norm of the state, clipped."""
    size_B = state_BLD.to(change_BLD.dtype).flatten(1).norm(dim=1).clamp(min=1e-8)
    return (change_BLD.flatten(1).norm(dim=1) / size_B).clamp(max=_RESIDUAL_BOUND)


def columns(name: str, seen: Seen) -> Float[Tensor, "B F"]:
    """The observation set `name` without the segment number.

    Raises:
        ValueError: no such set.
    """
    if name == "q":
        return seen.scalars_BF[:, :2]
    if name == "scalars":
        return seen.scalars_BF
    if name == "z_H":
        return seen.carry.z_H[:, 0].float()
    if name == "z_H_pool":
        return seen.carry.z_H.float().mean(1)
    choice("observation", name, OBSERVATIONS)
    return torch.cat([seen.carry.z_H.flatten(1), seen.carry.z_L.flatten(1)], -1).float()


def with_time(
    columns_BF: Float[Tensor, "B F"],
    m_B: Int[Tensor, " B"],
    max_segments: int,
    time_aware: bool = True,
) -> Float[Tensor, "B G"]:
    """The observation: the columns, with m / max_segments as the last one if `time_aware`."""
    if not time_aware:
        return columns_BF
    time_B = m_B.float() / max_segments  # not of torch's default format
    return torch.cat([columns_BF, time_B.to(columns_BF.dtype)[:, None]], -1)


def with_copies(
    columns_BF: Float[Tensor, "B F"],
    copy_B: Float[Tensor, " B"],
    own_B: Float[Tensor, " B"],
    kept_B: Float[Tensor, " B"],
    time_aware: bool = True,
) -> Float[Tensor, "B G"]:
    """What is seen of a puzzle's copies, behind the columns of the present one and before the time.

    Args:
        copy_B: the copy's number from 0, as a share of the restarts.
        own_B: segments of this copy, as a share of `max_segments`; part of the time.
        kept_B: the score of the answer that a halt would give (`score`).
    """
    shares = [copy_B, own_B, kept_B] if time_aware else [copy_B, kept_B]
    return torch.cat([columns_BF, torch.stack(shares, -1).to(columns_BF.dtype)], -1)


RECALLS = ("best-q", "last", "verified")
"""Which of the answers seen a halt gives, over all copies: that with the largest Q_halt, the earliest of
equals; the present one; the first that keeps the givens and the rules, and else that of "best-q"."""
VERIFIED = 2 * Q_BOUND
"""The score of an answer that verifies, beyond every Q logit."""


def score(
    q_halt_B: Float[Tensor, "*B"], verified_B: Bool[Tensor, "*B"] | None = None
) -> Float[Tensor, "*B"]:
    """What answers are compared by: the Q logit of halting, clipped, and more where they verify."""
    clipped_B = q_halt_B.float().clamp(-Q_BOUND, Q_BOUND)
    return clipped_B if verified_B is None else torch.where(verified_B, VERIFIED, clipped_B)


def keeps(
    score_B: Float[Tensor, "*B"], kept_B: Float[Tensor, "*B"], recall: str
) -> Bool[Tensor, "*B"]:
    """Whether an answer takes the place of the one that was kept so far."""
    return torch.ones_like(score_B, dtype=torch.bool) if recall == "last" else score_B > kept_B


def bounds(
    name: str, config: ModelConfig, time_aware: bool = True
) -> tuple[list[float], list[float]]:
    """Finite lower and upper bounds of every column of an observation, time included."""
    choice("observation", name, OBSERVATIONS)
    log_v, D = math.log(config.vocab), config.width
    limits = {
        "q_halt": (-Q_BOUND, Q_BOUND),
        "q_continue": (-Q_BOUND, Q_BOUND),
        "entropy_mean": (0.0, log_v),
        "entropy_max": (0.0, log_v),
        "log_confidence": (-log_v, 0.0),
        "kl": (0.0, _KL_BOUND),
        "stable": (0.0, _STABLE_BOUND),
        "residual_H": (0.0, _RESIDUAL_BOUND),
        "residual_L": (0.0, _RESIDUAL_BOUND),
        "entropy_change": (0.0, log_v),
        "acceleration_H": (0.0, _RESIDUAL_BOUND),
        "acceleration_H_last": (0.0, _RESIDUAL_BOUND),
    }
    if name in ("q", "scalars"):
        pairs = [
            limits.get(column, (0.0, 1.0))
            for column in (SCALARS if name == "scalars" else SCALARS[:2])
        ]
    else:
        positions = 2 * (config.prefix + config.cells) if name == "full" else 1
        pairs = [(-math.sqrt(D), math.sqrt(D))] * (D * positions)  # every position is RMS-normed
    if time_aware:
        pairs = [*pairs, (0.0, 1.0)]
    slack = 1e-3  # rounding, and autocast
    return [low - slack for low, _ in pairs], [high + slack for _, high in pairs]
