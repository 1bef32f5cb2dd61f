"""Thresholds with a guarantee at every time: of the puzzles halted by m, few were right had they run on.

A risk that is controlled on average may be spent on the puzzles that halt first. Here

    R_m = P(the halt is wrong and the last segment right | halted by segment m) <= alpha    for all m,

with probability 1 - delta. One half of the bank proposes a threshold for each segment (`screen`),
the other one tests them, from the last segment backwards (`confirm`).

Source: Ringel, Cohen, Freedman, Elad and Romano 2024 (2402.00857) and its public code.

Shapes: M segments, D decisions (M - 1), P puzzles, G thresholds of a grid, B rows, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.agents.rules.calibrated import binomial_tail
from hrm_rl.banks.bank import Bank, checked, observe
from hrm_rl.checks.numbers import real, whole
from hrm_rl.halting import SEEDS
from hrm_rl.stopping.snell import take

GRID = 101
"""Thresholds that are tried after each segment, from 0 to 1."""


@dataclass(frozen=True)
class Stepwise:
    """Halt where the Q-head gives its answer at least the probability asked for after this segment."""

    thresholds: tuple[float, ...]
    """Of segments 1, 2 ...; none is passed where it is infinite, and after the last."""
    observation: str = "q"
    """Its first column is the logit of the probability."""

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        asked_M = torch.tensor([*self.thresholds, inf], dtype=torch.float64, device=m_B.device)
        asked_B = asked_M[(m_B.long() - 1).clamp(max=len(self.thresholds))]
        return obs_BF[:, 0].double().sigmoid() >= asked_B


@dataclass(frozen=True)
class Conditional:
    """A rule, and what is guaranteed of it."""

    policy: Stepwise
    screened: tuple[float, ...]
    """What was proposed: the rule has these from some segment on, and does not halt before."""
    certificate: str
    """What holds, in words."""


def screen(
    p_DP: Float[Tensor, "D P"], lost_DP: Bool[Tensor, "D P"], alpha: float, grid: int = GRID
) -> list[float]:
    """After each segment the lowest threshold at which the share of losses by then is at most `alpha`.

    Segment by segment, with what was chosen for those before; infinite where no threshold will do.

    Args:
        p_DP: probability of being right, after each segment but the last.
        lost_DP: whether a halt there is wrong and the last segment right.
    """
    grid_G = torch.linspace(0, 1, grid, dtype=torch.float64)
    halted_P = torch.zeros_like(lost_DP[0])
    losses, found = 0, []
    for p_P, lost_P in zip(p_DP, lost_DP, strict=True):
        now_GP = ~halted_P & (p_P >= grid_G[:, None])
        count_G = halted_P.sum() + now_GP.sum(1)
        losses_G = losses + (now_GP & lost_P).sum(1)
        good_G = (count_G > 0) & (losses_G / count_G <= alpha)
        if not good_G.any():
            found.append(inf)
            continue
        first = int(good_G.int().argmax())
        found.append(float(grid_G[first]))
        halted_P, losses = halted_P | now_GP[first], int(losses_G[first])
    return found


def confirm(
    p_DP: Float[Tensor, "D P"],
    lost_DP: Bool[Tensor, "D P"],
    proposed: Sequence[float],
    alpha: float,
    delta: float,
) -> list[float]:
    """What is left of the proposed thresholds: from the last on, as long as all tests reject at `delta`.

    One more threshold is kept if, for the rule with it, the losses among the n puzzles halted by m have
    P(Binomial(n, alpha) <= losses) <= delta for every m from there on: fixed-sequence testing. Nobody
    halted is no evidence.
    """
    kept = [inf] * len(proposed)
    for first in reversed(range(len(proposed))):
        tried = [*kept[:first], proposed[first], *kept[first + 1 :]]
        if not _passes(p_DP, lost_DP, tried, first, alpha, delta):
            break
        kept = tried
    return kept


def _passes(
    p_DP: Tensor, lost_DP: Tensor, tried: list[float], first: int, alpha: float, delta: float
) -> bool:
    asked_D1 = torch.tensor(tried, dtype=torch.float64)[:, None]
    halts_MP = torch.cat([p_DP >= asked_D1, torch.ones_like(lost_DP[:1])])
    lost_MP = torch.cat([lost_DP, torch.zeros_like(lost_DP[:1])])
    at_P = halts_MP.int().argmax(0)
    lost_P = lost_MP.gather(0, at_P[None])[0]
    for last in range(first, len(halts_MP)):
        by_P = at_P <= last
        n = int(by_P.sum())
        if n == 0 or binomial_tail(int((lost_P & by_P).sum()), n, alpha) > delta:
            return False
    return True


def calibrate_conditional(
    bank: Bank,
    alpha: float,
    delta: float = 0.1,
    *,
    observation: str = "q",
    seed: int = 0,
) -> Conditional:
    """A threshold for each segment, such that R_m <= `alpha` for all m with probability 1 - `delta`.

    The tests are binomial, so of copies of one base puzzle (`bank.cluster_P`) the first is used.

    Args:
        seed: which half proposes and which one tests.

    Raises:
        ValueError: a level outside (0, 1), or fewer than two puzzles or segments.
    """
    for name, level in (("alpha", alpha), ("delta", delta)):
        real(name, level, low=0, high=1, inside=True)
    whole("seed", seed, low=0, high=SEEDS)
    _, cluster_P = checked(bank).cluster_P.unique(return_inverse=True)
    C = int(cluster_P.max()) + 1
    if min(C, bank.max_segments) < 2:
        raise ValueError(
            "one half of the puzzles proposes and one tests when to halt: give two puzzles and segments "
            f"or more, got {C} and {bank.max_segments}"
        )
    last_C = torch.full((C,), len(bank) - 1)
    first_C = last_C.scatter_reduce(0, cluster_P, torch.arange(len(bank)), "amin")
    shuffled_C = first_C[torch.randperm(C, generator=torch.Generator().manual_seed(seed))]
    halves = [_seen(take(bank, half), observation) for half in shuffled_C.tensor_split(2)]
    proposed = screen(*halves[0], alpha)
    kept = confirm(*halves[1], proposed, alpha, delta)
    early = next((m for m, level in enumerate(kept, start=1) if level < inf), bank.max_segments)
    text = (
        f"Of the puzzles halted by m at most {alpha:g} are wrong that would have been right at segment "
        f"{bank.max_segments}, for every m, with probability >= {1 - delta:g} over calibration banks, for "
        f"puzzles drawn alike (conditional learn-then-test; proposed on {C - C // 2} and tested on "
        f"{C // 2} puzzles, it halts from segment {early} on)"
    )
    return Conditional(Stepwise(tuple(kept), observation), tuple(proposed), text)


def _seen(bank: Bank, observation: str) -> tuple[Tensor, Tensor]:
    """Probability of being right, and what halting would lose, after each segment but the last."""
    decisions = range(1, bank.max_segments)
    logits = [observe(bank, observation, m, False)[:, 0].double() for m in decisions]
    return torch.stack(logits).sigmoid(), bank.correct_MP[-1] & ~bank.correct_MP[:-1]
