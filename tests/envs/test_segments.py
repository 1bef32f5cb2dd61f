"""Where segments come from: the bank gives what the model gives; what doesn't fit is refused."""

from dataclasses import replace

import pytest
import torch
from scripted import PUZZLES, Scripted, tiny_hrm

from hrm_rl.bank import Bank, log_bank
from hrm_rl.envs.segments import BankSegments, LiveSegments, Look
from hrm_rl.puzzles import load

OBSERVATIONS = ("q", "scalars", "z_H", "z_H_pool")


@pytest.fixture(scope="module")
def bank() -> Bank:
    return log_bank(tiny_hrm(), PUZZLES, 6, observations=OBSERVATIONS)


def looks(segments: BankSegments | LiveSegments) -> list[Look]:
    rows = segments.fresh(torch.tensor([5, 0, 5]))
    found = []
    for _ in range(6):
        rows = segments.run(rows)
        found.append(segments.look(rows))
    return found


@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_bank_and_model_show_the_same(bank: Bank, observation: str) -> None:
    live = LiveSegments(tiny_hrm(), PUZZLES, observation)
    banked = BankSegments(bank, PUZZLES, observation, 6)
    for expected, got in zip(looks(live), looks(banked), strict=True):
        torch.testing.assert_close(got.columns_BF, expected.columns_BF, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(got.q_B2, expected.q_B2, rtol=1e-5, atol=1e-5)
        assert torch.equal(got.prediction_BT, expected.prediction_BT)
        assert got.m_B.tolist() == expected.m_B.tolist()
        assert got.puzzle_B.tolist() == expected.puzzle_B.tolist() == [5, 0, 5]
    for time_aware in (True, False):
        assert banked.bounds(time_aware) == live.bounds(time_aware)


def test_a_bank_without_q_shows_nan_to_the_picture(bank: Bank) -> None:
    bare = replace(bank, columns={"z_H": bank.columns["z_H"]})
    segments = BankSegments(bare, PUZZLES, "z_H", 6)
    assert looks(segments)[0].q_B2.isnan().all()


def test_what_does_not_fit_is_refused_in_one_sentence(bank: Bank) -> None:
    wrong = [
        (lambda: BankSegments(bank, PUZZLES.take([0, 1]), "q", 6), "holds 8 puzzles and the set 2"),
        (lambda: BankSegments(bank, PUZZLES, "q", 7), "max_segments must be <= 6, .* got 7"),
        (lambda: BankSegments(bank, PUZZLES, "full", 6), 'observation must not be "full"'),
        (
            lambda: BankSegments(replace(bank, columns={}), PUZZLES, "q", 6),
            'this bank was logged with .*not with "q"',
        ),
        (
            lambda: LiveSegments(Scripted(), load("sudoku9_easy", "test"), "q"),
            "the model reads 16 tokens out of 6, and sudoku9 has 81 out of 11",
        ),
    ]
    for make, message in wrong:
        with pytest.raises(ValueError, match=message) as caught:
            make()
        assert "\n" not in str(caught.value)
