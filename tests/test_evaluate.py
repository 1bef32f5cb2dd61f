"""Early exit, fixed work and the bank agree; puzzles that halted are really gone."""

from dataclasses import dataclass, replace

import pytest
import torch
from tiny import ATTENTION, talkative
from torch import Tensor

from hrm_rl.banks import bank
from hrm_rl.banks.bank import Bank
from hrm_rl.evaluate import evaluate, solve
from hrm_rl.features import SCALARS
from hrm_rl.models.hrm import HRM
from hrm_rl.puzzles import PuzzleSet, load

M = 6
P = 23


@dataclass(frozen=True)
class Below:
    """Halts where the mean entropy is below a threshold."""

    threshold: float
    observation: str = "scalars"

    def __call__(self, obs_BF: Tensor, m_B: Tensor) -> Tensor:
        return obs_BF[:, SCALARS.index("entropy_mean")] < self.threshold


@dataclass(frozen=True)
class Always:
    halts: bool
    observation: str = "q"

    def __call__(self, obs_BF: Tensor, m_B: Tensor) -> Tensor:
        return torch.full((len(obs_BF),), self.halts)


@pytest.fixture
def model() -> HRM:
    """In fp64: sums over other batch sizes round differently, and a threshold must not hang on it."""
    return talkative(ATTENTION, seed=1).double()


@pytest.fixture
def puzzles(model: HRM) -> PuzzleSet:
    """With what the model says at segment 1 + p % M for the solution of puzzle p: right just then."""
    unsolved = load("sudoku4", "test").take(range(P))
    said_MPT = bank.log_bank(model, unsolved, M).predictions_MPT
    at_P = torch.arange(P)
    return replace(unsolved, solutions_PL=said_MPT[at_P % M, at_P].numpy())


@pytest.fixture
def logged(model: HRM, puzzles: PuzzleSet) -> Bank:
    return bank.log_bank(model, puzzles, M)


@pytest.fixture
def policy(logged: Bank) -> Below:
    """Some puzzles halt at every segment."""
    entropy_MP = logged.columns["scalars"][..., SCALARS.index("entropy_mean")]
    return Below(float(entropy_MP.median()))


@pytest.mark.parametrize("batch_size", [1, 4, 23, 256])
def test_early_exit_fixed_work_and_bank_agree(
    batch_size: int, model: HRM, puzzles: PuzzleSet, logged: Bank, policy: Below
) -> None:
    played = bank.play(logged, policy)
    assert len(played.segment_P.unique()) >= 4
    assert 0 < int(played.correct_P.sum()) < P
    for early_exit in (True, False):
        halted = evaluate(model, puzzles, policy, M, early_exit=early_exit, batch_size=batch_size)
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
    model: HRM, puzzles: PuzzleSet, policy: Below, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_run(model, monkeypatch)
    halted = evaluate(model, puzzles, policy, M, batch_size=8)
    assert sum(rows) == int(halted.segment_P.sum())
    tail = rows[rows.count(8) :]  # full as long as puzzles wait, then only smaller
    assert rows.count(8) >= 3
    assert tail == sorted(tail, reverse=True) and 8 not in tail
    rows.clear()
    evaluate(model, puzzles, policy, M, batch_size=8, early_exit=False)
    assert sum(rows) == M * P


def test_the_ends(model: HRM, puzzles: PuzzleSet) -> None:
    at_once = evaluate(model, puzzles, Always(True), M, batch_size=5)
    assert (at_once.segment_P == 1).all()
    assert torch.equal(at_once.correct_P.nonzero().squeeze(1) % M, torch.zeros(4).long())
    forced = evaluate(model, puzzles, Always(False), M, batch_size=5)
    assert (forced.segment_P == M).all()
    nothing = evaluate(model, puzzles.take([]), Always(False), M)
    assert len(nothing.segment_P) == 0


def test_solve_walks_as_evaluate_does(
    model: HRM, puzzles: PuzzleSet, logged: Bank, policy: Below
) -> None:
    halted = evaluate(model, puzzles, policy, M)
    for p in range(8):
        steps = list(solve(model, torch.from_numpy(puzzles.inputs_PL[p]), policy, M))
        assert [step.segment for step in steps] == list(range(1, int(halted.segment_P[p]) + 1))
        assert [step.action for step in steps] == [0] * (len(steps) - 1) + [1]
        assert [step.forced for step in steps] == [step.segment == M for step in steps]
        for step in steps:
            at = step.segment - 1, p
            assert torch.equal(step.prediction_T.to(torch.uint8), logged.predictions_MPT[at])
            q_2 = logged.columns["scalars"][at][:2]
            torch.testing.assert_close(step.q_2, q_2, rtol=1e-4, atol=1e-4)
        right = torch.equal(step.prediction_T, torch.from_numpy(puzzles.solutions_PL[p]).long())
        assert right == bool(halted.correct_P[p])
