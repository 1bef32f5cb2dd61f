"""Rules of the learners that judge whole episodes, as pure functions.

The learners of both regimes call them: those beside the loss (`training.joint`) with the episodes that
were run, those on a frozen model (`agents.learners`) with all segments of a bank. What a learner adds
is where its numbers come from. The Q-learners' rules are in `q_targets`, survival products in
`statistics.survival`.

Shapes: B slots or puzzles, M segments, D decisions (M - 1).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from hrm_rl.checks.numbers import real
from hrm_rl.statistics.survival import reach

EPS = 0.01
"""Graves: halting probabilities need to add up to 1 - eps only, so that one segment can be enough."""


def rare_halt(max_segments: int) -> float:
    """Logit of P(halt) = 1 / max_segments: with 1/2 an episode would have 2 segments on average."""
    return -math.log(max(max_segments - 1, 1))


def expected(p_BM: Float[Tensor, "B M"], worth_BM: Float[Tensor, "B M"]) -> Float[Tensor, " B"]:
    """What halting is worth (or costs) by a distribution over where it happens."""
    return (p_BM * worth_BM).sum(1)


# --- PonderNet ------------------------------------------------------------------------------------


def prior(
    max_segments: int,
    lambda_p: float | None,
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, " M"]:
    """The geometric distribution of rate lambda_p cut off at max_segments, or the uniform one.

    Raises:
        ValueError: lambda_p is not in (0, 1).
    """
    if lambda_p is None:
        return torch.full((max_segments,), 1 / max_segments, device=device, dtype=dtype)
    cure = "None is the uniform prior"
    lambda_p = real("lambda_p", lambda_p, low=0, high=1, inside=True, cure=cure)
    weight_M = (1 - lambda_p) ** torch.arange(max_segments, device=device, dtype=dtype)
    return weight_M / weight_M.sum()


def divergence(p_BM: Float[Tensor, "B M"], prior_M: Float[Tensor, " M"]) -> Float[Tensor, " B"]:
    """KL(p || prior) of where an episode halts, where all its segments are known."""
    return expected(p_BM, p_BM.clamp(min=1e-12).log() - prior_M.log())


def divergence_until(
    logit_BM: Float[Tensor, "B M"], m_B: Int[Tensor, " B"], prior_M: Float[Tensor, " M"]
) -> Float[Tensor, " B"]:
    """KL(p || prior) over the outcomes 1 .. m and "later", by the chain rule: a coin a segment.

    Halting at the last of all segments is no coin. An episode that was cut at m still has one there,
    which pulls back a head that always halts at once.
    """
    D = logit_BM.shape[1] - 1
    n_D = torch.arange(1, D + 1, device=logit_BM.device)
    rate_D = prior_M[:-1] / prior_M.flip(0).cumsum(0).flip(0)[:-1]
    logit_BD = logit_BM[:, :D]
    halts_BD = F.logsigmoid(logit_BD) - rate_D.log()
    stays_BD = F.logsigmoid(-logit_BD) - (-rate_D).log1p()
    coin_BD = logit_BD.sigmoid() * halts_BD + (-logit_BD).sigmoid() * stays_BD
    kl_BD = reach(logit_BM)[:, :D] * coin_BD
    return torch.where(n_D <= m_B[:, None], kl_BD, 0).sum(1)


# --- Graves ---------------------------------------------------------------------------------------


def graves_weights(
    h_BM: Float[Tensor, "B M"],
    before_BM: Float[Tensor, "B M"],
    m_B: Int[Tensor, " B"],
    eps: float = EPS,
) -> tuple[Float[Tensor, "B M"], Float[Tensor, " B"]]:
    """Weights of all segments, which sum to 1, and the ponder cost N + R; differentiable.

    N is the first segment where h_1 + .. + h_N >= 1 - eps, or m; p_n = h_n before N, and
    p_N = R = 1 - (h_1 + .. + h_{N-1}).

    Args:
        before_BM: h_1 + .. + h_{n-1}, which either regime adds up in its own order.
        m_B: the last segment that was run.
    """
    n_M = torch.arange(1, h_BM.shape[1] + 1, device=h_BM.device)
    runs_BM = (before_BM < 1 - eps) & (n_M <= m_B[:, None])
    last_BM = runs_BM & (n_M == runs_BM.sum(1)[:, None])
    p_BM = torch.where(last_BM, 1 - before_BM, torch.where(runs_BM, h_BM, 0))
    return p_BM, runs_BM.sum(1) + torch.where(last_BM, 1 - before_BM, 0).sum(1)


def graves_loss(
    p_BM: Float[Tensor, "B M"],
    ponder_B: Float[Tensor, " B"],
    cost_BM: Float[Tensor, "B M"],
    tau: float,
) -> Float[Tensor, " B"]:
    """sum_n p_n L_n + tau (N + R)."""
    return expected(p_BM, cost_BM) + tau * ponder_B
