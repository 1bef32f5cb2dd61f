"""Calibrated halting: losses, p-values and bounds by hand, and whether the guarantees hold.

Shapes: M segments, P puzzles.
"""

import math
import re
from dataclasses import replace
from functools import cache
from math import comb, exp, log

import pytest
import torch
from banks import bank_of
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hrm_rl.agents.rules import calibrated
from hrm_rl.agents.rules.basic import FixedSegments
from hrm_rl.agents.rules.calibrated import calibrate, calibrate_two_sided
from hrm_rl.agents.rules.thresholds import Score, Threshold, TwoSided
from hrm_rl.banks.bank import Bank, play
from hrm_rl.banks.synthetic import bank_noisy
from hrm_rl.halting import Halted

LOSSES = ("lost_correct", "performance_gap", "inconsistent", "lost_chance")
SEEN = Score((0,), above=True, default=0.0, source="the score of a synthetic bank")
KNOBS = torch.linspace(6, -2, 81).tolist()


def bank_like(rows: list[str]) -> Bank:
    """A bank from one string for each puzzle, "+" where a segment is right."""
    correct_PM = torch.tensor([[mark == "+" for mark in row] for row in rows])
    return bank_of(correct_PM.T)[0]


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


# --- p-values and bounds --------------------------------------------------------------------------


@given(st.integers(1, 80), st.integers(0, 80), st.floats(0.001, 0.999))
def test_binomial_tail_is_the_sum_of_its_terms(n: int, k: int, p: float) -> None:
    terms = [comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(min(k, n) + 1)]
    assert calibrated.binomial_tail(k, n, p) == pytest.approx(math.fsum(terms), rel=1e-9)


def test_binomial_tail_of_many_draws() -> None:
    """The median of a symmetric law, where terms underflow unless summed in logarithms."""
    assert calibrated.binomial_tail(5000, 10_001, 0.5) == pytest.approx(0.5, abs=1e-9)


def test_p_value_by_hand() -> None:
    """Without a loss it's (1 - alpha)^n: 45 puzzles are the fewest that certify 5 % at delta 0.1."""
    assert calibrated.hoeffding_bentkus(0.0, 44, 0.05) == pytest.approx(0.95**44)
    assert 0.95**45 < 0.1 < 0.95**44
    hoeffding = exp(-200 * (0.01 * log(0.01 / 0.05) + 0.99 * log(0.99 / 0.95)))
    bentkus = exp(1) * sum(comb(200, j) * 0.05**j * 0.95 ** (200 - j) for j in range(3))
    assert bentkus < hoeffding  # 0.0063 and 0.0071
    assert calibrated.hoeffding_bentkus(2 / 200, 200, 0.05) == pytest.approx(bentkus)
    hoeffding = exp(-10 * (0.3 * log(0.3 / 0.5) + 0.7 * log(0.7 / 0.5)))
    assert calibrated.hoeffding_bentkus(0.3, 10, 0.5) == pytest.approx(hoeffding)  # 0.439, 0.467
    assert calibrated.hoeffding_bentkus(0.06, 200, 0.05) == 1


def test_p_value_of_a_broken_count_rounds_up() -> None:
    """Losses between 0 and 1 that add up to 2.5 count as 3 in the binomial term, not as 2."""
    r, a = 2.5 / 200, 0.05
    hoeffding = exp(-200 * (r * log(r / a) + (1 - r) * log((1 - r) / (1 - a))))
    two, three = (math.e * calibrated.binomial_tail(k, 200, a) for k in (2, 3))
    assert two < hoeffding < three  # 0.0063, 0.0153, 0.0246
    assert calibrated.hoeffding_bentkus(r, 200, a) == pytest.approx(hoeffding)


@given(st.integers(1, 200), st.floats(0.01, 0.9), st.floats(0.01, 0.5))
def test_p_value_is_valid(n: int, alpha: float, delta: float) -> None:
    """If the risk is alpha, it is at most delta with probability at most delta: exact, not drawn."""
    wrong = [k for k in range(n + 1) if calibrated.hoeffding_bentkus(k / n, n, alpha) <= delta]
    mass = sum(comb(n, k) * alpha**k * (1 - alpha) ** (n - k) for k in wrong)
    assert mass <= delta + 1e-9


def test_crc_bound_by_hand() -> None:
    """One loss among 19, and 1 for the puzzle to come: 2 of 20."""
    assert calibrated.crc_bound(1 / 19, 19) == pytest.approx(0.1)
    assert calibrated.crc_bound(0.0, 19) == pytest.approx(0.05)


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


@cache
def noisy(puzzles: int, seed: int) -> Bank:
    return bank_noisy(puzzles, seed=seed)


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


@pytest.mark.usefixtures("unchecked_shapes")
def test_both_methods_on_a_few_noisy_banks() -> None:
    """The boldest threshold by conformal risk control is bolder, and right on average only."""
    ltt, crc = (realized(200, 0.05, 20, method) for method in ("ltt", "crc"))
    assert (ltt > 0.05).sum() <= 4
    assert 0.005 < ltt.mean() < crc.mean() < 0.05 + 0.02


# --- both sides -----------------------------------------------------------------------------------


@given(
    st.lists(st.text("+-", min_size=6, max_size=6), min_size=1, max_size=12),
    st.integers(0, 999),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(1, 6),
)
def test_a_side_never_loses_more_than_it_does_alone(
    rows: list[str], seed: int, upper: float, lower: float, patience: int
) -> None:
    """On every puzzle, whatever the score: why the sides can be calibrated one by one."""
    bank = bank_like(rows)
    noise = torch.randn(bank.correct_MP.shape, generator=torch.Generator().manual_seed(seed))
    bank = bank_of(bank.correct_MP, q_halt=noise)[0]

    def halted(upper: float, lower: float) -> Halted:
        return play(bank, TwoSided(upper, lower, patience, "scalars"))

    both, up, down = halted(upper, lower), halted(upper, 0), halted(1, lower)
    assert torch.equal(both.segment_P, torch.minimum(up.segment_P, down.segment_P))
    sum_P = calibrated.lost_correct(bank, up) + calibrated.lost_chance(bank, down)
    assert (calibrated.lost_correct(bank, both) <= sum_P).all()


@pytest.mark.parametrize(("method", "slack"), [("ltt", 0.0), ("crc", 0.01)])
def test_two_sided_gives_up_and_keeps_what_it_promises(method: str, slack: float) -> None:
    """On the noisy bank's log-odds; a fifth of its puzzles are never right.

    Conformal risk control promises a mean over banks: one of 2000 puzzles may miss by 3 standard errors.
    """
    grid = torch.linspace(0.0, 1.0, 41).tolist()
    bank, fresh = noisy(2000, 1), noisy(20_000, 2)
    found = calibrate_two_sided(
        bank, grid, grid, alpha_up=0.05, alpha_down=0.02, patience=8, method=method
    )
    up, down = found.up.policy, found.down.policy
    assert found.policy == TwoSided(up.upper, down.lower, 8, "q")
    assert 0 < down.lower < 1 and 0 < up.upper < 1
    halted = play(fresh, found.policy)
    assert calibrated.lost_correct(fresh, play(fresh, up)).mean() <= 0.05 + slack
    assert calibrated.lost_chance(fresh, play(fresh, down)).mean() <= 0.02 + slack
    assert calibrated.lost_correct(fresh, halted).mean() <= 0.07 + slack
    hopeless_P = ~fresh.correct_MP.any(0)
    given_up = (halted.segment_P < 16) & ~halted.correct_P & hopeless_P
    confident = play(fresh, up).segment_P
    assert given_up.sum() > 0.05 * hopeless_P.sum()
    assert halted.segment_P.double().mean() < confident.double().mean()


def test_two_sides_share_delta() -> None:
    """0.95^45 is below 0.1 and not below 0.05, which takes 59 puzzles."""
    for puzzles, upper in ((58, 1.0), (59, 0.0)):
        bank = bank_like(["++"] * puzzles)
        found = calibrate_two_sided(
            bank, [0.0], [1.0], alpha_up=0.05, alpha_down=0.05, observation="scalars"
        )
        assert found.policy == TwoSided(upper, 1 - upper, 4, "scalars")
