"""Banks: what is logged is what the model does, and playing on them is stepping by hand.

Shapes: B puzzles in thought, M segments, P puzzles.
"""

from dataclasses import dataclass, replace

import pytest
import torch
from scripted import PUZZLES, RIGHT_FROM, Scripted, tiny_hrm

from hrm_rl import features, loop
from hrm_rl.agents.rules.basic import FixedSegments
from hrm_rl.banks.bank import Bank, log_bank, observe, play
from hrm_rl.halting import Halted
from hrm_rl.puzzles import verdicts

M = 8
SETS = ("q", "scalars", "z_H")


@pytest.fixture(scope="module")
def bank() -> Bank:
    return log_bank(tiny_hrm(), PUZZLES, M, observations=SETS)


@dataclass(frozen=True)
class Linear:
    """An arbitrary policy: halts where a weighted sum of what it sees is positive."""

    weight_F: torch.Tensor
    observation: str
    time_aware: bool = True

    def __call__(self, obs_BF: torch.Tensor, m_B: torch.Tensor) -> torch.Tensor:
        return obs_BF @ self.weight_F > 0


def test_shorter_bank_is_the_beginning_of_a_longer_one(bank: Bank) -> None:
    """Bit for bit: nothing in a bank looks ahead."""
    short = log_bank(tiny_hrm(), PUZZLES, 3, observations=SETS)
    assert (short.max_segments, len(short)) == (3, len(PUZZLES))
    for name in SETS:
        assert torch.equal(short.columns[name], bank.columns[name][:3])
    for field in ("correct_MP", "cells_MP", "predictions_MPT"):
        assert torch.equal(getattr(short, field), getattr(bank, field)[:3])


def test_puzzles_are_logged_each_on_its_own() -> None:
    """A scripted model depends on its row alone, so neither batch size nor order may show."""
    whole = log_bank(Scripted(), PUZZLES, M)
    order = torch.randperm(len(PUZZLES), generator=torch.Generator().manual_seed(0))
    parts = log_bank(Scripted(), PUZZLES.take(order.numpy()), M, batch_size=3)
    assert torch.equal(parts.columns["scalars"], whole.columns["scalars"][:, order])
    assert torch.equal(parts.predictions_MPT, whole.predictions_MPT[:, order])
    assert torch.equal(parts.rating_P, whole.rating_P[order])


def test_right_answers_are_logged_where_the_script_has_them() -> None:
    bank = log_bank(Scripted(), PUZZLES, M)
    expected = torch.arange(1, M + 1)[:, None] >= torch.tensor(RIGHT_FROM)
    assert torch.equal(bank.correct_MP, expected)
    assert torch.equal(bank.cells_MP == 1, expected)
    answers = torch.from_numpy(PUZZLES.solutions_PL)
    assert torch.equal((bank.predictions_MPT == answers).all(-1), expected)


def stepping_by_hand(policy: Linear) -> Halted:
    """The segment loop, one puzzle set at a time, asked after each segment."""
    model, y_BT = tiny_hrm(), torch.from_numpy(PUZZLES.solutions_PL).long()
    x_BT = torch.from_numpy(PUZZLES.inputs_PL).long()
    slots, seen = loop.fresh(model, loop.Batch(x_BT, y_BT, torch.zeros(len(x_BT)).long())), None
    found: dict[int, tuple[int, bool]] = {}
    for m in range(1, M + 1):
        before = slots
        slots, output = loop.advance(model, slots)
        seen = features.look(before, slots, output, seen)
        columns_BF = features.columns(policy.observation, seen)
        obs_BF = features.with_time(columns_BF, slots.m_B, M, policy.time_aware)
        right_B = verdicts.correct(output.logits, y_BT)
        for p, halts in enumerate(policy(obs_BF, slots.m_B).tolist()):
            if p not in found and (halts or m == M):
                found[p] = (m, bool(right_B[p]))
    segment, right = zip(*(found[p] for p in range(len(PUZZLES))), strict=True)
    return Halted(torch.tensor(segment), torch.tensor(right))


@pytest.mark.parametrize("observation", SETS)
@pytest.mark.parametrize("time_aware", [True, False])
def test_playing_is_stepping_by_hand(bank: Bank, observation: str, time_aware: bool) -> None:
    width = observe(bank, observation, 1, time_aware).shape[1]
    lengths = set()
    for seed in range(4):
        generator = torch.Generator().manual_seed(seed)
        policy = Linear(torch.randn(width, generator=generator), observation, time_aware)
        played, expected = play(bank, policy), stepping_by_hand(policy)
        assert torch.equal(played.segment_P, expected.segment_P)
        assert torch.equal(played.correct_P, expected.correct_P)
        lengths |= set(played.segment_P.tolist())
    assert len(lengths) > 1


@pytest.mark.parametrize("m", [1, 2, 5, M, M + 3])
def test_fixed_segments_score_what_the_bank_says(m: int) -> None:
    bank = log_bank(Scripted(), PUZZLES, M)
    halted = play(bank, FixedSegments(m))
    assert halted.segment_P.tolist() == [min(m, M)] * len(PUZZLES)
    assert torch.equal(halted.correct_P, bank.correct_MP[min(m, M) - 1])


def test_value_by_hand() -> None:
    halted = Halted(torch.tensor([1, 4, 16]), torch.tensor([True, True, False]))
    assert halted.value_P(0.02).tolist() == pytest.approx([1, 1 - 0.06, -0.3])


def test_q_is_part_of_the_scalars(bank: Bank) -> None:
    scalars_only = replace(bank, columns={"scalars": bank.columns["scalars"]})
    assert torch.equal(observe(scalars_only, "q", 2), observe(bank, "q", 2))
    assert observe(bank, "q", 2)[:, -1].tolist() == [2 / M] * len(PUZZLES)


def test_unlogged_observation_is_refused(bank: Bank) -> None:
    with pytest.raises(ValueError, match='logged with q, scalars, z_H, not with "full"'):
        observe(bank, "full", 1)
