"""Rules over all their knobs: areas against closed forms, paired intervals, values at every cost."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from banks import bank_a, bank_of
from torch import Tensor

from hrm_rl.agents.comparison.curves import pareto_table, value_curves
from hrm_rl.agents.rules import kind_of, rule
from hrm_rl.agents.rules.basic import FixedSegments
from hrm_rl.banks.bank import Bank
from hrm_rl.statistics import metrics
from hrm_rl.stopping.exact import best_fixed, prophet


@dataclass(frozen=True)
class RightOr:
    """Halts when right, which the bank's Q_halt says, or gives up after m segments."""

    m: int
    observation: str = "q"

    def __call__(self, obs_BF: Tensor, m_B: Tensor) -> Tensor:
        return (obs_BF[:, 0] > 0) | (m_B >= self.m)


def right_or_give_up(bank: Bank) -> list[RightOr]:
    """For every m: optimal where one sees what is right."""
    return [RightOr(m) for m in range(1, bank.max_segments + 1)]


@pytest.mark.parametrize("name", ["trm", "trm-0.9", "two-sided-0.9-0.1", "fixed-8", "no rule"])
def test_kind_of_a_name(name: str) -> None:
    expected = {"trm-0.9": "trm", "two-sided-0.9-0.1": "two-sided", "fixed-8": "fixed"}
    assert kind_of(name) == expected.get(name, "" if " " in name else name)


# --- areas ----------------------------------------------------------------------------------------


def test_areas_are_those_of_geometric_solving_times() -> None:
    """80 % solvable, 30 % of those left per segment: 0.7423 by giving up after m, 0.6947 fixed."""
    bank, _ = bank_a(20_000)
    fit, _ = bank_a(5_000, seed=1)
    best, fixed = pareto_table(fit, bank, {"give up": right_or_give_up(bank)}, resamples=50)
    assert best.area.mean == pytest.approx(0.7423, abs=0.008)  # three standard errors
    assert fixed.area.mean == pytest.approx(0.6947, abs=0.008)
    assert best.gain.mean == pytest.approx(0.0476, abs=0.002)  # paired: what both find hard cancels
    assert best.gain.low <= 0.0476 + 0.002 and best.gain.high - best.gain.low < 0.004
    assert best.saved[0.0].mean == pytest.approx(0.634, abs=0.01)
    assert best.lost[0.0].mean == pytest.approx(0, abs=1e-3)
    assert best.lost[0.005].mean == pytest.approx(0.005, abs=2e-3)
    assert fixed.gain[:3] == (0, 0, 0) and fixed.holm == 1


def test_one_policy_is_its_own_area() -> None:
    bank, _ = bank_a(50, 4)
    (mine, fixed) = pareto_table(bank, bank, {"two": [FixedSegments(2)]}, resamples=30)
    y = float(bank.correct_MP[1].double().mean())
    assert mine.area.mean == pytest.approx(metrics.pareto_area(np.array([2.0]), np.array([y]), 4))
    assert (mine.knobs, mine.seeds, fixed.knobs) == (1, 1, 4)


def test_seeds_are_averaged_and_widen_the_interval() -> None:
    """One seed that halts at the first right segment and one that halts at once."""
    bank, _ = bank_a(200, 4)
    families = {"good": [RightOr(4)], "at once": [RightOr(1)], "both": [[RightOr(4)], [RightOr(1)]]}
    good, at_once, both, _ = pareto_table(bank, bank, families, resamples=300)
    assert (good.seeds, both.seeds) == (1, 2)
    assert both.area.mean == pytest.approx((good.area.mean + at_once.area.mean) / 2)
    assert both.on_fit == pytest.approx(both.area.mean)
    # Two seeds: t of one degree of freedom, 12.7, times half of the distance.
    assert both.area.half_width > 6 * abs(good.area.mean - at_once.area.mean)


def test_what_is_chosen_on_the_fit_bank_is_scored_on_the_other() -> None:
    """Where nothing is ever right the hull is halting at once, whatever other knobs are worth here."""
    bank, _ = bank_a(100, 6)
    hopeless, _ = bank_of(torch.zeros(6, 100).bool(), q_halt=torch.zeros(6, 100))
    (trm, fixed) = pareto_table(hopeless, bank, {"x": right_or_give_up(bank)}, resamples=30)
    at_once = float(bank.correct_MP[0].double().mean())
    assert trm.area.mean == pytest.approx(at_once) == fixed.area.mean
    assert trm.on_fit == 0 and trm.saved[0.0].mean == pytest.approx(5 / 6)
    last = float(bank.correct_MP[-1].double().mean())
    assert trm.lost[0.0].mean == pytest.approx(last - at_once)


def test_the_reference_may_be_any_family() -> None:
    bank, _ = bank_a(100, 6)
    rows = {
        row.name: row
        for row in pareto_table(bank, bank, ["trm", "q"], reference="trm", resamples=40)
    }
    assert rows["trm"].gain[:3] == (0, 0, 0)
    # Q_continue is 0 in this bank: both rules cut the same score, at knobs of their own.
    assert rows["q"].gain.mean == pytest.approx(0, abs=1e-9)
    assert rows["fixed"].gain.mean < 0 and rows["fixed"].holm < 0.1


def test_impossible_families_are_refused() -> None:
    bank, _ = bank_a(10, 4)
    with pytest.raises(ValueError, match='"x" has no policies'):
        pareto_table(bank, bank, {"x": []})
    with pytest.raises(ValueError, match='no family "y" to compare with; there are trm, fixed'):
        pareto_table(bank, bank, ["trm"], reference="y")


# --- values ---------------------------------------------------------------------------------------


def test_values_by_hand() -> None:
    """Puzzles right from segment 1, 2, 3 and never: the knob is that of the bank it is fitted on."""
    correct_MP = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]]).bool()
    bank, _ = bank_of(correct_MP, q_halt=correct_MP * 2.0 - 1)
    curves = value_curves(bank, bank, ["trm"], {"two": [FixedSegments(2)]}, costs=(0.0, 0.2, 0.9))
    assert curves.best_m_C.tolist() == [3, 3, 1]
    assert curves.best_fixed_C == pytest.approx([0.75, 0.75 - 0.4, 0.25])
    assert curves.prophet_C == pytest.approx([0.75, (1 + 0.8 + 0.6) / 4, 1.1 / 4])
    assert curves.tuned["trm"] == pytest.approx([0.75, 0.75 - 0.2 * 5 / 4, 0.25])
    assert curves.as_fitted["two"] == pytest.approx([0.5, 0.3, -0.4])


def test_knobs_are_chosen_on_the_other_bank() -> None:
    """Where nothing is ever right, halting at once is best, whatever it would gain elsewhere."""
    bank, _ = bank_a(100, 6)
    hopeless, _ = bank_of(torch.zeros(6, 100).bool(), q_halt=torch.zeros(6, 100))
    curves = value_curves(hopeless, bank, ["fixed"], {}, costs=(0.01,))
    at_once = float(bank.correct_MP[0].double().mean())
    assert curves.tuned["fixed"] == pytest.approx([at_once])
    assert curves.best_fixed_C == pytest.approx([at_once])


def test_no_rule_is_above_the_prophet_and_tuned_ones_are_convex_in_the_cost() -> None:
    bank, _ = bank_a(300, 8)
    curves = value_curves(bank, bank, ["trm", "fixed"], {"trm": [rule("trm")]})
    for values_C in (*curves.tuned.values(), *curves.as_fitted.values(), curves.best_fixed_C):
        assert (values_C <= curves.prophet_C + 1e-12).all()
        slopes = np.diff(values_C) / np.diff(curves.cost_C)
        assert (np.diff(slopes) > -1e-9).all()  # a maximum of straight lines
    assert curves.tuned["fixed"] == pytest.approx(curves.best_fixed_C)
    assert curves.prophet_C[-1] == pytest.approx(float(prophet(bank, 0.05).value_P(0.05).mean()))
    assert curves.best_m_C[0] == best_fixed(bank, 0.0)[0]
