"""Early exit, fixed segments and the bank agree; puzzles that halted are really gone."""

from dataclasses import dataclass

import pytest
import torch
from tiny import ATTENTION, talkative
from torch import Tensor

from hrm_rl import bank
from hrm_rl.evaluate import evaluate, solve
from hrm_rl.features import SCALARS
from hrm_rl.models.hrm import HRM
from hrm_rl.puzzles import load

PUZZLES = load("sudoku4", "test").take(range(23))
M = 6


@dataclass(frozen=True)
class Threshold:
    """Halts where a column of the scalars is above a threshold that falls with time."""

    column: str
    threshold: float
    fall: float = 0.0
    observation: str = "scalars"

    def __call__(self, obs_BF: Tensor, m_B: Tensor) -> Tensor:
        return obs_BF[:, SCALARS.index(self.column)] > self.threshold - self.fall * m_B


@dataclass(frozen=True)
class Always:
    halts: bool
    observation: str = "q"

    def __call__(self, obs_BF: Tensor, m_B: Tensor) -> Tensor:
        return torch.full((len(obs_BF),), self.halts)


@pytest.fixture(scope="module")
def model() -> HRM:
    """Answers are as random as its weights, but some are right: the solutions are few words long."""
    return talkative(ATTENTION, seed=1)


def spread(model: HRM) -> Threshold:
    """A policy by which some puzzles halt at every segment."""
    logged = bank.log_bank(model, PUZZLES, M)
    residual_MP = logged.columns["scalars"][..., SCALARS.index("residual_H")]
    return Threshold("residual_H", float(residual_MP.median()))


@pytest.mark.parametrize("batch_size", [1, 4, 23, 256])
def test_early_exit_fixed_work_and_bank_agree(model: HRM, batch_size: int) -> None:
    policy = spread(model)
    played = bank.play(bank.log_bank(model, PUZZLES, M), policy)
    assert len(played.segment_P.unique()) >= 3
    for early_exit in (True, False):
        halted = evaluate(model, PUZZLES, policy, M, early_exit=early_exit, batch_size=batch_size)
        assert torch.equal(halted.segment_P, played.segment_P)
        assert torch.equal(halted.correct_P, played.correct_P)


def rows_run(model: HRM, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of every forward from now on."""
    rows: list[int] = []
    segment = model.segment

    def counted(carry: object, x_BT: Tensor, rows_BE: Tensor) -> object:
        rows.append(len(x_BT))
        return segment(carry, x_BT, rows_BE)  # type: ignore[arg-type]

    monkeypatch.setattr(model, "segment", counted)
    return rows


def test_work_is_done_for_puzzles_that_still_think(
    model: HRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = spread(model)
    rows = rows_run(model, monkeypatch)
    halted = evaluate(model, PUZZLES, policy, M, batch_size=8)
    assert sum(rows) == int(halted.segment_P.sum())
    full = [count for count in rows if count == 8]
    assert rows == full + rows[len(full) :]  # full as long as puzzles wait, then only smaller
    assert rows[len(full) :] == sorted(rows[len(full) :], reverse=True)
    rows.clear()
    evaluate(model, PUZZLES, policy, M, batch_size=8, early_exit=False)
    assert sum(rows) == M * len(PUZZLES)


def test_the_ends(model: HRM) -> None:
    at_once = evaluate(model, PUZZLES, Always(True), M, batch_size=5)
    assert (at_once.segment_P == 1).all()
    forced = evaluate(model, PUZZLES, Always(False), M, batch_size=5)
    assert (forced.segment_P == M).all()
    nothing = evaluate(model, PUZZLES.take([]), Always(False), M)
    assert len(nothing.segment_P) == 0


def test_correct_is_judged_at_the_halting_segment(model: HRM) -> None:
    logged = bank.log_bank(model, PUZZLES, M)
    solutions = torch.from_numpy(PUZZLES.solutions_PL)
    policy = spread(model)
    halted = evaluate(model, PUZZLES, policy, M)
    answers = logged.predictions_MPT[halted.segment_P - 1, torch.arange(len(PUZZLES))]
    assert torch.equal(halted.correct_P, (answers == solutions).all(-1))


def test_solve_walks_as_evaluate_does(model: HRM) -> None:
    policy = spread(model)
    halted = evaluate(model, PUZZLES, policy, M)
    logged = bank.log_bank(model, PUZZLES, M)
    for p in range(8):
        steps = list(solve(model, torch.from_numpy(PUZZLES.inputs_PL[p]), policy, M))
        assert [step.segment for step in steps] == list(range(1, int(halted.segment_P[p]) + 1))
        assert [step.action for step in steps] == [0] * (len(steps) - 1) + [1]
        assert [step.forced for step in steps] == [step.segment == M for step in steps]
        for step in steps:
            logged_T = logged.predictions_MPT[step.segment - 1, p]
            assert torch.equal(step.prediction_T.to(torch.uint8), logged_T)
            torch.testing.assert_close(
                step.q_2, logged.columns["scalars"][step.segment - 1, p, :2], rtol=1e-4, atol=1e-4
            )
