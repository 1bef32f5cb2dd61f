"""Optimal stopping on a bank by backward induction: the Snell envelope of an observation set.

    V_M = E[c_M | o_M],    V_m = max(H_m, C_m),    H_m = E[c_m | o_m],    C_m = E[V_{m+1} | o_m] - cost

and one halts where H_m >= C_m: where being right now is worth the best that stopping later is. What
is halted for, c_m, isn't seen at decision time, so that H is fitted like C (an option's payoff
would be known). The policy is optimal where an observation tells as much as all before it did.
Where it does not, it's the fit over all puzzles of a bank, also those that it halts earlier, and a
policy may do better without seeing more.

Fit on some puzzles and score on others: `cross_fitted` does so for a whole bank.

Shapes: M segments, D decisions (M - 1), P puzzles, Q of them, B rows, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.banks.bank import Bank, checked, observe, play
from hrm_rl.banks.copies import at_rows
from hrm_rl.checks.numbers import real, whole
from hrm_rl.halting import SEEDS, Halted, Policy
from hrm_rl.statistics.regressors import Predict, Regress, binned, distinct, random_features, table
from hrm_rl.stopping.exact import shares

TIE = 1e-12
"""Values this close are equal: rounding must not decide between halting and going on."""
MOST = 2**15
"""Puzzles that random features are fitted on, at most: 250 for each weight."""


@dataclass(frozen=True)
class Snell:
    """Halts where the fitted value of halting is at least that of going on."""

    now: Sequence[Predict]
    """H_m of the segments 1 .. M - 1."""
    later: Sequence[Predict]
    """C_m of the same."""
    observation: str
    time_aware: bool = True
    tie: str = "halt"
    """At equality: "halt" (fewest segments) or "continue"."""

    def __post_init__(self) -> None:
        if self.tie not in ("halt", "continue"):
            raise ValueError(f'tie must be "halt" or "continue", got "{self.tie}"')

    @property
    def max_segments(self) -> int:
        return len(self.now) + 1

    @torch.no_grad()
    def values(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Float[Tensor, "B 2"]:
        """Fitted values of halting and of continuing.

        Raises:
            ValueError: a segment that has no decision in the bank that this was fitted on.
        """
        found_B2 = torch.empty(len(m_B), 2, dtype=torch.float64, device=obs_BF.device)
        for m in m_B.unique().tolist():
            if not 1 <= m < self.max_segments:
                raise ValueError(
                    f"fitted for the decisions at 1..{self.max_segments - 1}, asked at {m}; "
                    f"fit on a longer bank"
                )
            rows_B = m_B == m
            found_B2[rows_B, 0] = self.now[m - 1](obs_BF[rows_B])
            found_B2[rows_B, 1] = self.later[m - 1](obs_BF[rows_B])
        return found_B2

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        now_B, later_B = self.values(obs_BF, m_B).unbind(-1)
        return _halts(now_B, later_B, self.tie)


def value_table(bank: Bank, fitted: Snell) -> Float[Tensor, "D P 2"]:
    """`Snell.values` of every puzzle of a bank at every decision, the D segments but the last.

    Raises:
        ValueError: a bank that is shorter, or lacks what is seen.
    """
    rows = []
    for m in range(1, fitted.max_segments):
        obs_PF = observe(bank, fitted.observation, m, fitted.time_aware)
        rows.append(fitted.values(obs_PF, torch.full((len(bank),), m)))
    return torch.stack(rows)


def _halts(now_B: Tensor, later_B: Tensor, tie: str) -> Tensor:
    return now_B >= later_B - TIE if tie == "halt" else now_B > later_B + TIE


def backward_induction(
    bank: Bank,
    observation: str,
    step_cost: float,
    regress: Regress,
    *,
    targets: str = "values",
    time_aware: bool = True,
    tie: str = "halt",
    weight_P: Float[Tensor, " P"] | None = None,
) -> Snell:
    """Fit H and C segment by segment, from the last to the first.

    Args:
        regress: one of `hrm_rl.statistics.regressors`, or your own.
        targets: of C. "values": the fitted max(H, C) one segment later (Tsitsiklis and Van Roy
            1999). "returns": what the rule fitted so far got on each puzzle (Longstaff and Schwartz
            2001), on which an error of the fit acts only where it changes a decision.

    Raises:
        ValueError: unknown `targets` or `tie`, an observation set that was not logged, a step cost
            below 0, or as `shares`.
    """
    if targets not in ("values", "returns"):
        raise ValueError(f'targets must be "values" or "returns", got "{targets}"')
    step_cost = real("step_cost", step_cost, low=0)
    weight_P = shares(len(checked(bank)), weight_P)
    M = bank.max_segments
    ahead_P = bank.correct_MP[-1].double()
    if targets == "values":
        obs_PF = observe(bank, observation, M, time_aware)
        ahead_P = regress(obs_PF, ahead_P, weight_P)(obs_PF)
    now: list[Predict] = []
    later: list[Predict] = []
    for m in range(M - 1, 0, -1):
        obs_PF = observe(bank, observation, m, time_aware)
        right_P, next_P = bank.correct_MP[m - 1].double(), ahead_P - step_cost
        now.append(regress(obs_PF, right_P, weight_P))
        later.append(regress(obs_PF, next_P, weight_P))
        now_P, later_P = now[-1](obs_PF), later[-1](obs_PF)
        if targets == "values":
            ahead_P = torch.maximum(now_P, later_P)
        else:
            ahead_P = torch.where(_halts(now_P, later_P, tie), right_P, next_P)
    return Snell(now[::-1], later[::-1], observation, time_aware, tie)


def fit_snell(
    bank: Bank,
    observation: str,
    step_cost: float,
    *,
    tie: str = "halt",
    time_aware: bool = True,
    weight_P: Float[Tensor, " P"] | None = None,
) -> Snell:
    """The reference of an observation set: exact where it takes few values, else fitted.

    An observation set with at most 64 distinct rows in every segment gets a table, which is exact;
    one column gets the means of its quantile bins; more get random features, fitted on `MOST` puzzles
    evenly spread over a longer bank, if all weigh alike. Targets are fitted values: on 1,000 puzzles
    of a 9x9 model they varied less from fold to fold than returns.

    Raises:
        ValueError: as `backward_induction`.
    """
    real("step_cost", step_cost, low=0)
    regress = regressor_for(bank, observation)
    if regress is random_features and weight_P is None and len(bank) > MOST:
        bank = take(bank, torch.linspace(0, len(bank) - 1, MOST, dtype=torch.float64).long())
    return backward_induction(
        bank, observation, step_cost, regress, time_aware=time_aware, tie=tie, weight_P=weight_P
    )


def regressor_for(bank: Bank, observation: str) -> Regress:
    """The regressor that `fit_snell` takes for an observation set.

    Raises:
        ValueError: no bank, or it was logged without the set.
    """
    last = checked(bank).max_segments
    columns = [observe(bank, observation, m, False) for m in range(1, last + 1)]
    if all(distinct(part)[0] <= 64 for part in columns):
        return table
    return binned if columns[0].shape[1] == 1 else random_features


def cross_fitted(
    bank: Bank, fit: Callable[[Bank], Policy], *, folds: int = 5, seed: int = 0
) -> Halted:
    """Play every puzzle by a policy that was fitted without it or its symmetric copies.

    Raises:
        ValueError: fewer clusters than folds, or fewer than 2 folds.
    """
    folds, seed = whole("folds", folds), whole("seed", seed, low=0, high=SEEDS)
    _, cluster_P = checked(bank).cluster_P.unique(return_inverse=True)
    clusters = int(cluster_P.max()) + 1
    if not 2 <= folds <= clusters:
        raise ValueError(f"folds must be in 2..{clusters}, the clusters of puzzles, got {folds}")
    order = torch.randperm(clusters, generator=torch.Generator().manual_seed(seed))
    fold_P = (order % folds)[cluster_P]
    segment_P = torch.zeros(len(bank), dtype=torch.long)
    for fold in range(folds):
        inside_P = fold_P == fold
        policy = fit(take(bank, (~inside_P).nonzero()[:, 0]))
        segment_P[inside_P] = play(take(bank, inside_P.nonzero()[:, 0]), policy).segment_P
    return Halted(segment_P, bank.correct_MP[segment_P - 1, torch.arange(len(bank))])


def take(bank: Bank, index_P: Int[Tensor, " Q"]) -> Bank:
    """The bank of some of the puzzles.

    Raises:
        ValueError: no puzzles, or numbers that none has.
    """
    P = len(checked(bank))
    if not len(index_P) or index_P.min() < 0 or index_P.max() >= P:
        got = f"{index_P.min()} to {index_P.max()}" if len(index_P) else "none"
        raise ValueError(f"puzzles are numbered 0..{P - 1}, and one at least is taken, got {got}")
    return at_rows(bank, index_P, bank.copies if _whole_puzzles(index_P, bank.copies) else 1)


def _whole_puzzles(index_P: Int[Tensor, " Q"], copies: int) -> bool:
    """Whether all copies of a puzzle are taken, side by side."""
    if len(index_P) % copies:
        return False
    wanted_P = index_P[::copies, None] + torch.arange(copies)
    return bool((index_P[::copies] % copies == 0).all() and (wanted_P.flatten() == index_P).all())
