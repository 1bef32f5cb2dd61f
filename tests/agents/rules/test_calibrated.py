"""Calibrated halting: losses and the walk by hand, and whether the guarantees hold.

Shapes: M segments, P puzzles.
"""

import math
import re
from dataclasses import replace

import pytest
import torch
from calibrations import bank_like, noisy
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hrm_rl.agents.rules import calibrated
from hrm_rl.agents.rules.basic import FixedSegments
from hrm_rl.agents.rules.calibrated import calibrate
from hrm_rl.agents.rules.thresholds import Score, Threshold
from hrm_rl.banks.bank import Bank, play

LOSSES = ("lost_correct", "performance_gap", "inconsistent", "lost_chance")
SEEN = Score((0,), above=True, default=0.0, source="the score of a synthetic bank")
KNOBS = torch.linspace(6, -2, 81).tolist()


def without(bank: Bank, puzzle: int) -> Bank:
    """The bank with one puzzle taken out."""
    kept = torch.arange(len(bank)) != puzzle
    return replace(
        bank,
        columns={name: part[:, kept] for name, part in bank.columns.items()},
        correct_MP=bank.correct_MP[:, kept],
        cells_MP=bank.cells_MP[:, kept],
        predictions_MPT=bank.predictions_MPT[:, kept],
        rating_P=bank.rating_P[kept],
        cluster_P=bank.cluster_P[kept],
        puzzles=None,
    )


def all_fixed(bank: Bank) -> list[FixedSegments]:
    """Never halting early first."""
    return [FixedSegments(m, "scalars") for m in range(bank.max_segments, 0, -1)]


# --- losses ---------------------------------------------------------------------------------------


def test_losses_by_hand() -> None:
    """Halted after segment 2 of 4."""
    bank = bank_like(["-+++", "---+", "----", "-+--", "--+-", "+--+"])
    halted = play(bank, FixedSegments(2, "scalars"))
    losses = {name: getattr(calibrated, name)(bank, halted).tolist() for name in LOSSES}
    assert losses == {
        "lost_correct": [0, 1, 0, 0, 0, 1],
        "performance_gap": [0, 1, 0, -1, 0, 1],
        "inconsistent": [0, 1, 0, 1, 0, 1],
        "lost_chance": [0, 1, 0, 0, 1, 1],
    }


def test_inconsistency_is_of_answers_not_of_their_correctness() -> None:
    """Two answers that are wrong in different ways differ; no solution is looked at."""
    bank = bank_like(["---", "---"])
    predictions_MPT = bank.predictions_MPT.clone()
    predictions_MPT[0, 1, 5] = 9
    bank = replace(bank, predictions_MPT=predictions_MPT)
    family = all_fixed(bank)
    assert calibrated.inconsistent(bank, play(bank, family[-1])).tolist() == [0, 1]
    relabelled = replace(bank, correct_MP=~bank.correct_MP)
    a, b = (calibrate(x, family, calibrated.inconsistent, 0.6) for x in (bank, relabelled))
    assert a == b


@given(st.lists(st.text("+-", min_size=5, max_size=5), min_size=1, max_size=9), st.integers(1, 5))
def test_order_of_the_losses(rows: list[str], m: int) -> None:
    """What is right only later is lost by the last segment or before; a gap clipped is a loss."""
    bank = bank_like(rows)
    halted = play(bank, FixedSegments(m, "scalars"))
    lost, gap, _, chance = (getattr(calibrated, name)(bank, halted) for name in LOSSES)
    assert (lost <= chance).all()
    assert torch.equal(gap.clamp(0, 1), lost)


@pytest.mark.parametrize("name", LOSSES)
def test_running_to_the_end_loses_nothing(name: str) -> None:
    bank = bank_like(["-+-+", "----", "++--"])
    last = play(bank, FixedSegments(4, "scalars"))
    assert not getattr(calibrated, name)(bank, last).any()


# --- the walk -------------------------------------------------------------------------------------


def test_crc_by_hand() -> None:
    """19 puzzles, 2 of which turn right at segment 3 of 4: halting at 2 has (2 + 1) / 20 = 0.15."""
    bank = bank_like(["++++"] * 17 + ["--++"] * 2)
    found = calibrate(bank, all_fixed(bank), calibrated.lost_correct, 0.15, method="crc")
    assert (found.index, found.policy) == (3, FixedSegments(1, "scalars"))
    assert found.risk == pytest.approx(2 / 19)
    found = calibrate(bank, all_fixed(bank), calibrated.lost_correct, 0.149, method="crc")
    assert (found.index, found.policy, found.risk) == (1, FixedSegments(3, "scalars"), 0)


def test_crc_counts_the_largest_loss_on_the_way() -> None:
    """Halting at 2 loses the answer of one puzzle, halting at 1 has it again: not monotone."""
    bank = bank_like(["++++"] * 18 + ["+-++"])
    family = all_fixed(bank)
    assert calibrate(bank, family, calibrated.lost_correct, 0.1, method="crc").index == 3
    found = calibrate(bank, family, calibrated.lost_correct, 0.099, method="crc")
    assert found.index == 1
    skipping = [family[0], family[2], family[3]]  # without halting at 3; the loss at 2 stays
    bank = bank_like(["++++"] * 17 + ["+-++", "-+++"])
    assert calibrate(bank, skipping, calibrated.lost_correct, 0.149, method="crc").index == 1
    assert calibrate(bank, skipping, calibrated.lost_correct, 0.15, method="crc").index == 2


def test_ltt_stops_at_the_first_that_fails() -> None:
    """Halting at 2 is bad and at 1 as good as at 4; fixed-sequence testing does not get there."""
    bank = bank_like(["+-++"] * 100)
    found = calibrate(bank, all_fixed(bank), calibrated.lost_correct, 0.05)
    assert (found.index, found.policy) == (1, FixedSegments(3, "scalars"))
    said = "lost_correct <= 0.05 with probability >= 0.9 over .* p = 0.0059; policy 2 of 4, .* 100 "
    assert re.search(said, found.certificate), found.certificate


def test_without_a_policy_that_passes_it_runs_to_the_end() -> None:
    bank = bank_like(["---+"] * 100)
    family = all_fixed(bank)[1:]
    for method in ("ltt", "crc"):
        found = calibrate(bank, family, calibrated.lost_correct, 0.05, method=method)
        assert (found.index, found.risk) == (None, 0)
        assert (play(bank, found.policy).segment_P == 4).all()
        assert f"None of 3 policies keeps lost_correct at or below 0.05 by {method} on 100" in (
            found.certificate
        )


def test_too_few_puzzles_certify_nothing() -> None:
    """Of puzzles that are always right: 45 by learn-then-test, 19 by conformal risk control."""
    for method, enough in (("ltt", 45), ("crc", 19)):
        for puzzles in (enough - 1, enough):
            bank = bank_like(["++"] * puzzles)
            found = calibrate(bank, all_fixed(bank), calibrated.lost_correct, 0.05, method=method)
            assert found.index == (None if puzzles < enough else 1)


def test_copies_of_a_puzzle_count_once() -> None:
    """45 puzzles and 44 of them twenty times each; one in five copies lost is a fifth of a loss."""
    bank = bank_like(["++"] * 44 * 20)
    assert calibrate(bank, all_fixed(bank), calibrated.lost_correct, 0.05).index == 1
    copies = replace(bank, cluster_P=torch.arange(44).repeat_interleave(20))
    assert calibrate(copies, all_fixed(bank), calibrated.lost_correct, 0.05).index is None
    bank = replace(bank_like(["++"] * 9 + ["-+"]), cluster_P=torch.tensor([0] * 5 + [1] * 5))
    assert calibrate(bank, all_fixed(bank), calibrated.lost_correct, 0.9).risk == 0.1
    uneven = replace(bank, cluster_P=torch.tensor([0] * 8 + [1] * 2))
    assert calibrate(uneven, all_fixed(bank), calibrated.lost_correct, 0.95, 0.5).risk == 0.25


def test_wrong_requests_are_refused() -> None:
    bank = bank_like(["++"])
    loss, family = calibrated.lost_correct, all_fixed(bank)
    with pytest.raises(ValueError, match="policies must not be empty"):
        calibrate(bank, [], loss, 0.1)
    with pytest.raises(ValueError, match='method must be "ltt" or "crc", got "cv"'):
        calibrate(bank, family, loss, 0.1, method="cv")
    with pytest.raises(ValueError, match="alpha must be a finite number between 0 and 1, got 0"):
        calibrate(bank, family, loss, 0)
    with pytest.raises(ValueError, match="delta must be a finite number between 0 and 1, got 1"):
        calibrate(bank, family, loss, 0.1, 1)


# --- do the guarantees hold -----------------------------------------------------------------------


@settings(max_examples=25)
@given(
    st.lists(st.text("+-", min_size=4, max_size=4), min_size=3, max_size=9),
    st.floats(0.05, 0.9),
    st.sampled_from(["lost_correct", "inconsistent", "lost_chance"]),
)
def test_crc_holds_for_any_puzzles_in_any_order(rows: list[str], alpha: float, name: str) -> None:
    """Leave each puzzle out in turn: its loss under the others' choice averages alpha at most.

    This is the guarantee itself, for puzzles drawn without replacement, and has no tolerance.
    """
    bank, loss = bank_like(rows), getattr(calibrated, name)
    family = all_fixed(bank)
    left_out = []
    for puzzle in range(len(bank)):
        found = calibrate(without(bank, puzzle), family, loss, alpha, method="crc")
        left_out.append(loss(bank, play(bank, found.policy))[puzzle].item())
    assert sum(left_out) / len(left_out) <= alpha + 1e-12


def true_risk(threshold: float, solvable: float = 0.8, hazard: float = 0.3, M: int = 16) -> float:
    """Lost-correct of a threshold on N(0, 1) scores of answers that are first right at segment k."""
    quiet = 0.5 * math.erfc(-threshold / math.sqrt(2))
    shares = (solvable * hazard * (1 - hazard) ** (k - 1) for k in range(1, M + 1))
    return sum(share * (1 - quiet ** (k - 1)) for k, share in enumerate(shares, start=1))


def test_true_risk_is_that_of_the_bank() -> None:
    bank = noisy(100_000, 7)
    for threshold in (1.0, 2.5):
        halted = play(bank, Threshold(SEEN, threshold, "o"))
        drawn = calibrated.lost_correct(bank, halted).mean().item()
        assert drawn == pytest.approx(true_risk(threshold), abs=0.005)


def realized(puzzles: int, alpha: float, draws: int, method: str = "ltt") -> Tensor:
    """True risk of the threshold chosen on each of many banks; 0 where it runs to the end."""
    family = [Threshold(SEEN, knob, "o") for knob in KNOBS]
    risks = []
    for seed in range(draws):
        found = calibrate(
            noisy(puzzles, seed), family, calibrated.lost_correct, alpha, method=method
        )
        risks.append(0.0 if found.index is None else true_risk(KNOBS[found.index]))
    return torch.tensor(risks)


@pytest.mark.slow
@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("puzzles", [200, 1000])
@pytest.mark.parametrize("alpha", [0.05, 0.02])
def test_ltt_fails_no_oftener_than_it_says(puzzles: int, alpha: float) -> None:
    """81 thresholds, delta = 0.1, 400 calibration banks: too risky on a tenth of them at most."""
    risks = realized(puzzles, alpha, 400)
    assert (risks > alpha).double().mean() <= 0.1 + 3 * math.sqrt(0.09 / 400)
    assert risks.mean() >= 0.1 * alpha  # it does halt early


@pytest.mark.slow
@pytest.mark.usefixtures("unchecked_shapes")
def test_both_methods_on_a_few_noisy_banks() -> None:
    """The boldest threshold by conformal risk control is bolder, and right on average only."""
    ltt, crc = (realized(200, 0.05, 20, method) for method in ("ltt", "crc"))
    assert (ltt > 0.05).sum() <= 4
    assert 0.005 < ltt.mean() < crc.mean() < 0.05 + 0.02
