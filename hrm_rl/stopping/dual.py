"""An upper bound on what any policy is worth, beside Snell's lower one: the dual of optimal stopping.

For every martingale M with M_1 = 0 and every stopping time t, E[r_t] = E[r_t - M_t], which is at most

    U(M) = E[max_m (r_m - M_m)],

and the martingale part of the Snell envelope V makes that an equality, path by path (Rogers 2002,
Haugh and Kogan 2004). What is halted for isn't seen, so r_m is H_m - step_cost * (m - 1) with
H_m = E[c_m | o_m]. From any values V' one gets a martingale by what was not expected of them,

    M_{m+1} - M_m = V'_{m+1}(o_{m+1}) - E[V'_{m+1} | o_m]     (Andersen and Broadie 2004),

and the bound is the tighter the closer V' is to V. When it is one:

- *Exactly*, where the conditional expectations are known, whatever V' is: `reestimated` by `table` on
  `synthetic.population` computes them from the chain's own transitions.
- *On average over the reference bank*, if H and E[V' | o] are estimated without bias on puzzles that
  neither V' was fitted on nor the bound is scored on: a maximum is convex, so that noise of these
  estimates raises it (Jensen). `estimated_bound` cross-fits for that. A table is unbiased in rows that
  were seen (others get the mean of all); bins, ridge regression and random features are as far as they
  can express the truth, and what they can't may lower the bound. So it is an estimate, and
  `Dual.drift_P` is a check of it.
- Only if the last observation tells as much as all of them. If not, M is no martingale to a policy
  that remembers, and the figure bounds nothing.

With V' and its expectations from one fit, the maximum is V'_1 on every path: nothing is learned.

Shapes: M segments, D decisions (M - 1), P puzzles, F features.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from hrm_rl.banks.bank import Bank, checked, observe
from hrm_rl.checks.numbers import real, whole
from hrm_rl.halting import SEEDS
from hrm_rl.statistics.regressors import Predict, Regress
from hrm_rl.stopping.exact import shares
from hrm_rl.stopping.snell import Snell, fit_snell, regressor_for, take, value_table


class Dual(NamedTuple):
    """The bound and its check, puzzle by puzzle."""

    upper_P: Tensor
    """max_m (r_m - M_m): its mean is the bound."""
    gap_P: Tensor
    """The same less r_t - M_t where the policy of V' halts, >= 0: no policy gains more than its mean over
    that one. Expectations that are off alike everywhere move the bound, but not the gap."""
    drift_P: Tensor
    """M where the policy of V' halts: its mean is 0 of a martingale, and beyond the error of sampling
    it says that the expectations are off by so much."""


def dual_values(
    payoff_MP: Float[Tensor, "M P"], increment_DP: Float[Tensor, "D P"]
) -> Float[Tensor, " P"]:
    """max_m (r_m - M_m) of each path, where M_1 = 0 and `increment_DP` are the steps of M."""
    return (payoff_MP - _paths(increment_DP)).amax(0)


def _paths(increment_DP: Float[Tensor, "D P"]) -> Float[Tensor, "M P"]:
    return torch.cat([torch.zeros_like(increment_DP[:1]), increment_DP.cumsum(0)])


def reestimated(
    reference: Bank,
    values: Snell,
    step_cost: float,
    regress: Regress,
    *,
    weight_P: Float[Tensor, " P"] | None = None,
) -> Snell:
    """H and E[V' | o] - step_cost on another bank, of the values V' that were fitted elsewhere.

    Raises:
        ValueError: a bank that is longer than V' or lacks what it sees; a step cost below 0.
    """
    step_cost = real("step_cost", step_cost, low=0)
    weight_P = shares(len(checked(reference)), weight_P)
    ahead_DP = _ahead(reference, values, step_cost)
    now: list[Predict] = []
    later: list[Predict] = []
    for m, ahead_P in enumerate(ahead_DP, 1):
        obs_PF = observe(reference, values.observation, m, values.time_aware)
        now.append(regress(obs_PF, reference.correct_MP[m - 1].double(), weight_P))
        later.append(regress(obs_PF, ahead_P, weight_P))
    return Snell(now, later, values.observation, values.time_aware, values.tie)


def dual_bound(bank: Bank, values: Snell, expected: Snell, step_cost: float) -> Dual:
    """The bound on a bank, by the martingale of `values` (V') under the expectations of `expected`.

    Args:
        values: any will do; the better, the tighter.
        expected: H and E[V' | o] - step_cost, from `reestimated`.

    Raises:
        ValueError: banks or fits of different lengths, or a step cost below 0.
    """
    step_cost = real("step_cost", step_cost, low=0)
    if expected.max_segments != values.max_segments:
        raise ValueError(
            f"values and what is expected of them must be of one horizon, got {values.max_segments} "
            f"and {expected.max_segments} segments; make one with `reestimated` of the other"
        )
    ahead_DP = _ahead(bank, values, step_cost)
    estimate_DP2 = value_table(bank, expected)
    payoff_MP = torch.cat([estimate_DP2[..., 0], bank.correct_MP[-1:].double()])
    payoff_MP = payoff_MP - step_cost * torch.arange(len(payoff_MP)).double()[:, None]
    increment_DP = ahead_DP - estimate_DP2[..., 1]
    now_DP, later_DP = value_table(bank, values).unbind(-1)
    went_on_DP = (now_DP < later_DP).cumprod(0)
    upper_P, drift_P = dual_values(payoff_MP, increment_DP), (went_on_DP * increment_DP).sum(0)
    own_P = payoff_MP.gather(0, went_on_DP.sum(0)[None])[0] - drift_P
    return Dual(upper_P, upper_P - own_P, drift_P)


def estimated_bound(
    fit_bank: Bank, bank: Bank, observation: str, step_cost: float, *, seed: int = 0
) -> Dual:
    """Both ways of halving the fit bank: V' from one half, expectations from the other, then averaged.

    With many columns and few puzzles the expectations are noise, and the bound is far too high. Copies of
    a puzzle are in one half. Mind when it is a bound, at the top of this file.

    Raises:
        ValueError: a fit bank with fewer than two clusters; or as `fit_snell` and `dual_bound`.
    """
    _, cluster_P = checked(fit_bank).cluster_P.unique(return_inverse=True)
    clusters = int(cluster_P.max()) + 1
    if clusters < 2:
        raise ValueError(
            f"halves need two clusters of puzzles, got {clusters}; fit on more puzzles"
        )
    generator = torch.Generator().manual_seed(whole("seed", seed, low=0, high=SEEDS))
    first_P = (torch.randperm(clusters, generator=generator) % 2 == 0)[cluster_P]
    halves = [take(fit_bank, half_P.nonzero()[:, 0]) for half_P in (first_P, ~first_P)]
    found = []
    for one, other in (halves, halves[::-1]):
        values = fit_snell(one, observation, step_cost)
        expected = reestimated(other, values, step_cost, regressor_for(other, observation))
        found.append(dual_bound(bank, values, expected, step_cost))
    return Dual(*(torch.stack(part).mean(0) for part in zip(*found, strict=True)))


def _ahead(bank: Bank, values: Snell, step_cost: float) -> Float[Tensor, "D P"]:
    """V'_{m+1} - step_cost after each decision; at the last segment what was right.

    There c_M itself will do for H_M: it has the same expectation, and cancels with that of the payoff.
    """
    if checked(bank).max_segments != values.max_segments:
        raise ValueError(
            f"the bank must have the {values.max_segments} segments that the values were fitted on, "
            f"got {bank.max_segments}; take `bank.first({values.max_segments})`"
        )
    best_DP = value_table(bank, values).amax(-1)
    return torch.cat([best_DP[1:], bank.correct_MP[-1:].double()]) - step_cost
