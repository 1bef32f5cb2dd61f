"""What an entry says of a track, against figures worked out by hand."""

from __future__ import annotations

import pytest
import torch

from hrm_rl.agents.comparison.compare import always_at
from hrm_rl.agents.rules.basic import FixedSegments
from hrm_rl.banks.bank import Bank
from hrm_rl.banks.synthetic import bank_c
from hrm_rl.haltbench.figures import Played, at_cost, figures, references, within
from hrm_rl.stopping.exact import best_fixed, outcome, prophet


def bank_of(rows: list[list[int]]) -> Bank:
    """A bank of segments by puzzles that shows nothing but a column of zeros."""
    correct_MP = torch.tensor(rows, dtype=torch.bool)
    M, P = correct_MP.shape
    return Bank(
        columns={"o": torch.zeros(M, P, 1), "q": torch.zeros(M, P, 2)},
        correct_MP=correct_MP,
        cells_MP=correct_MP.float(),
        predictions_MPT=correct_MP[..., None].to(torch.uint8),
        rating_P=torch.zeros(P, dtype=torch.long),
        cluster_P=torch.arange(P),
    )


FIT = bank_of([[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]])
TEST = bank_of([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]])
SEED = [Played(always_at(FIT, m), always_at(TEST, m)) for m in (1, 2, 3)]
STICKS = references(FIT, TEST, FIT, "o", (0.05, 0.5))


def test_the_policy_of_a_step_cost_is_chosen_on_the_fit_bank() -> None:
    """There three segments are worth 1 - 0.1, on the test bank the same three 0.75 - 0.1."""
    found = at_cost([SEED], TEST, 0.05, STICKS[0.05])
    assert found["value"][0] == pytest.approx(0.65)
    assert found["segments"] == [3, 3, 3] and found["accuracy"][0] == 0.75
    assert found["gain"][0] == pytest.approx(0)  # it is the best fixed number
    # the prophet: 1, 1 - 0.05, 1 - 0.1, and 0 at once
    assert found["regret_prophet"][0] == pytest.approx((1 + 0.95 + 0.9) / 4 - 0.65, abs=1e-5)


def test_at_a_high_cost_one_halts_at_once() -> None:
    """On the fit bank 0, 0.25 - 0.5 and 1 - 1: the fewest on a tie."""
    found = at_cost([SEED], TEST, 0.5, STICKS[0.5])
    assert found["segments"][0] == 1 and found["value"][0] == 0.25


def test_a_budget_is_met_by_a_mixture() -> None:
    """On the fit bank the hull goes from (1, 0) to (3, 1): at 2.5 segments three quarters run on."""
    found = within([SEED], FIT, TEST, 2.5)
    assert found["accuracy"][0] == pytest.approx(0.25 * 0.25 + 0.75 * 0.75, abs=1e-5)
    assert found["segments"][0] == pytest.approx(2.5)


def test_halting_at_once_is_a_member_of_every_family() -> None:
    """Three segments alone could not be had for a budget of two; the area counts it too."""
    found = figures([[FixedSegments(3)]], FIT, TEST, STICKS, (2.0,))
    (budget,) = found["budgets"]
    assert budget["segments"][0] == pytest.approx(2.0)
    assert budget["accuracy"][0] == pytest.approx(0.5 * 0.25 + 0.5 * 0.75)
    assert found["area"][0] == pytest.approx((0.25 + 0.75) / 2)
    assert found["costs"][1]["segments"][0] == 1


def test_a_value_and_its_regret_are_the_prophets_value() -> None:
    fit, test = bank_c(300, 5), bank_c(400, 5, seed=1)
    sticks = references(fit, test, fit, "belief", (0.02,))
    (found,) = figures([[FixedSegments(2), FixedSegments(4)]], fit, test, sticks, ())["costs"]
    top = float(prophet(test, 0.02).value_P(0.02).mean())
    assert found["value"][0] + found["regret_prophet"][0] == pytest.approx(top, abs=2e-5)
    best_m, _ = best_fixed(fit, 0.02)
    fixed = outcome(test, FixedSegments(best_m), 0.02).value
    assert found["value"][0] - found["gain"][0] == pytest.approx(fixed, abs=2e-5)
    assert found["score"] == pytest.approx(found["gain"][0] / (top - fixed), abs=1e-3)


def test_seeds_are_chosen_each_by_itself() -> None:
    one, two = [SEED[0]], [SEED[2]]
    found = at_cost([one, two], TEST, 0.05, STICKS[0.05])
    assert found["value"][0] == pytest.approx((0.25 + 0.65) / 2)
    assert found["segments"][0] == 2
