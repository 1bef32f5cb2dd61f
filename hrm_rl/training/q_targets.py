"""Targets and loss of the Q-head, as pure functions: what halting is worth, and what going on is.

The Q-learners of both regimes call them (`training.joint`, `agents.learners`). Targets are detached
here, never by the caller.

Shapes: B slots.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor


def halt_target(
    correct_B: Bool[Tensor, " B"], max_segments: int = 1, step_cost: float = 0.0
) -> Float[Tensor, " B"]:
    """G_halt = 1{prediction == solution} (paper, "Adaptive computational time"), `rescaled`."""
    return rescaled(correct_B.detach().float(), max_segments, step_cost)


def continue_target(
    next_q_B2: Float[Tensor, "B 2"],
    m_B: Int[Tensor, " B"],
    max_segments: int,
    edge: str = "exact",
    step_cost: float = 0.0,
) -> Float[Tensor, " B"]:
    """G_continue of segment m from the Q logits of segment m + 1, as a probability.

    `edge="paper"` (also the public code): max(Q_halt, Q_continue) up to m = max_segments - 1 and
    Q_halt only at m = max_segments, which bootstraps from a segment that is never visited: the Q of
    a horizon one longer. `edge="exact"`: at m = max_segments - 1 the next segment is the last, so
    Q_halt there. At a step cost the logits are those of `rescaled` values.

    Raises:
        ValueError: unknown `edge`.
    """
    last = {"paper": max_segments, "exact": max_segments - 1}
    if edge not in last:
        raise ValueError(f'edge must be "exact" or "paper", got "{edge}"')
    halt_B, best_B = next_q_B2[:, 0], next_q_B2.amax(-1)
    logit_B = torch.where(m_B >= last[edge], halt_B, best_B)
    return one_segment_on(logit_B, max_segments, step_cost).detach()


def one_segment_on(
    logit_B: Float[Tensor, "*B"], max_segments: int, step_cost: float
) -> Float[Tensor, "*B"]:
    """What going on is worth if the next segment is worth sigmoid(logit), both `rescaled`.

    The cost of the segment is taken off in the same measure, but never below 0.
    """
    cost = step_cost / (1 + step_cost * (max_segments - 1))
    return (logit_B.sigmoid() - cost).clamp(min=0)


def rescaled(
    value_B: Float[Tensor, "*B"], max_segments: int, step_cost: float
) -> Float[Tensor, "*B"]:
    """A return, which lies in [-c, 1] with c = step_cost * (max_segments - 1), moved to [0, 1].

    A sigmoid can't be negative: without this the value of hopeless puzzles would be clipped at 0,
    where halting and continuing tie. At step cost 0 it is the return itself.
    """
    c = step_cost * (max_segments - 1)
    return (value_B + c) / (1 + c)


def returned(
    q_B2: Float[Tensor, "*B 2"], max_segments: int, step_cost: float
) -> Float[Tensor, "*B 2"]:
    """Logits of rescaled Q as returns: the way back from `rescaled`."""
    c = step_cost * (max_segments - 1)
    return (1 + c) * q_B2.sigmoid() - c


def q_loss(logit_B: Float[Tensor, " B"], target_B: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
    """Binary cross-entropy of one Q output against its target, for each slot."""
    target_B = target_B.detach().to(logit_B.dtype)
    return F.binary_cross_entropy_with_logits(logit_B, target_B, reduction="none")
