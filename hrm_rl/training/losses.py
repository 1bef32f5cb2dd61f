"""The sequence losses, as pure functions. Those of halting: `q_targets` and `episode_losses`.

Shapes: B slots, T tokens, V vocabulary.
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


def correctness_loss(
    z_BD: Float[Tensor, "B D"], correct_B: Bool[Tensor, " B"]
) -> Float[Tensor, " B"]:
    """Cross-entropy of `correct_B` with the mean of the vector times sqrt(D) as its logit.

    An auxiliary task in the manner of UNREAL (Jaderberg et al. 2016, arXiv 1611.05397) without weights of
    its own: z_H is RMS-normalised, so that the logit lies in [-sqrt(D), sqrt(D)], and any linear head
    can read the direction.
    """
    logit_B = at_least_float32(z_BD).mean(-1) * z_BD.shape[-1] ** 0.5
    return F.binary_cross_entropy_with_logits(
        logit_B, correct_B.to(logit_B.dtype), reduction="none"
    )
