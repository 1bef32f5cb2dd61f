"""The best that is possible on a synthetic chain: what sees all, remembers all, or only the score.

The order of a noisy chain's four figures is the point of it (hidden correctness, 2 c + N(0, 1)):
all seen > all scores remembered > best policy of the last score > Q fitted to the last score. A
policy that scores above its class has seen an answer or a later segment.

Shapes: M segments, P paths, B beliefs, N quadrature nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.banks.bank import Bank
from hrm_rl.banks.synthetic import Chain, log_ratio, population
from hrm_rl.checks.numbers import real, whole
from hrm_rl.statistics.regressors import table
from hrm_rl.statistics.survival import survival
from hrm_rl.stopping.chains import path_table
from hrm_rl.stopping.exact import Outcome, outcome, outcome_of_table, rewards, value_to_go
from hrm_rl.stopping.snell import Snell, backward_induction

SWEEPS = 10_000


@dataclass(frozen=True)
class ScoreThresholds:
    """Halts where the score is above the threshold of its segment."""

    threshold_M: tuple[float, ...]
    """Of the segments 1 .. M - 1."""
    observation: str = "o"

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        cut_M = torch.tensor(self.threshold_M, dtype=torch.float64, device=obs_BF.device)
        return obs_BF[:, 0] > cut_M[m_B.long() - 1]


def full_observation(chain: Chain, step_cost: float) -> tuple[Snell, Outcome]:
    """The optimum of one who sees whether the answer is right, with the fewest segments on a tie.

    Raises:
        ValueError: right and wrong now do not tell all: of a puzzle that can be lost and may be
            hopeless, one has to remember whether it ever was right.
    """
    if chain.loss > 0 and chain.solvable < 1:
        raise ValueError(
            "a chain with loss > 0 and solvable < 1 is not Markov in (correct, segment); "
            "take loss = 0 or solvable = 1"
        )
    bank, weight_P = population(chain)
    policy = backward_induction(bank, "o", step_cost, table, weight_P=weight_P)
    return policy, outcome(bank, policy, step_cost, weight_P=weight_P)


def act_q_fixed_point(
    chain: Chain, *, edge: str = "exact", step_cost: float = 0.0
) -> Float[Tensor, "M 2 2"]:
    """What tabular ACT-Q converges to: Q (segment 1 .. M - 1; wrong, right; halt, continue).

    Wang et al. 2025 bootstrap from segment M + 1 at the last one (`edge="paper"`), so that their Q
    is the exact one of a horizon that is one longer than what is run.

    Raises:
        ValueError: unknown edge, or a chain that is not Markov in (correct, segment).
    """
    if edge not in ("exact", "paper"):
        raise ValueError(f'edge must be "exact" or "paper", got "{edge}"')
    horizon = chain.max_segments + (edge == "paper")
    policy, _ = full_observation(replace(chain, max_segments=horizon), step_cost)
    m_M = torch.arange(1, chain.max_segments)
    return torch.stack(
        [
            policy.values(torch.stack([torch.full(m_M.shape, right), m_M / horizon], -1), m_M)
            for right in (0.0, 1.0)
        ],
        1,
    )


def belief_optimum(
    chain: Chain, step_cost: float, *, nodes: int = 2001, quadrature: int = 401
) -> float:
    """Best value with the memory of all scores: dynamic programming over the belief of being right.

    V_m(b) = max(b, E[V_{m+1}(b')] - cost), on an even grid of log-odds in [-20, 20].

    Raises:
        ValueError: no noise, or hopeless puzzles, whose belief has two dimensions.
    """
    scale = chain.scale
    if not scale or chain.solvable < 1:
        raise ValueError(
            f"the belief is one number only with scale > 0 and solvable = 1, got "
            f"scale={chain.scale} and solvable={chain.solvable}"
        )
    step_cost = real("step_cost", step_cost, low=0)
    nodes, quadrature = whole("nodes", nodes, low=2), whole("quadrature", quadrature, low=2)
    odds_B = np.linspace(-20, 20, nodes)
    belief_B = 1 / (1 + np.exp(-odds_B))
    noise_N = np.linspace(-7, 7, quadrature)  # even: the value has kinks, Gauss would stumble
    mass_N = np.exp(-(noise_N**2) / 2)
    mass_N = mass_N / mass_N.sum()

    def expected(prior_B: np.ndarray, value_B: np.ndarray) -> np.ndarray:
        """Mean of the value after one more score, if P(right) is `prior_B` before it."""
        total_B = np.zeros_like(prior_B)
        for right, share_B in ((0.0, 1 - prior_B), (1.0, prior_B)):
            ratio_N = scale * (scale * right + noise_N) - scale**2 / 2
            prior_odds_B = np.log(prior_B) - np.log1p(-prior_B)
            after_BN = np.interp(prior_odds_B[:, None] + ratio_N, odds_B, value_B)
            total_B += share_B * (after_BN @ mass_N)
        return total_B

    value_B = belief_B
    moved_B = belief_B * (1 - chain.loss) + (1 - belief_B) * chain.hazard
    for _ in range(chain.max_segments - 1):
        value_B = np.maximum(belief_B, expected(moved_B, value_B) - step_cost)
    return float(expected(np.array([chain.first]), value_B)[0])


def best_memoryless(chain: Chain, step_cost: float) -> tuple[ScoreThresholds, Outcome]:
    """The best policy that sees the last score and the segment, randomised ones included.

    The value is linear in each decision given the others, and a higher score speaks for halting,
    so that thresholds are enough. Each in turn is set to its best given the others, until none
    moves: halt where p(score | right) G_1 + p(score | wrong) G_0 > 0, with G the gain of halting
    over going on, summed over the paths that get there.

    Raises:
        ValueError: the chain's observation is not a score.
    """
    _check_score(chain)
    bank, weight_P = population(chain)
    reward_MP = rewards(bank.correct_MP, step_cost)
    threshold_M = torch.full((chain.max_segments - 1,), torch.inf, dtype=torch.float64)
    for _ in range(SWEEPS):
        before_M = threshold_M.clone()
        for m in range(chain.max_segments - 2, -1, -1):
            halt_MP = _halt_table(chain, bank, threshold_M)
            gain_P = reward_MP[m] - value_to_go(halt_MP, reward_MP)[m + 1]
            gain_P = weight_P * survival(halt_MP)[m] * gain_P
            right_P = bank.correct_MP[m]
            threshold_M[m] = _cut(
                chain, float(gain_P[right_P].sum()), float(gain_P[~right_P].sum())
            )
        if torch.allclose(before_M, threshold_M, rtol=0, atol=1e-9):
            break
    return _thresholds(chain, bank, weight_P, threshold_M, step_cost)


def fitted_q(
    chain: Chain, step_cost: float, *, on_policy: bool = False
) -> tuple[ScoreThresholds, Outcome]:
    """The fixed point of Q-learning that sees the last score and the segment.

    Puzzles are met as a bank holds them, at all segments alike, or (`on_policy`) as the greedy
    policy meets them, where those left are more often wrong. Neither is the best policy: Q takes
    the score for all there is to know, while the gain of going on depends on the past too.

    Raises:
        ValueError: the chain's observation is not a score.
    """
    _check_score(chain)
    step_cost = real("step_cost", step_cost, low=0)
    bank, weight_P = population(chain)
    reach_MP = torch.ones_like(bank.correct_MP, dtype=torch.float64)
    threshold_M = torch.full((chain.max_segments - 1,), torch.inf, dtype=torch.float64)
    for _ in range(SWEEPS if on_policy else 1):
        before_M = threshold_M
        threshold_M = _fit_q(chain, bank, weight_P * reach_MP, step_cost)
        if torch.allclose(before_M, threshold_M, rtol=0, atol=1e-10):
            break
        reach_MP = (reach_MP + survival(_halt_table(chain, bank, threshold_M))) / 2
    return _thresholds(chain, bank, weight_P, threshold_M, step_cost)


def _fit_q(chain: Chain, bank: Bank, weight_MP: Tensor, step_cost: float) -> Tensor:
    """Backward induction with the posterior of each segment in place of a fit."""
    noise_N = torch.linspace(-9, 9, 18_001, dtype=torch.float64)
    density_N = torch.exp(-(noise_N**2) / 2)
    mass_N = density_N / density_N.sum()
    assert chain.scale is not None
    score_2N = torch.stack([noise_N, chain.scale + noise_N])
    right_M = (weight_MP * bank.correct_MP).sum(1) / weight_MP.sum(1)

    def posterior(m: int) -> Tensor:
        return (right_M[m].logit() + log_ratio(chain, score_2N)).sigmoid()

    best_2N = posterior(chain.max_segments - 1)
    cuts = []
    for m in range(chain.max_segments - 2, -1, -1):
        best_2 = best_2N @ mass_N  # mean of the best one segment later, if wrong or right there
        best_P = torch.where(bank.correct_MP[m + 1], best_2[1], best_2[0]) - step_cost
        mass_P, right_P = weight_MP[m], bank.correct_MP[m]
        later_0 = (mass_P * best_P)[~right_P].sum() / mass_P[~right_P].sum()
        later_1 = (mass_P * best_P)[right_P].sum() / mass_P[right_P].sum()
        cuts.append(
            _cut(chain, float(right_M[m] * (1 - later_1)), -float((1 - right_M[m]) * later_0))
        )
        p_2N = posterior(m)
        best_2N = torch.maximum(p_2N, p_2N * later_1 + (1 - p_2N) * later_0)
    return torch.tensor(cuts[::-1], dtype=torch.float64)


def _cut(chain: Chain, gain_right: float, gain_wrong: float) -> float:
    """The score above which p(score | right) gain_right + p(score | wrong) gain_wrong > 0."""
    assert chain.scale
    if gain_wrong >= 0 or gain_right <= 0:
        return -np.inf if gain_right + gain_wrong > 0 else np.inf
    return float(np.log(-gain_wrong / gain_right) / chain.scale + chain.scale / 2)


def _halt_table(chain: Chain, bank: Bank, threshold_M: Tensor) -> Tensor:
    """P(halt) on each path: the normal tail above the threshold."""
    centre_2 = torch.tensor([0.0, chain.scale or 0.0], dtype=torch.float64)
    halt_M2 = torch.special.ndtr(centre_2 - threshold_M[:, None])
    last_12 = torch.ones(1, 2, dtype=torch.float64)
    return path_table(bank, torch.cat([halt_M2, last_12]))


def _thresholds(
    chain: Chain, bank: Bank, weight_P: Tensor, threshold_M: Tensor, step_cost: float
) -> tuple[ScoreThresholds, Outcome]:
    halt_MP = _halt_table(chain, bank, threshold_M)
    found = outcome_of_table(halt_MP, bank.correct_MP, step_cost, weight_P=weight_P)
    return ScoreThresholds(tuple(threshold_M.tolist())), found


def _check_score(chain: Chain) -> None:
    if not chain.scale:
        raise ValueError(f"thresholds are of a noisy score, got scale={chain.scale}")
