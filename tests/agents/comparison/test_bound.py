"""The bound beside a comparison, on a bank whose optimum is known; tails of a row, by hand."""

import pytest

from hrm_rl.agents.comparison import compare
from hrm_rl.agents.comparison.bound import bound
from hrm_rl.banks.synthetic import bank_a
from hrm_rl.stopping.exact import outcome
from hrm_rl.stopping.snell import fit_snell


def test_the_optimum_is_between_the_snell_policy_and_the_bound() -> None:
    """Bank A with 6 segments, 4,000 puzzles to fit on and as many to score on."""
    fit, test = (bank_a(4000, 6, seed) for seed in (1, 2))
    found = bound(fit, test, "o", 0.02)
    assert found is not None and found.drift.low < 0 < found.drift.high
    lower = outcome(test, fit_snell(fit, "o", 0.02), 0.02).value
    assert lower <= found.upper.mean < lower + 0.03
    assert 0 <= found.gap.mean < 0.03
    text = str(found)
    assert text.startswith(
        "Dual bound, estimated, at 0.02: of policies that see o alone none gains more"
    )
    assert max(map(len, text.splitlines())) <= 100


def test_one_puzzle_has_no_halves() -> None:
    one = bank_a(1)
    assert bound(one, one, "o", 0.02) is None


def test_a_row_tells_its_tails() -> None:
    """Of 40 puzzles 2 are the worst 5 %: all segments alike, and two that are wrong if any are."""
    bank = bank_a(40, 4)
    row = next(r for r in compare.compare(bank, {}, step_costs=(0.1,)) if r.name == "fixed-4")
    assert row.segments_tail == (4.0, 4.0)
    assert int((~bank.correct_MP[-1]).sum()) >= 3
    assert row.value_tail[0.1] == pytest.approx((-0.3, -0.3))
    assert 0 < row.risk_coverage < 1 - row.accuracy.mean  # Q_halt of this bank knows
