"""The exact machine: its steps are those of the rules, its answer comes at the rating and stays."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl import features, loop
from hrm_rl.banks.bank import log_bank
from hrm_rl.models.stepper import MACHINES, Stepper, StepperConfig
from hrm_rl.puzzles.kinds import task_of
from hrm_rl.puzzles.source import source
from hrm_rl.puzzles.toys.life.rules import Life
from hrm_rl.puzzles.toys.parity.rules import Parity

NAMES = ("parity9", "life6")


def tokens(values_L: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values_L.astype(np.int64) + 1)[None]


@given(st.lists(st.integers(1, 2), min_size=2, max_size=9))
def test_each_fold_is_that_of_the_rules(bits):
    task, machine = Parity(9), MACHINES["parity"]
    puzzle_L = np.zeros(9, np.uint8)
    puzzle_L[: len(bits)] = bits
    x_BT = tokens(puzzle_L)
    for left in range(len(bits) - 1, 0, -1):
        x_BT = machine.step(x_BT)
        assert torch.equal(x_BT, tokens(task.folded(puzzle_L, left)))
        assert int(machine.left(x_BT).sum()) == left - 1
    assert torch.equal(machine.step(x_BT), x_BT)


@given(st.lists(st.booleans(), min_size=36, max_size=36), st.integers(1, 6))
def test_each_generation_is_that_of_the_rules(alive, marks):
    task, machine = Life(6), MACHINES["life"]
    puzzle_L = np.concatenate([np.array(alive, np.uint8), task.marks(marks)])
    x_BT = tokens(puzzle_L)
    for left in range(marks - 1, -1, -1):
        x_BT = machine.step(x_BT)
        assert torch.equal(x_BT, tokens(task.generation(puzzle_L, left)))
        assert int(machine.left(x_BT).sum()) == left
    assert torch.equal(machine.step(x_BT), x_BT)


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_is_right_from_the_rating_on_and_never_before(name):
    puzzles = source(f"{name}:60:0", "test")
    segments = max(puzzles.ratings_P) + 2
    bank = log_bank(Stepper(StepperConfig(name)), puzzles, int(segments), batch_size=7)
    m_M1 = np.arange(1, segments + 1)[:, None]
    assert np.array_equal(bank.correct_MP.numpy(), m_M1 >= puzzles.ratings_P)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_seen_tells_whether_it_is_done_and_how_much_is_left(name):
    puzzles = source(f"{name}:60:0", "fit")
    segments = int(max(puzzles.ratings_P)) + 2
    observations = ("scalars", "z_H")
    bank = log_bank(Stepper(StepperConfig(name)), puzzles, segments, observations=observations)
    seen = dict(zip(features.SCALARS, bank.columns["scalars"].unbind(-1), strict=True))
    left_MP = (bank.rating_P - torch.arange(1, segments + 1)[:, None]).clamp(min=0)
    done_MP = left_MP == 0
    assert torch.equal(seen["q_halt"] > 0, done_MP)
    assert torch.equal(seen["q_halt"], -seen["q_continue"])
    assert seen["confidence_min"][done_MP].min() > 0.999
    assert seen["confidence_min"][~done_MP].max() < 0.5
    share_MP = left_MP / puzzles.length
    assert torch.allclose(bank.columns["z_H"][..., 2], share_MP)
    entropy_MP = seen["entropy_mean"]
    assert entropy_MP.flatten()[share_MP.flatten().argsort()].diff().min() > -1e-6
    assert torch.equal(seen["stable"] > 0, done_MP & (left_MP.roll(1, 0) == 0) & (m(segments) > 1))


def m(segments: int) -> torch.Tensor:
    return torch.arange(1, segments + 1)[:, None]


@pytest.mark.parametrize("name", NAMES)
def test_features_stay_in_their_bounds(name):
    model = Stepper(StepperConfig(name))
    bank = log_bank(model, source(f"{name}:40:1"), 8, observations=features.OBSERVATIONS)
    for observation, part in bank.columns.items():
        low, high = features.bounds(observation, model.config, time_aware=False)
        assert (part >= torch.tensor(low)).all() and (part <= torch.tensor(high)).all()


@pytest.mark.parametrize("name", NAMES)
def test_slots_dealt_anew_begin_with_their_own_puzzle(name):
    model, puzzles = Stepper(StepperConfig(name)), source(f"{name}:8:2")
    x_BT, y_BT = (
        torch.from_numpy(part).long() for part in (puzzles.inputs_PL, puzzles.solutions_PL)
    )
    batch = loop.Batch(x_BT, y_BT, torch.zeros(8, dtype=torch.long))
    other = loop.Batch(*(part.flip(0) for part in batch))
    slots, _ = loop.advance(model, loop.fresh(model, batch))
    where_B = torch.arange(8) % 2 == 0
    slots, output = loop.advance(model, loop.deal(model, slots, other, where_B))
    alone, expected = loop.advance(model, loop.fresh(model, other))
    assert torch.equal(output.logits[where_B], expected.logits[where_B])
    once = MACHINES[task_of(name).kind].step(MACHINES[task_of(name).kind].step(x_BT))
    assert torch.equal(output.logits.argmax(-1)[~where_B], once[~where_B])
    assert torch.equal(slots.m_B, torch.where(where_B, 1, 2)) and (alone.m_B == 1).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_segment_reads_nothing_from_the_device(name):
    model = Stepper(StepperConfig(name)).to("meta")
    x_BT = torch.zeros(3, model.config.length, dtype=torch.long, device="meta")
    carry, output = model.segment(model.initial(3), x_BT, model.puzzle_rows(x_BT[:, 0]))
    assert output.logits.shape == (3, model.config.length, model.config.vocab)
    assert carry.z_H.shape == (3, 1 + model.config.length, model.config.width)


def test_only_what_has_steps_can_be_stepped_through():
    with pytest.raises(ValueError, match="a stepper knows the steps of parity, life, got sudoku"):
        StepperConfig("sudoku9")
