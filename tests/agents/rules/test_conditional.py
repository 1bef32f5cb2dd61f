"""Thresholds with a guarantee for those halted by m: the two stages by hand, and whether it holds.

Shapes: M segments, D decisions (M - 1), P puzzles.
"""

from dataclasses import replace
from math import inf

import pytest
import torch
from banks import bank_of
from calibrations import bank_like, noisy
from torch import Tensor

from hrm_rl.agents.rules.calibrated import calibrate, lost_correct
from hrm_rl.agents.rules.conditional import Stepwise, calibrate_conditional, confirm, screen
from hrm_rl.agents.rules.thresholds import TwoSided
from hrm_rl.banks.bank import Bank, play
from hrm_rl.halting import Policy

P_2P = torch.tensor([[0.95, 0.85, 0.35, 0.15], [0.05, 0.45, 0.65, 0.25]], dtype=torch.float64)
LOST_2P = torch.tensor([[False, True, False, False], [False, True, False, False]])


def test_screening_by_hand() -> None:
    """Halting all four loses 1 / 4. Below that, after segment 1 only the first may; after segment 2
    all the others are 1 / 4 again, those above 0.4 are 1 / 3, and from 0.5 on the second is left out."""
    assert screen(P_2P, LOST_2P, 0.3, grid=11) == pytest.approx([0.0, 0.0])
    assert screen(P_2P, LOST_2P, 0.2, grid=11) == pytest.approx([0.9, 0.5])


def test_screening_where_no_threshold_will_do() -> None:
    """The surest puzzle is lost, so that whoever halts at all halts with it."""
    sure_DP = torch.tensor([[1.0, 0.5]], dtype=torch.float64)
    assert screen(sure_DP, torch.tensor([[True, False]]), 0.4, grid=11) == [inf]
    assert screen(sure_DP, torch.tensor([[True, False]]), 0.5, grid=11) == [0.0]


def sure(puzzles: int, first: int, lost: int) -> tuple[Tensor, Tensor]:
    """Two decisions: `first` puzzles are sure after segment 1, all after 2; some are lost at 1."""
    place_P = torch.arange(puzzles)
    p_DP = torch.stack([(place_P < first) * 0.9, torch.full((puzzles,), 0.9)]).double()
    return p_DP, torch.stack([place_P < lost, torch.zeros(puzzles).bool()])


@pytest.mark.parametrize(
    ("puzzles", "first", "lost", "expected"),
    [
        (45, 45, 0, [0.5, 0.5]),  # 0.95^45 = 0.0994
        (44, 44, 0, [inf, inf]),  # 0.95^44 = 0.1047
        (60, 45, 0, [0.5, 0.5]),
        (60, 44, 0, [inf, 0.5]),  # too few by segment 1
        (60, 60, 1, [inf, 0.5]),  # 0.95^60 + 60 * 0.05 * 0.95^59 = 0.1916
        (77, 77, 1, [0.5, 0.5]),  # 0.0973
        (76, 76, 1, [inf, 0.5]),  # 0.1013
        (60, 0, 0, [inf, 0.5]),  # nobody halted is no evidence
    ],
)
def test_testing_by_hand(puzzles: int, first: int, lost: int, expected: list[float]) -> None:
    assert confirm(*sure(puzzles, first, lost), [0.5, 0.5], 0.05, 0.1) == expected


def test_a_later_time_can_fail_too() -> None:
    """Few losses by segment 1, and many by 2: then neither is kept, though the first would pass."""
    p_DP, _ = sure(120, 60, 0)
    lost_DP = torch.stack([torch.zeros(120).bool(), torch.arange(120) >= 90])
    assert confirm(p_DP, lost_DP, [0.5, 0.5], 0.05, 0.1) == [inf, inf]


def test_stepwise_halts_from_its_threshold_on() -> None:
    logit_B1 = torch.tensor([[0.0], [1.0], [9.0]])
    policy = Stepwise((inf, 0.5, 0.7))
    for m, expected in ((1, [0, 0, 0]), (2, [1, 1, 1]), (3, [0, 1, 1]), (4, [0, 0, 0])):
        assert policy(logit_B1, torch.full((3,), m)).int().tolist() == expected


def by_time(bank: Bank, policy: Policy) -> dict[int, float]:
    """Mean loss of the puzzles halted by m, where they are 200 or more."""
    halted = play(bank, policy)
    lost_P = lost_correct(bank, halted)
    by = {m: halted.segment_P <= m for m in range(1, bank.max_segments + 1)}
    return {m: lost_P[by_P].mean().item() for m, by_P in by.items() if by_P.sum() >= 200}


def hasty(puzzles: int, seed: int) -> Bank:
    """A tenth is sure after segment 1, and 0.4 of it is right from 3 on only; the others are sure and
    right from 2 on."""
    generator = torch.Generator().manual_seed(seed)
    hasty_P = torch.rand(puzzles, generator=generator) < 0.1
    late_P = torch.rand(puzzles, generator=generator) < 0.4
    from_P = torch.where(hasty_P, torch.where(late_P, 3, 1), 2)
    m_M1 = torch.arange(1, 5)[:, None]
    sure_MP = m_M1 >= torch.where(hasty_P, 1, 2)
    return bank_of(m_M1 >= from_P, q_halt=6.0 * sure_MP - 3)[0]


def test_a_marginal_risk_is_spent_on_those_halted_first_and_a_conditional_one_is_not() -> None:
    """Halting where it is sure loses 0.04 of all, and 0.4 of those halted by 1."""
    bank, fresh = hasty(2000, 1), hasty(20_000, 2)
    family = [TwoSided(u, 0.0, observation="q") for u in (1.0, 0.99, 0.9)]
    once = by_time(fresh, calibrate(bank, family, lost_correct, 0.1).policy)
    assert once[1] == pytest.approx(0.4, abs=0.05) and once[4] == pytest.approx(0.04, abs=0.01)
    found = calibrate_conditional(bank, 0.1)
    assert found.policy.thresholds[0] == inf and found.policy.thresholds[1] < 0.96
    always = by_time(fresh, found.policy)
    assert always.keys() == {2, 3, 4} and max(always.values()) <= 0.1
    assert "halts from segment 2 on" in found.certificate


def test_of_noisy_puzzles_few_are_lost_at_any_time() -> None:
    found = calibrate_conditional(noisy(2000, 1), 0.1)
    assert max(by_time(noisy(20_000, 2), found.policy).values()) <= 0.1
    assert play(noisy(20_000, 2), found.policy).segment_P.double().mean() < 6
    kept = [level for level in found.policy.thresholds if level < inf]
    assert tuple(kept) == found.screened[-len(kept) :]


@pytest.mark.slow
@pytest.mark.usefixtures("unchecked_shapes")
def test_it_fails_no_oftener_than_it_says() -> None:
    """delta = 0.1, 60 calibration banks: some m above alpha on a tenth of them, at most, and noise."""
    fresh = noisy(20_000, 99)
    found = [calibrate_conditional(noisy(600, seed), 0.1, seed=seed) for seed in range(60)]
    worst = [max(by_time(fresh, one.policy).values()) for one in found]
    assert sum(risk > 0.105 for risk in worst) <= 6 + 3 * 2.3


def test_copies_of_a_puzzle_count_once() -> None:
    """90 puzzles in halves of 45, right from the start: with 44 in one half none is certified."""
    right = bank_like(["++"] * 90)
    sure_bank = bank_of(right.correct_MP, q_halt=torch.full((2, 90), 5.0))[0]
    assert calibrate_conditional(sure_bank, 0.05, observation="scalars").policy.thresholds == (0.0,)
    copies = replace(sure_bank, cluster_P=torch.arange(90).clamp(max=88))
    assert calibrate_conditional(copies, 0.05, observation="scalars").policy.thresholds == (inf,)


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="alpha must be a finite number between 0 and 1, got 0"):
        calibrate_conditional(bank_like(["++"] * 4), 0)
    with pytest.raises(ValueError, match="give two puzzles and segments or more, got 1 and 2"):
        calibrate_conditional(bank_like(["++"]), 0.1)
