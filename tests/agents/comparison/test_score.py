"""One policy on one bank in one call: the same figures as a comparison's, and no gain made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import talkative

from hrm_rl.agents.comparison.compare import compare
from hrm_rl.agents.comparison.score import score
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.rules import rule
from hrm_rl.banks.bank import Bank
from hrm_rl.banks.files import log_to, read_bank
from hrm_rl.banks.synthetic import bank_a
from hrm_rl.puzzles import load
from hrm_rl.stopping.exact import best_fixed, outcome


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders "it-fit" and "it-test", of 24 and 32 puzzles and 5 segments each."""
    model, where = talkative(), tmp_path_factory.mktemp("banks")
    for split, count in (("fit", 24), ("test", 32)):
        log_to(where / f"it-{split}", model, load("sudoku4", split).sample(count), 5, split=split)
    return where


def read(folder: Path) -> Bank:
    return read_bank(folder).first(4)


def test_a_named_pair_gives_the_row_of_a_comparison(pair: Path) -> None:
    row = score("stable-1", pair / "it-test", step_cost=0.01)
    fit, test = read(pair / "it-fit"), read(pair / "it-test")
    best_m = {0.01: best_fixed(fit, 0.01)[0]}
    rows = compare(test, {"stable-1": [rule("stable-1")]}, {}, (0.01,), best_m=best_m)
    (there,) = [row for row in rows if row.name == "stable-1"]
    exactly = outcome(test, rule("stable-1"), 0.01)
    got = (row.accuracy.mean, row.segments.mean)
    assert got == pytest.approx((exactly.accuracy, exactly.segments))
    assert row.value[0.01].mean == pytest.approx(exactly.value)
    assert row.gain[0.01].mean == pytest.approx(there.gain[0.01].mean)
    assert row.name == "stable-1" and row.kind == "rule"


def test_either_half_of_a_pair_is_held_against_the_other(pair: Path) -> None:
    assert score("q", str(pair / "it-fit")).gain
    assert score("q", read(pair / "it-test"), fit_bank=pair / "it-fit").gain


def test_without_other_puzzles_there_is_no_gain(pair: Path, tmp_path: Path) -> None:
    row = score("q", read(pair / "it-test"), step_cost=0.01)
    assert not row.gain and not row.score
    assert "best fixed" not in str(row)


def test_it_is_not_fitted_on_what_is_scored(pair: Path) -> None:
    with pytest.raises(ValueError, match="32 puzzles are in both banks"):
        score("q", pair / "it-test", fit_bank=pair / "it-test")


def test_a_row_is_read_in_two_lines(pair: Path) -> None:
    first, second = str(score("fixed-2", pair / "it-test", step_cost=0.01)).splitlines()
    assert first.startswith("fixed-2: ") and "% [" in first
    assert first.endswith("right after 2.00 [2.00, 2.00] segments")
    assert second.startswith("value at 0.01 a segment ")
    assert second.endswith("over the best fixed number")


class Mine:
    observation = "o"

    def __call__(self, obs_BF: torch.Tensor, m_B: torch.Tensor) -> torch.Tensor:
        return obs_BF[:, 0] > 0.5


@pytest.mark.parametrize("policy", [Mine(), rule("trm"), "trm"])
def test_whatever_is_called_is_scored(policy: Any) -> None:
    row = score(policy, bank_a(200, 4), fit_bank=bank_a(200, 4, seed=1))
    assert row.accuracy.mean == bank_a(200, 4).correct_MP.any(0).double().mean()


def test_a_function_is_told_what_it_sees() -> None:
    row = score(lambda obs_BF, m_B: obs_BF[:, 0] > 0.5, bank_a(200, 4), observation="o")
    there = score(Mine(), bank_a(200, 4))
    assert (row.name, row.kind) == ("<lambda>", "learner")
    assert (row.accuracy, row.segments) == (there.accuracy, there.segments)


def test_a_horizon_holds_for_both_banks(pair: Path) -> None:
    row = score("fixed-9", pair / "it-test", max_segments=2, step_cost=0.01)
    m = best_fixed(read_bank(pair / "it-fit").first(2), 0.01)[0]
    assert row.segments.mean == 2
    assert row.gain[0.01].mean == pytest.approx(
        outcome(read(pair / "it-test").first(2), rule("fixed-2"), 0.01).value
        - outcome(read(pair / "it-test").first(2), rule(f"fixed-{m}"), 0.01).value
    )


@pytest.mark.parametrize("time_aware", [True, False])
def test_an_algorithm_of_sb3_is_scored_by_its_best_actions(time_aware: bool) -> None:
    from stable_baselines3 import PPO

    from hrm_rl.agents.sb3 import SB3Policy, SB3VecEnv

    env = play_on(bank_a(20, 4), observation="o", slots=2, time_aware=time_aware)
    algorithm = PPO("MlpPolicy", SB3VecEnv(env), n_steps=2, batch_size=4, device="cpu", seed=0)
    row = score(algorithm, bank_a(50, 4))
    exactly = outcome(bank_a(50, 4), SB3Policy(algorithm, "o", time_aware), 0.0)
    assert (row.name, row.kind) == ("PPO", "learner")
    got = (row.accuracy.mean, row.segments.mean)
    assert got == pytest.approx((exactly.accuracy, exactly.segments))


@pytest.mark.parametrize(
    ("policy", "bank", "said"),
    [
        ("stabel-2", "sudoku9-test", 'did you mean "stable"'),
        ("q", "no-such-bank", 'no bank "no-such-bank"'),
        ("q", 7, "a bank is wanted, got int"),
        (None, bank_a(5, 3), r"rule\("),
        (7, bank_a(5, 3), r"rule\("),
        (lambda obs, m: obs[:, 0] > 0, bank_a(5, 3), "observation"),
    ],
)
def test_mistakes_are_one_sentence(policy: Any, bank: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        score(policy, bank)


def test_the_door_example_runs() -> None:
    row = score("stable-2", "sudoku9-test", step_cost=0.01)
    assert 0.75 < row.accuracy.mean < 0.85 and row.gain[0.01].mean > 0
