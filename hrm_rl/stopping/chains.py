"""Exact scores on synthetic chains: the value of a policy on infinitely many puzzles.

Shapes: M segments, P puzzles, N quadrature nodes.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from hrm_rl.banks.bank import Bank
from hrm_rl.banks.synthetic import BANK_A, BANK_B, BANK_C, Chain, bank_of, population
from hrm_rl.checks.numbers import whole
from hrm_rl.halting import Policy
from hrm_rl.stopping.exact import Outcome, halt_table, outcome_of_table

_MOST_NODES = 10_000_000


def score(
    chain: Chain, policy: Policy, step_cost: float, *, stochastic: bool = False, nodes: int = 20_000
) -> Outcome:
    """Exact outcome of a policy without memory on infinitely many puzzles: no sampling noise.

    Args:
        stochastic: over the policy's coins (`policy.probability`), not of its decisions.
        nodes: of the quadrature over a noisy score; a P(halt) is off by at most 1 / (2 * nodes) per
            threshold.
    """
    bank, weight_P = population(chain)
    table_MP = path_table(bank, halt_given_correct(chain, policy, stochastic, nodes))
    return outcome_of_table(table_MP, bank.correct_MP, step_cost, weight_P=weight_P)


def value_a(
    policy: Policy, step_cost: float, max_segments: int = 16, *, stochastic: bool = False
) -> float:
    """Exact value of a policy on `BANK_A`."""
    chain = replace(BANK_A, max_segments=max_segments)
    return score(chain, policy, step_cost, stochastic=stochastic).value


def value_b(
    policy: Policy, step_cost: float, max_segments: int = 8, *, stochastic: bool = False
) -> float:
    """Exact value of a policy on `BANK_B`."""
    chain = replace(BANK_B, max_segments=max_segments)
    return score(chain, policy, step_cost, stochastic=stochastic).value


def value_c(
    policy: Policy,
    step_cost: float,
    max_segments: int = 8,
    scale: float = 2.0,
    *,
    stochastic: bool = False,
) -> float:
    """Exact value of a policy without memory on `BANK_C`; one with a memory: play a fresh bank."""
    chain = replace(BANK_C, max_segments=max_segments, scale=scale)
    return score(chain, policy, step_cost, stochastic=stochastic).value


def halt_given_correct(
    chain: Chain, policy: Policy, stochastic: bool = False, nodes: int = 20_000
) -> Float[Tensor, "M 2"]:
    """P(halt after m | reached, wrong or right), by the midpoint rule over equal masses of noise."""
    nodes = whole("nodes", nodes, low=1, high=_MOST_NODES)
    nodes = nodes if chain.scale else 1
    noise_N = torch.special.ndtri((torch.arange(nodes, dtype=torch.float64) + 0.5) / nodes)
    correct_MP = (torch.arange(2 * nodes) >= nodes).expand(chain.max_segments, -1)
    bank = bank_of(chain, correct_MP, noise_N.float().repeat(2).expand(chain.max_segments, -1))
    return halt_table(bank, policy, stochastic).unflatten(1, (2, nodes)).mean(2)


def path_table(bank: Bank, halt_M2: Float[Tensor, "M 2"]) -> Float[Tensor, "M P"]:
    """P(halt) of each path of a `population`, from that given wrong or right."""
    return torch.where(bank.correct_MP, halt_M2[:, 1:], halt_M2[:, :1])
