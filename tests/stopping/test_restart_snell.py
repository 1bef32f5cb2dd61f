"""The best use of restarts: against all policies of a tiny bank, and against Weitzman."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
import torch

from hrm_rl.banks.synthetic import Chain, bank_of, generate_copies, population_copies
from hrm_rl.statistics.regressors import linear
from hrm_rl.stopping.pandora import Box, index, pandora
from hrm_rl.stopping.restart_snell import _states, backward_induction, fit, ways
from hrm_rl.stopping.restarts import Problem, outcome


def test_ways_of_restarting() -> None:
    assert ways(2, 1).tolist() == [[False, False], [True, False], [False, True]]
    assert len(ways(8, 2)) == 1 + 8 + 28 and len(ways(3, 9)) == 8


def test_a_sample_of_ways_reaches_each_copy_after_any_own_segments() -> None:
    problem = Problem(generate_copies(Chain(6, 0.3, 0.3), 20, 3), 2, 0.0, observation="o")
    at = _states(problem, 6, 1, torch.Generator().manual_seed(0))
    pairs = set(zip(at.copy_B.tolist(), at.own_B.tolist(), strict=True))
    assert pairs == {(0, 6), *((1, j) for j in range(1, 6)), *((2, j) for j in range(1, 5))}
    every = _states(problem, 6, 99, torch.Generator())
    assert pairs == set(zip(every.copy_B.tolist(), every.own_B.tolist(), strict=True))
    assert len(every.copy_B) == 20 * (1 + 5 + 10)


def best_of_all(chain: Chain, cost: float) -> float:
    """The best of all tables from what is seen to an action, two copies, 3 segments; plain Python."""
    paths = list(itertools.product([0, 1], repeat=3))

    def chance(path: tuple[int, ...]) -> float:
        p = chain.first if path[0] else 1 - chain.first
        for a, b in itertools.pairwise(path):
            up = 1 - chain.loss if a else chain.hazard
            p *= up if b else 1 - up
        return p

    pairs = [(a, b, chance(a) * chance(b)) for a in paths for b in paths]
    pairs = [pair for pair in pairs if pair[2] > 0]

    def run(table: dict[Any, int], a: tuple[int, ...], b: tuple[int, ...]) -> float:
        copy, own, kept = 0, 1, a[0]
        for m in (1, 2):
            action = table[m, copy, (a, b)[copy][own - 1], kept]
            if action == 1:
                return kept - cost * (m - 1)
            copy, own = (1, 1) if action == 2 and copy == 0 else (copy, own + 1)
            kept = max(kept, (a, b)[copy][own - 1])
        return kept - 2 * cost

    first = [(1, 0, o, o) for o in (0, 1)]
    second = [(2, k, o, kept) for k in (0, 1) for o, kept in ((0, 0), (0, 1), (1, 1))]
    choices = [(0, 1, 2)] * 2 + [(0, 1, 2) if k == 0 else (0, 1) for _, k, _, _ in second]
    tables = (dict(zip(first + second, c, strict=True)) for c in itertools.product(*choices))
    return max(sum(p * run(table, a, b) for a, b, p in pairs) for table in tables)


@pytest.mark.parametrize(
    ("first", "hazard", "loss", "cost"),
    [(0.3, 0.5, 0.0, 0.1), (0.5, 0.3, 0.2, 0.1), (0.2, 0.1, 0.0, 0.15), (0.4, 0.6, 0.5, 0.0)],
)
def test_no_policy_of_a_tiny_bank_is_better(
    first: float, hazard: float, loss: float, cost: float
) -> None:
    chain = Chain(3, first=first, hazard=hazard, loss=loss)
    bank, weight_P = population_copies(chain, 2)
    problem = Problem(bank, 1, cost, observation="o")
    policy = fit(problem, weight_P=weight_P)
    found = outcome(problem, policy, weight_P=weight_P)
    assert found.value == pytest.approx(best_of_all(chain, cost), abs=1e-9)


@pytest.mark.parametrize("cost", [0.0, 0.04, 0.1, 0.2, 0.4])
def test_boxes_of_one_segment_are_weitzmans(cost: float) -> None:
    """Each copy shows 0.1, 0.5 or 0.9, its chance of being right, and thinking longer changes nothing."""
    worth, chance, copies = [0.1, 0.5, 0.9], [0.5, 0.3, 0.2], 3
    kinds = [(x, right) for x in worth for right in (0, 1)]
    weights = [
        p * (x if right else 1 - x) for x, p in zip(worth, chance, strict=True) for right in (0, 1)
    ]
    rows = list(itertools.product(range(6), repeat=copies))
    weight_P = torch.tensor([weights[i] * weights[j] * weights[k] for i, j, k in rows]).double()
    flat = [kinds[i] for row in rows for i in row]
    seen_P = torch.tensor([x for x, _ in flat])
    right_P = torch.tensor([right for _, right in flat], dtype=torch.bool)
    bank = bank_of(
        Chain(copies, 0.5, 0.5), right_P.expand(copies, -1), torch.zeros(copies, len(flat))
    )
    seen_MP1 = seen_P.logit().expand(copies, -1)[..., None]
    bank = replace(bank, columns={"q": torch.cat([seen_MP1, 0 * seen_MP1], -1)}, copies=copies)
    problem = Problem(bank, copies - 1, cost, observation="q")
    found = outcome(problem, fit(problem, weight_P=weight_P), weight_P=weight_P)
    boxes = [Box(torch.tensor(worth), torch.tensor(chance), price) for price in (0, cost, cost)]
    assert found.value == pytest.approx(pandora(boxes), abs=1e-6)


def test_copies_are_left_as_the_index_says() -> None:
    """Starts are better than going on: copies are boxes of one segment, right with 0.3, six of them."""
    chain, cost = Chain(8, first=0.5, hazard=0.05, solvable=0.6), 0.05
    problem = Problem(generate_copies(chain, 1500, 6, seed=1), 5, cost, observation="o")
    best = index(chain, cost)
    assert best.segments == 1
    coin = torch.tensor([0.0, 1]), torch.tensor([0.7, 0.3])
    boxes = [Box(*coin, price) for price in (0, *[cost] * 5)]
    found = outcome(problem, fit(problem, most_ways=10))  # a sample of the ways
    assert found.value == pytest.approx(pandora(boxes), abs=0.03)  # three standard errors
    assert pandora(boxes) < best.value
    halves = found.restarts / (found.segments - 1)
    assert halves > 0.95  # nearly all that it pays for are restarts


def test_restarts_are_worth_nothing_where_copies_are_alike() -> None:
    chain = Chain(5, first=0.3, hazard=0.3, solvable=0.8)
    one = generate_copies(chain, 500, 1)
    twins = one.correct_MP.repeat_interleave(2, 1)
    bank = replace(bank_of(chain, twins, torch.zeros(5, 1000)), copies=2)
    problem = Problem(bank, 1, 0.05, observation="o")
    assert outcome(problem, fit(problem)).restarts == 0.0


def test_an_unfitted_number_is_refused() -> None:
    problem = Problem(
        generate_copies(Chain(4, 0.3, 0.3, scale=2.0), 50, 2), 1, 0.05, observation="o"
    )
    policy = backward_induction(problem, linear)
    obs_BF = problem.observe(problem.begin(), 4)
    with pytest.raises(ValueError, match=r"fitted for the decisions at 1..3, asked at 4"):
        policy(obs_BF, torch.full((50,), 4))
