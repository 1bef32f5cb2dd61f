"""Learners with three actions: losses by hand, and the optimum of banks of copies.

Shapes: S states.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from hrm_rl.agents.learners.restarting import (
    BestAction,
    exact_gradient,
    expected_return,
    fitted_q,
    q_values,
)
from hrm_rl.agents.learners.restarting_play import Decision, episodes, q_learning, q_learning_loss
from hrm_rl.banks.synthetic import Chain, generate_copies, population_copies
from hrm_rl.halting import CONTINUE, HALT, RESTART
from hrm_rl.stopping.restart_snell import fit
from hrm_rl.stopping.restarts import Level, Problem, outcome, tree

NONE = torch.empty(0, dtype=torch.long)


def level(right: list[float], go: list[int], again: list[int]) -> Level:
    return Level(
        torch.zeros(len(right), 1), torch.tensor(right).float(), torch.tensor(go, dtype=torch.long),
        torch.tensor(again, dtype=torch.long),
    )  # fmt: skip


# Wrong at first; going on stays wrong, the next copy is right. After three segments all is over.
LEVELS = [level([0], [0], [1]), level([0, 1], [0, 1], [1, 1]), level([0, 1], [], [])]


def test_q_values_by_hand() -> None:
    """0.1 a segment; what is ahead is the larger of the last fit's three, at the end what is right."""
    last = [torch.zeros(1, 3), torch.tensor([[0.2, 0.0, 0.6], [0.7, 0.9, 0.7]])]
    first, second = q_values(last, LEVELS, 0.1)
    assert first.tolist() == [pytest.approx([0.5, 0.0, 0.8])]
    assert second.tolist() == [pytest.approx([-0.1, 0, 0.9]), pytest.approx([0.9, 1, 0.9])]


def test_expected_return_by_hand() -> None:
    """Even odds: state 0 of segment 2 is worth (-0.1 + 0 + 0.9) / 3, state 1 (0.9 + 1 + 0.9) / 3."""
    even = [torch.zeros(1, 3), torch.zeros(2, 3)]
    wrong, right = 0.8 / 3, 2.8 / 3
    value = (wrong - 0.1 + 0 + right - 0.1) / 3
    assert expected_return(even, LEVELS, 0.1).item() == pytest.approx(value)
    coins = math.log(3) * (1 + 2 / 3)  # a third halts at once
    assert expected_return(even, LEVELS, 0.1, 0.5).item() == pytest.approx(value + 0.5 * coins)


def test_its_gradient_is_the_policy_gradient() -> None:
    """By the logits of a decision: P(it is made) p_a (Q_a - V), here of the first one."""
    first = torch.zeros(1, 3, requires_grad=True)
    expected_return([first, torch.zeros(2, 3)], LEVELS, 0.1).backward()
    worth = torch.tensor([0.8 / 3 - 0.1, 0.0, 2.8 / 3 - 0.1])
    assert first.grad is not None
    assert first.grad[0].tolist() == pytest.approx(((worth - worth.mean()) / 3).tolist())


def bce(p: float, target: float) -> float:
    return -target * math.log(p) - (1 - target) * math.log(1 - p)


def test_q_learning_loss_by_hand() -> None:
    """Three segments at 0.25: returns in [-0.5, 1] become (r + 0.5) / 1.5, a segment costs 1/6.

    One row halts, one restarts into what is worth at best 0.8, one goes on to the end, where it is right.
    """
    q = {0.0: [0.3, 0.6, 0.4], 1.0: [0.1, 0.8, 0.7]}

    def network(obs_BF: torch.Tensor) -> torch.Tensor:
        return torch.tensor([q[x] for x in obs_BF[:, 0].tolist()]).logit()

    seen = Decision(
        obs_BF=torch.zeros(3, 1), right_B=torch.tensor([1.0, 0, 0]),
        action_B=torch.tensor([HALT, RESTART, CONTINUE]), next_obs_BF=torch.ones(3, 1),
        next_right_B=torch.tensor([0.0, 0, 1]), forced_B=torch.tensor([False, False, True]),
    )  # fmt: skip
    halting = bce(0.6, 1) + 2 * bce(0.6, 1 / 3)
    going_on = bce(0.4, 0.8 - 1 / 6) + bce(0.3, 1 - 1 / 6)
    got = q_learning_loss(network, seen, 3, 0.25)
    assert got.item() == pytest.approx((halting + going_on) / 3)


def test_who_explores_sees_late_segments_and_all_copies() -> None:
    problem = Problem(generate_copies(Chain(6, 0.3, 0.3), 50, 3), 2, 0.0, observation="o")

    def halts(obs_BF: torch.Tensor) -> torch.Tensor:
        return torch.tensor([0.0, 1, 0]).expand(len(obs_BF), 3)

    def parts(probability: float) -> list[Decision]:
        generator = torch.Generator().manual_seed(0)
        return list(episodes(problem, torch.arange(50), halts, probability, generator))

    (only,) = parts(0.0)
    assert (only.action_B == HALT).all()
    every = parts(1.0)
    assert len(every) == 5 and every[-1].forced_B.all()
    copies = {round(2 * x) for part in every for x in part.obs_BF[:, -4].tolist()}
    assert copies == {0, 1, 2}


CHAINS = {
    "lucky starts": (Chain(4, first=0.5, hazard=0.0), 3, 0.05),
    "some copies are hopeless": (Chain(5, first=0.3, hazard=0.3, solvable=0.6), 1, 0.05),
}


@pytest.mark.parametrize(
    ("learn", "steps"), [(fitted_q, 30_000), (exact_gradient, 10_000), (q_learning, 10_000)]
)
@pytest.mark.parametrize("name", CHAINS)
def test_finds_the_best_use_of_restarts(
    name: str, learn: Callable[..., BestAction], steps: int
) -> None:
    """Learnt from puzzles drawn, scored on all that can happen; never restarting falls far short."""
    chain, restarts, cost = CHAINS[name]
    bank, weight_P = population_copies(chain, restarts + 1)
    there = Problem(bank, restarts, cost, observation="o")
    best = outcome(there, fit(there, weight_P=weight_P), weight_P=weight_P)
    here = Problem(generate_copies(chain, 1000, restarts + 1), restarts, cost, observation="o")
    found = outcome(there, learn(here, steps=steps, seed=0), weight_P=weight_P)
    assert best.value - 0.01 < found.value < best.value + 1e-9
    assert found.restarts > 0.3


def test_one_seed_gives_one_policy() -> None:
    problem = Problem(generate_copies(Chain(4, 0.3, 0.3), 20, 2), 1, 0.05, observation="o")

    def learnt(learn: Callable[..., BestAction], seed: int) -> torch.Tensor:
        network = learn(problem, steps=100, seed=seed).network
        return torch.nn.utils.parameters_to_vector(network.parameters())

    for learn in (fitted_q, exact_gradient, q_learning):
        assert torch.equal(learnt(learn, 0), learnt(learn, 0))
        assert not torch.equal(learnt(learn, 0), learnt(learn, 1))
    assert tree(problem, torch.arange(20))[0].right_S.shape == (20,)
