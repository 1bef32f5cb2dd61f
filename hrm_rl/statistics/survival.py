"""When an episode ends that every segment may halt: survival products, and the coins they are of.

The same rule in two forms. `survival` and `halting` multiply probabilities, and the episode goes to the
last segment. `reach` and `halting_until` add up logarithms of logits: the gradient of `cumprod` asks
the device whether a factor is 0, which a training step may not do; and an episode may be cut.

Shapes: M segments, P puzzles, B slots.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor


def survival(halt_MP: Float[Tensor, "M P"]) -> Float[Tensor, "M P"]:
    """P(segment m is reached): the product of 1 - P(halt) over the segments before it."""
    stay_MP = 1 - halt_MP[:-1]
    return torch.cat([torch.ones_like(halt_MP[:1]), stay_MP.cumprod(0)])


def halting(halt_MP: Float[Tensor, "M P"]) -> Float[Tensor, "M P"]:
    """P(the episode halts after segment m), with the forced halt at the last; sums to 1 over m."""
    M = len(halt_MP)
    goes_on_M1 = torch.arange(1, M + 1, device=halt_MP.device)[:, None] < M
    return _halts(survival(halt_MP), halt_MP, goes_on_M1)


def reach(logit_BM: Float[Tensor, "B M"]) -> Float[Tensor, "B M"]:
    """`survival` of the logits of P(halt), by sums of logarithms."""
    stay_BM = F.logsigmoid(-logit_BM).cumsum(1)
    return torch.cat([torch.zeros_like(stay_BM[:, :1]), stay_BM[:, :-1]], 1).exp()


def halting_until(logit_BM: Float[Tensor, "B M"], m_B: Int[Tensor, " B"]) -> Float[Tensor, "B M"]:
    """`halting` of the logits of P(halt), where m is the last segment that was run; 0 beyond."""
    n_M = torch.arange(1, logit_BM.shape[1] + 1, device=logit_BM.device)
    p_BM = _halts(reach(logit_BM), logit_BM.sigmoid(), n_M < m_B[:, None])
    return torch.where(n_M <= m_B[:, None], p_BM, 0)


def _halts(
    reach_X: Float[Tensor, "*X"], halt_X: Float[Tensor, "*X"], goes_on_X: Bool[Tensor, "*#X"]
) -> Float[Tensor, "*X"]:
    """P(reached and halted): where the episode can't go on, all that is left halts."""
    return torch.where(goes_on_X, reach_X * halt_X, reach_X)


# --- one coin -------------------------------------------------------------------------------------


def log_probability(
    logit_X: Float[Tensor, "*X"], halted_X: Bool[Tensor, "*X"]
) -> Float[Tensor, "*X"]:
    """Of what was decided."""
    return F.logsigmoid(torch.where(halted_X, logit_X, -logit_X))


def coin_entropy(logit_X: Float[Tensor, "*X"]) -> Float[Tensor, "*X"]:
    """Of a decision, in nats."""
    return F.softplus(logit_X) - logit_X * logit_X.sigmoid()
