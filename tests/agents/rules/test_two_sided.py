"""Calibrated halting on both sides: no side loses more than alone, and promises are kept."""

import pytest
import torch
from banks import bank_of
from calibrations import bank_like, noisy
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.agents.rules import calibrated
from hrm_rl.agents.rules.sides import BothSides, calibrate_rising, calibrate_two_sided
from hrm_rl.agents.rules.thresholds import NEVER, Rising, TwoSided
from hrm_rl.banks.bank import play
from hrm_rl.halting import Halted


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


SHIFTS = torch.linspace(20, 0, 41).tolist()


def test_of_several_slopes_the_one_of_fewest_segments_is_taken() -> None:
    """Each is calibrated as it would be alone with its share of delta."""
    bank = noisy(2000, 1)

    def rising(slopes: tuple[float, ...], delta: float) -> BothSides:
        return calibrate_rising(
            bank, [1.0], SHIFTS, alpha_up=0.05, alpha_down=0.02, delta=delta, slopes=slopes
        )

    alone = {slope: rising((slope,), 0.03) for slope in (0.3, 1.0, 3.0)}
    means = {s: play(bank, one.policy).segment_P.double().mean() for s, one in alone.items()}
    assert len(set(means.values())) == 3 and min(means.values()) < 15
    together, best = rising((0.3, 1.0, 3.0), 0.09), alone[min(means, key=lambda s: means[s])]
    assert (together.policy, together.down) == (best.policy, best.down)


def test_rising_sides_share_delta() -> None:
    """0.95^59 is below 0.05; a lower threshold that nobody is below loses nothing, whenever it rises."""
    for puzzles, upper in ((58, 1.0), (59, 0.0)):
        bank = bank_of(torch.ones(4, puzzles).bool(), q_halt=torch.full((4, puzzles), 3.0))[0]
        found = calibrate_rising(
            bank, [0.0], [3.0, -9.0], alpha_up=0.05, alpha_down=0.05, slopes=[1.0],
            observation="scalars",
        )  # fmt: skip
        shift = NEVER if puzzles < 59 else -9.0
        assert found.policy == Rising(upper, shift, 0.5, 1.0, "scalars")
    with pytest.raises(ValueError, match="slopes must be one or more"):
        calibrate_rising(bank, [0.0], [3.0], alpha_up=0.05, alpha_down=0.05, slopes=[])
