"""The best policy with recall and restarts, by backward induction: Snell's envelope with a third action.

Backward over the *total* number of segments m, which is the clock of the budget:

    V_M = H_M,    V_m = max(H_m, C_m, R_m)
    H = E[the kept answer is right | o],  C = E[V_{m+1} after one more segment | o] - cost,
    R = E[V_{m+1} after segment 1 of the next copy | o] - cost

It is the optimum where an observation says as much as all before it did. It is fitted on the states after
every way of restarting, all alike, or on a sample of them. Closed forms for independent copies are in
`hrm_rl.stopping.pandora`.

Shapes: M segments, P puzzles, B rows, F features, W ways of restarting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.checks.numbers import whole
from hrm_rl.halting import CONTINUE, HALT, RESTART, SEEDS
from hrm_rl.statistics.regressors import Predict, Regress, distinct, random_features, table
from hrm_rl.stopping.exact import shares
from hrm_rl.stopping.restarts import At, Problem
from hrm_rl.stopping.snell import TIE

Fits = tuple[Predict, Predict, Predict]
"""Expected worth of halting, continuing and restarting."""


@dataclass(frozen=True)
class RestartSnell:
    """Takes the action of the largest fitted value; at equality halts, else continues."""

    fits: Sequence[Fits]
    """After segments 1 .. M - 1."""
    observation: str
    restarts: int
    time_aware: bool = True

    @torch.no_grad()
    def values(self, obs_BF: Float[Tensor, "B F"], m: int) -> Float[Tensor, "B 3"]:
        """Fitted values of continuing, halting and restarting; -inf where no copy is left."""
        copy_B = (obs_BF[:, -4 if self.time_aware else -2] * self.restarts).round()
        return _values(self.fits[m - 1], obs_BF, copy_B < self.restarts)

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
        action_B = torch.zeros_like(m_B)
        for m in m_B.unique().tolist():
            if not 1 <= m <= len(self.fits):
                raise ValueError(
                    f"fitted for the decisions at 1..{len(self.fits)}, asked at {m}; fit on a longer bank"
                )
            rows_B = m_B == m
            action_B[rows_B] = _choose(self.values(obs_BF[rows_B], m)).to(action_B.dtype)
        return action_B


def _values(fits: Fits, obs_BF: Tensor, left_B: Tensor) -> Float[Tensor, "B 3"]:
    halt_B, go_B, again_B = (fit(obs_BF) for fit in fits)
    return torch.stack([go_B, halt_B, torch.where(left_B, again_B, -torch.inf)], -1)


def _choose(value_B3: Float[Tensor, "B 3"]) -> Int[Tensor, " B"]:
    """The best action: halt on a tie, then continue."""
    best_B = value_B3.amax(1) - TIE
    goes_B = torch.where(value_B3[:, CONTINUE] >= best_B, CONTINUE, RESTART)
    return torch.where(value_B3[:, HALT] >= best_B, HALT, goes_B)


def backward_induction(
    problem: Problem,
    regress: Regress,
    *,
    most_ways: int = 64,
    seed: int = 0,
    weight_P: Float[Tensor, " P"] | None = None,
) -> RestartSnell:
    """Fit H, C and R from the last decision to the first (values as targets, as `snell`).

    Args:
        regress: one of `hrm_rl.statistics.regressors`.
        most_ways: of restarting until a segment, for all of them to be fitted on; where there are more,
            they are drawn by `seed`, for each copy and number of its own segments alike.

    Raises:
        ValueError: a number out of range, or as `exact.shares`.
    """
    share_P, M = shares(problem.puzzles, weight_P), problem.max_segments
    most_ways = whole("most_ways", most_ways, low=1)
    generator = torch.Generator().manual_seed(whole("seed", seed, low=0, high=SEEDS))
    at = _states(problem, M, most_ways, generator)
    obs_BF = problem.observe(at, M)
    last = regress(obs_BF, problem.right(at), _spread(share_P, len(at.puzzle_B)))
    fits: list[Fits] = []

    def ahead(at: At, m: int) -> Tensor:
        """The fitted value after m segments."""
        obs_BF = problem.observe(at, m)
        return last(obs_BF) if m == M else _values(fits[-1], obs_BF, left(at)).amax(1)

    def left(at: At) -> Tensor:
        return at.copy_B < problem.restarts

    for m in range(M - 1, 0, -1):
        at = _states(problem, m, most_ways, generator)
        obs_BF, no_B = problem.observe(at, m), torch.zeros(len(at.puzzle_B), dtype=torch.bool)
        weight_B = _spread(share_P, len(no_B))
        targets = (
            problem.right(at),
            ahead(problem.go(at, no_B), m + 1) - problem.step_cost,
            ahead(problem.go(at, ~no_B), m + 1) - problem.step_cost,
        )
        left_B = left(at)
        halt, go = (regress(obs_BF, target_B, weight_B) for target_B in targets[:2])
        again = regress(
            obs_BF[left_B], targets[2][left_B], weight_B[left_B] / weight_B[left_B].sum()
        )
        fits.append((halt, go, again))
    return RestartSnell(fits[::-1], problem.observation, problem.restarts, problem.time_aware)


def fit(
    problem: Problem,
    *,
    most_ways: int = 64,
    seed: int = 0,
    weight_P: Float[Tensor, " P"] | None = None,
) -> RestartSnell:
    """The reference of an observation set: a table where it takes few values, else random features.

    Raises:
        ValueError: as `backward_induction`.
    """
    few = distinct(problem.columns_MPF.flatten(0, 1))[0] <= 64
    few &= len(problem.score_MP.unique()) <= 64
    return backward_induction(
        problem,
        table if few else random_features,
        most_ways=most_ways,
        seed=seed,
        weight_P=weight_P,
    )


def ways(segments: int, restarts: int) -> Bool[Tensor, "W M"]:
    """All ways of restarting at most so often: after which of the first segments."""
    M = segments
    chosen = [at for r in range(min(restarts, M) + 1) for at in combinations(range(M), r)]
    found_WM = torch.zeros(len(chosen), M, dtype=torch.bool)
    for w, at in enumerate(chosen):
        found_WM[w, list(at)] = True
    return found_WM


def _states(problem: Problem, m: int, most_ways: int, generator: torch.Generator) -> At:
    """Every puzzle after m segments: after all ways of restarting, or in each copy at each of its own.

    In the second case the earlier copies of each puzzle are left at places that are drawn.
    """
    M, P = m - 1, problem.puzzles
    if sum(math.comb(M, r) for r in range(min(problem.restarts, M) + 1)) <= most_ways:
        begun_BM = ways(M, problem.restarts).repeat_interleave(P, 0)
    else:
        parts = [torch.zeros(P, M, dtype=torch.bool)]
        for last in range(1, m):  # the segment after which the present copy was begun
            for earlier in range(min(problem.restarts, last)):
                key_PM = torch.rand(P, last - 1, generator=generator)
                part_PM = torch.zeros(P, M, dtype=torch.bool)
                part_PM[:, : last - 1] = key_PM.argsort(1).argsort(1) < earlier
                part_PM[:, last - 1] = True
                parts.append(part_PM)
        begun_BM = torch.cat(parts)
    at = problem.begin(torch.arange(P).repeat(len(begun_BM) // P))
    for restart_B in begun_BM.unbind(1):
        at = problem.go(at, restart_B)
    return at


def _spread(share_P: Float[Tensor, " P"], rows: int) -> Float[Tensor, " B"]:
    """The weights of the puzzles, for each way of restarting alike."""
    times = rows // len(share_P)
    return share_P.repeat(times) / times
