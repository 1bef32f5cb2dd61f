"""The comparison: numbers by hand, and ceilings that hold."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from banks import bank_a, bank_of

from hrm_rl.agents.comparison import compare as comparison
from hrm_rl.agents.comparison.compare import check_ceiling, compare
from hrm_rl.agents.comparison.rows import Row
from hrm_rl.agents.rules import rule
from hrm_rl.agents.rules.basic import first_correct
from hrm_rl.banks.bank import Bank
from hrm_rl.halting import Halted
from hrm_rl.statistics.comparisons import holm, paired_difference
from hrm_rl.stopping.snell import take

COSTS = (0.0, 0.1)


@pytest.fixture(scope="module")
def bank() -> Bank:
    """Four puzzles, three segments: right from 1, from 2, at 2 only, never. Q knows at once."""
    correct_MP = torch.tensor([[1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 0, 0]]).bool()
    return bank_of(correct_MP, q_halt=correct_MP * 2.0 - 1)[0]


@pytest.fixture(scope="module")
def rows(bank: Bank) -> dict[str, Row]:
    learned = [
        Halted(torch.tensor([1, 2, 2, m]), torch.tensor([True, True, True, False])) for m in (1, 3)
    ]
    rules = {"trm": [rule("trm")], "fixed-2": [rule("fixed-2")]}
    return {row.name: row for row in compare(bank, rules, {"learned x": learned}, COSTS)}


def test_rows_by_hand(rows: dict[str, Row]) -> None:
    got = {
        name: (row.accuracy.mean, row.segments.mean, row.value[0.1].mean)
        for name, row in rows.items()
    }
    assert got == {
        "fixed-1": (0.25, 1.0, 0.25),
        "fixed-2": (0.75, 2.0, pytest.approx(0.65)),
        "fixed-3": (0.5, 3.0, pytest.approx(0.3)),
        "trm": (0.75, 2.0, pytest.approx(0.65)),
        "learned x": (0.75, 1.75, pytest.approx(0.675)),  # 2 and 1.5 segments
        "oracle": (0.75, 2.0, pytest.approx(0.65)),
        "oracle, gives up": (0.75, 1.5, pytest.approx(0.7)),
    }


def test_rows_are_of_a_kind_and_in_order(rows: dict[str, Row]) -> None:
    kinds = [row.kind for row in rows.values()]
    assert kinds == ["fixed"] * 3 + ["rule", "learner"] + ["oracle"] * 2
    assert [row.seeds for row in rows.values()] == [1, 1, 1, 1, 2, 1, 1]


def test_value_is_accuracy_less_what_the_segments_cost(rows: dict[str, Row]) -> None:
    for row in rows.values():
        assert row.value[0.0] == row.accuracy
        expected = row.accuracy.mean - 0.1 * (row.segments.mean - 1)
        assert row.value[0.1].mean == pytest.approx(expected)


def test_random_halting_of_as_many_segments_stands_beside(rows: dict[str, Row]) -> None:
    """At 1 and 3 segments it is fixed; mean 1.75 is p = 1/2: 0.25 / 2 + 0.75 / 4 + 0.5 / 4."""
    assert rows["fixed-1"].random == pytest.approx(0.25)
    assert rows["fixed-3"].random == pytest.approx(0.5)
    assert rows["learned x"].random == pytest.approx(0.4375)


# --- against what -------------------------------------------------------------------------------


def test_gain_regret_and_score_by_hand(rows: dict[str, Row]) -> None:
    """At 0.1 fixed-2 has 0.65, the best of the fixed. The prophet has (1 + 0.9 + 0.9 + 0) / 4 = 0.7."""
    got = {
        name: (row.gain[0.1].mean, row.regret[0.1].mean, row.score[0.1])
        for name, row in rows.items()
    }
    assert got["fixed-2"] == pytest.approx((0, 0.05, 0))
    assert got["learned x"] == pytest.approx((0.025, 0.025, 0.5))
    assert got["oracle, gives up"] == pytest.approx((0.05, 0, 1))
    assert got["fixed-3"] == pytest.approx((-0.35, 0.4, -7))


def test_the_best_fixed_number_may_be_chosen_elsewhere(bank: Bank) -> None:
    rows = compare(bank, {}, step_costs=(0.1,), best_m={0.1: 3})
    gains = {row.name: row.gain[0.1].mean for row in rows}
    assert gains["fixed-3"] == 0
    assert gains["fixed-2"] == pytest.approx(0.35)


def test_gains_are_paired_and_adjusted_for_their_number() -> None:
    bank, _ = bank_a(300, 4)
    rules = {"trm": [rule("trm")], "fixed-3": [rule("fixed-3")]}
    learned = {"x": [first_correct(bank, give_up=True)]}
    rows = {r.name: r for r in compare(bank, rules, learned, (0.05,))}
    trm, x, oracle = rows["trm"], rows["x"], rows["oracle"]
    assert trm.gain[0.05].high - trm.gain[0.05].low < trm.value[0.05].half_width  # paired is narrow
    assert [trm.holm[0.05], x.holm[0.05]] == holm(
        np.array([trm.gain[0.05].p, x.gain[0.05].p])
    ).tolist()
    assert oracle.holm == {} and rows["fixed-3"].holm == {}
    fixed = max((r for r in rows.values() if r.kind == "fixed"), key=lambda r: r.value[0.05].mean)
    by_hand = paired_difference(
        first_correct(bank, give_up=True).value_P(0.05).numpy(),
        comparison.yardsticks(bank, (0.05,))[0.05].fixed.value_P(0.05).numpy(),
    )
    assert x.gain[0.05].mean == pytest.approx(by_hand.mean)
    assert x.gain[0.05].mean == pytest.approx(x.value[0.05].mean - fixed.value[0.05].mean)


def test_copies_of_a_puzzle_do_not_narrow_the_intervals() -> None:
    """Each puzzle five times over, marked as copies: the same intervals as once."""
    bank, _ = bank_a(40, 4)
    five = take(bank, torch.arange(40).repeat_interleave(5))
    once, copied = (compare(b, {"trm": [rule("trm")]}, step_costs=(0.05,)) for b in (bank, five))
    for row, other in zip(once, copied, strict=True):
        assert row.accuracy == pytest.approx(other.accuracy)
        assert row.gain[0.05] == pytest.approx(other.gain[0.05])


def test_a_snell_reference_stands_beside_and_is_measured_against(bank: Bank) -> None:
    rows = {r.name: r for r in compare(bank, {}, step_costs=COSTS, snell={0.1: rule("trm")})}
    assert rows["snell q"].kind == "snell"
    assert rows["snell q"].snell_regret == {0.1: (0, 0, 0)}
    assert rows["fixed-3"].snell_regret[0.1].mean == pytest.approx(0.35)


def test_values_on_the_fit_bank_stand_beside(bank: Bank) -> None:
    """There all is right at once, but trm sees a Q_halt that says so from segment 2 on."""
    fit, _ = bank_of(torch.ones(3, 5).bool(), q_halt=torch.tensor([[-1.0], [1], [1]]).expand(3, 5))
    learned = {"x": [Halted(torch.ones(4, dtype=torch.long), bank.correct_MP[0])]}
    rows = compare(bank, {"trm": [rule("trm")]}, learned, COSTS, fit_bank=fit)
    on_fit = {row.name: row.on_fit for row in rows}
    assert on_fit["trm"] == pytest.approx({0.0: 1.0, 0.1: 0.9})
    assert on_fit["fixed-3"] == pytest.approx({0.0: 1.0, 0.1: 0.8})
    assert on_fit["oracle"] == on_fit["oracle, gives up"] == {0.0: 1.0, 0.1: 1.0}
    assert on_fit["x"] == {}  # it was played elsewhere
    assert all(row.on_fit == {} for row in compare(bank, {}, step_costs=COSTS))


def test_what_goes_wrong_and_correlates_by_hand(rows: dict[str, Row]) -> None:
    """fixed-3 loses puzzle 3, is 2 and 1 and 1 late, and stays 2 at the one that is never right."""
    errors = rows["fixed-3"].errors
    assert (errors.lost, errors.under, errors.never) == (0.25, 0, 0.25)
    assert (errors.late, errors.wasted) == (1, 0.5)
    assert np.isnan(rows["fixed-3"].with_first_correct.spearman)  # halting times that never vary
    assert rows["oracle"].with_first_correct == pytest.approx((1, 1, 3))
    alive = rows["fixed-1"].q_halt
    assert alive is not None and (alive.answers, alive.base_rate, alive.auroc) == (4, 0.25, 1)
    both_seeds = rows["learned x"].q_halt
    assert both_seeds is not None and both_seeds.answers == 1 + 2 + 2 + 1 + 1 + 2 + 2 + 3


def test_mcnemar_is_against_the_last_segment(rows: dict[str, Row]) -> None:
    """trm is right on one puzzle that segment 3 has lost, and on all that it has not."""
    assert rows["trm"].mcnemar == 1.0 and rows["fixed-3"].mcnemar == 1.0
    assert np.isnan(rows["learned x"].mcnemar)


def test_copies_have_no_mcnemar(bank: Bank) -> None:
    copied = replace(bank, cluster_P=torch.tensor([0, 0, 1, 2]))
    assert all(np.isnan(row.mcnemar) for row in compare(copied, {}, step_costs=COSTS))


def test_seeds_are_told_apart_and_their_middle_half_averaged(bank: Bank) -> None:
    """Five seeds at values 1/4, 3/4, 1/2, 3/4, 3/4 for nothing a segment: the middle three are 2/3."""
    seeds = [rule(f"fixed-{m}") for m in (1, 2, 3, 2, 2)]
    (row,) = (r for r in compare(bank, {}, {"x": seeds}, (0.0,)) if r.name == "x")
    assert row.by_seed[0.0] == (0.25, 0.75, 0.5, 0.75, 0.75)
    assert row.iqm[0.0].mean == pytest.approx(2 / 3) and row.value[0.0].mean == pytest.approx(0.6)
    assert row.iqm[0.0].low <= 2 / 3 <= row.iqm[0.0].high


@pytest.mark.parametrize("few", [3, 4])
def test_few_seeds_have_no_middle_half(bank: Bank, few: int) -> None:
    """That of three is the plain mean under another name (`findings/rliable-iqm.sh`), of four too sure."""
    seeds = [rule(f"fixed-{m}") for m in (1, 2, 3, 2)[:few]]
    (row,) = (r for r in compare(bank, {}, {"x": seeds}, (0.0,)) if r.name == "x")
    assert row.iqm == {} and len(row.by_seed[0.0]) == few


def test_a_bank_of_any_observation_set_can_be_compared_on(bank: Bank) -> None:
    blind = replace(bank, columns={"o": bank.columns["scalars"][..., :1]})
    rows = compare(blind, {}, step_costs=COSTS)
    assert [row.q_halt for row in rows] == [None] * 5
    assert rows[1].accuracy.mean == 0.75


def test_one_name_for_two_is_refused(bank: Bank) -> None:
    with pytest.raises(ValueError, match='"x" names a rule and a learner'):
        compare(bank, {"x": [rule("q")]}, {"x": [rule("q")]})


@pytest.mark.parametrize(
    ("most", "expected"), [(16, [1, 2, 4, 8, 16]), (6, [1, 2, 4, 6]), (1, [1])]
)
def test_fixed_numbers_double_up_to_the_last(most: int, expected: list[int]) -> None:
    assert comparison.fixed_segments(most) == expected


# --- ceilings -------------------------------------------------------------------------------------


def test_accuracy_above_the_bank_is_refused(bank: Bank) -> None:
    """Halting makes no answers: a puzzle that is never right is not right where one halts."""
    everything = Halted(torch.tensor([1, 2, 2, 2]), torch.ones(4).bool())
    with pytest.raises(
        ValueError, match=r'"magic" counts 1 puzzles as right .* 1 of them never right'
    ):
        check_ceiling(bank, "magic", everything)
    with pytest.raises(ValueError, match=r"never right \(75\.0% ever are\)"):
        compare(bank, {"magic": [everything]}, step_costs=COSTS)


def test_being_right_at_another_segment_is_refused(bank: Bank) -> None:
    late = Halted(torch.tensor([1, 2, 3, 1]), torch.tensor([True, True, True, False]))
    with pytest.raises(ValueError, match="1 puzzles as right that are wrong where it halted, 0 of"):
        check_ceiling(bank, "late", late)


def test_oracles_are_at_the_ceiling(bank: Bank) -> None:
    for give_up in (False, True):
        halted = first_correct(bank, give_up)
        check_ceiling(bank, "oracle", halted)
        assert halted.correct_P.double().mean() == bank.correct_MP.any(0).double().mean()


def test_a_name_without_policies_is_refused(bank: Bank) -> None:
    with pytest.raises(ValueError, match='"ppo" has no policies to score'):
        compare(bank, {"ppo": []}, step_costs=COSTS)
