"""Update rules as pure functions: the sequence losses, and the targets of the halting learners.

Shapes: B slots, T tokens, V vocabulary. Targets are detached here, never by the caller.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.loop import Batch
from hrm_rl.models.layers import at_least_float32
from hrm_rl.puzzles.sudoku.rules import BLANK
from hrm_rl.puzzles.task import Task
from hrm_rl.puzzles.verdicts import NEAREST, PAD


def log_stablemax(logits: Float[Tensor, "*B V"]) -> Float[Tensor, "*B V"]:
    """log(s(x) / sum s(x)) with s(x) = x + 1 for x >= 0 and 1 / (1 - x) below; in fp64 if there is.

    Prieto et al. 2025. Each branch is clamped to its own side before it is used: the gradient of
    the branch that `where` does not take would otherwise be inf * 0 = nan at x = 1.
    """
    x = logits.double() if logits.device.type != "mps" else logits.float()
    s = torch.where(x < 0, 1 / (1 - x.clamp(max=0)), x.clamp(min=0) + 1)
    return torch.log(s / s.sum(-1, keepdim=True))


def sequence_loss(
    logits_BTV: Float[Tensor, "B T V"], y_BT: Int[Tensor, "B T"], kind: str = "stablemax"
) -> Float[Tensor, " B"]:
    """Cross-entropy of each slot, averaged over its scored cells (those that are not PAD).

    Raises:
        ValueError: `kind` is neither "stablemax" nor "softmax".
    """
    if kind == "stablemax":
        log_p = log_stablemax(logits_BTV)
    elif kind == "softmax":
        log_p = at_least_float32(logits_BTV).log_softmax(-1)
    else:
        raise ValueError(f'loss must be "stablemax" or "softmax", got "{kind}"')
    scored_BT = y_BT != PAD
    loss_BT = -log_p.gather(-1, y_BT.long().unsqueeze(-1)).squeeze(-1)
    return torch.where(scored_BT, loss_BT, 0).sum(-1) / scored_BT.sum(-1).clamp(min=1)


def wanted(batch: Batch, loss_on: str = "all") -> Int[Tensor, "B T"]:
    """The answer that is scored: "all" of it, or that of a Sudoku's "blanks", its givens being PAD."""
    if loss_on == "blanks":
        return torch.where(batch.x_BT == BLANK, batch.y_BT, PAD)
    return batch.y_BT


def weighed(lm_B: Float[Tensor, " B"], m_B: Int[Tensor, " B"], decay: float) -> Float[Tensor, " B"]:
    """The sequence loss times decay^(m - 1): later segments count less (CGAR, arXiv 2511.08653)."""
    if decay == 1:
        return lm_B
    return lm_B * decay ** (m_B - 1).to(lm_B.dtype)


def answered(batch: Batch, logits_BTV: Float[Tensor, "B T V"], task: Task) -> Batch:
    """The batch with the right answers that are nearest to the prediction, in place of those stored."""
    return batch._replace(y_BT=NEAREST[task.kind](task, batch.x_BT, logits_BTV, batch.y_BT))


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
