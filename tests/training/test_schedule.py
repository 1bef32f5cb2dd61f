"""Runs that grow: which stage a step is in, what follows from it, and what is refused."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import CONFIG, finish
from safetensors.torch import load_file, save_file
from tiny import ATTENTION, tiny_run
from torch import Tensor
from torch._dynamo.utils import counters

from hrm_rl.cli.main import main
from hrm_rl.halting import free
from hrm_rl.models.checkpoint import load_model
from hrm_rl.models.transformer import TransformerConfig
from hrm_rl.models.trm import TRMConfig
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.joint import Seen, Segment
from hrm_rl.training.joint.act_q import ActQ
from hrm_rl.training.joint.learner import Nothing
from hrm_rl.training.joint.ppo import PPO
from hrm_rl.training.losses import weighed
from hrm_rl.training.schedule import cycles_at, segments_at
from hrm_rl.training.train import TrainState, train

GROWS = tiny_run(
    halting="fixed-3", steps=10, grow_segments=((0.3, 1), (0.6, 2)), grow_cycles=((0.5, 1, 2),)
)


def steps_of(config: TrainConfig, steps: int) -> list[tuple[TrainState, dict[str, Tensor]]]:
    """The run after each step, and what the step gave."""
    state = TrainState.create(config)
    return [(state, sums) for sums in itertools.islice(train(state), steps)]


# --- stages ---------------------------------------------------------------------------------------


def test_the_stages_of_ten_steps() -> None:
    """30 % of ten steps are three, 60 % six, 50 % five."""
    assert [GROWS.segments_at(step) for step in range(1, 11)] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 3]
    assert [GROWS.model_at(step).H_cycles for step in range(1, 11)] == [1] * 5 + [2] * 5
    assert GROWS.model_at(5) == replace(GROWS.model, H_cycles=1)


def test_without_stages_nothing_changes() -> None:
    config = tiny_run()
    assert {config.segments_at(step) for step in range(1, 13)} == {config.max_segments}
    assert all(config.model_at(step) is config.model for step in range(1, 13))
    assert segments_at((), 7, 0.0) == 7 and cycles_at((), ATTENTION, 0.0) is ATTENTION


def test_a_stage_ends_at_its_share() -> None:
    stages = ((0.25, 2), (0.5, 3))
    shares = [0.0, 0.2499, 0.25, 0.4999, 0.5, 1.0]
    assert [segments_at(stages, 8, share) for share in shares] == [2, 2, 3, 3, 8, 8]


def test_json_there_and_back() -> None:
    assert TrainConfig.from_json(GROWS.to_json()) == GROWS
    listed: Any = [[0.3, 1], [0.6, 2]]
    assert replace(GROWS, grow_segments=listed) == GROWS


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"grow_segments": 3}, r"grow_segments must be stages of a share and max_segments.*got 3"),
        ({"grow_segments": ((0.3, 1, 2),)}, r"as \(0\.3, 4\), got \(0\.3, 1, 2\)"),
        ({"grow_segments": ("ab",)}, r"must be stages of .*, got 'ab'"),
        ({"grow_segments": ((0.0, 1),)}, "the share of grow_segments must be .* between 0 and 1"),
        ({"grow_segments": ((1.0, 1),)}, "the share of grow_segments must be .* between 0 and 1"),
        ({"grow_segments": ((0.5, 0),)}, r"max_segments of grow_segments must be a whole number"),
        ({"grow_segments": ((0.5, 1), (0.4, 2))}, r"must rise, got 0\.4 after 0\.5"),
        ({"grow_segments": ((0.5, 1), (0.5, 2))}, r"must rise, got 0\.5 after 0\.5"),
        ({"grow_segments": ((0.3, 2), (0.5, 1))}, "grow_segments must not fall.*got 2 before 1"),
        ({"grow_segments": ((0.3, 4),)}, "nor end above max_segments, got 4 before 3"),
        ({"grow_segments": ((0.3, 2),), "halting": "external"}, "sees one max_segments: leave it"),
        ({"grow_cycles": ((0.5, 1),)}, r"a share, H_cycles and L_cycles.*got \(0\.5, 1\)"),
        ({"grow_cycles": ((0.5, 0, 1),)}, "H_cycles of grow_cycles must be a whole number"),
        ({"grow_cycles": ((0.5, 1, 3),)}, "got 1 and 3 before 2 and 2; sort the stages, or raise"),
        (
            {
                "grow_cycles": ((0.5, 1, 1),),
                "model": TransformerConfig(vocab=6, length=16, width=32, heads=2),
            },
            "grow_cycles is for HRM and TRM.*got TransformerConfig; leave it out",
        ),
        ({"segment_decay": 1.5}, r"segment_decay must be a finite number in 0\.\.1, got 1\.5"),
    ],
)
def test_what_is_no_schedule_is_refused_in_one_sentence(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        tiny_run(**changes)
    assert "\n" not in str(error.value)


def test_the_command_line_sets_a_schedule(tmp_path: Path) -> None:
    small = "--slots 4 --width 16 --log-every 2 --save-every 2 --device cpu --steps 4 "
    grow = "--grow-segments 0.3 1 0.6 2 --grow-cycles 0.5 1 2 --segment-decay 0.5"
    assert main(["train", "sudoku4", "--run", str(tmp_path), *(small + grow).split()]) == 0
    config = TrainConfig.from_json((tmp_path / "config.json").read_text())
    assert config.grow_segments == ((0.3, 1), (0.6, 2)) and config.grow_cycles == ((0.5, 1, 2),)
    assert config.segment_decay == 0.5


# --- training -------------------------------------------------------------------------------------


def test_a_run_halts_and_counts_by_its_stage() -> None:
    """Fixed at 3 wants to halt at 3 only: before that, what halts a slot is the stage."""
    found = steps_of(GROWS, 10)
    counts_SM = [sums["histogram"].tolist() for _, sums in found]
    # All slots keep step: dealt before step 4, halted at 2 in step 5, at 3 in step 8.
    assert counts_SM == [
        [4, 0, 0], [4, 0, 0], [4, 0, 0],
        [0, 0, 0], [0, 4, 0], [0, 0, 0],
        [0, 0, 0], [0, 0, 4], [0, 0, 0], [0, 0, 0],
    ]  # fmt: skip


def test_the_minimum_that_is_drawn_follows_the_stage() -> None:
    config = tiny_run(explore_probability=1.0, max_segments=8, slots=64, grow_segments=((0.5, 2),))
    state = TrainState.create(config)
    assert state.min_B.tolist() == [2] * 64
    assert set(state.draw_min(6).tolist()) == {2} and set(state.draw_min(7).tolist()) > {2, 8}


def test_a_segment_has_the_cycles_of_its_stage() -> None:
    """In the first stage the run is, bit for bit, that of a model with so many cycles."""
    few = replace(GROWS, model=replace(GROWS.model, H_cycles=1), grow_cycles=())
    (state, _), (other, _) = steps_of(GROWS, 5)[-1], steps_of(few, 5)[-1]
    parts = zip(state.model.parameters(), other.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in parts)
    (state, _), (other, _) = steps_of(GROWS, 6)[-1], steps_of(few, 6)[-1]
    assert not torch.equal(state.slots.carry.z_H, other.slots.carry.z_H)


@pytest.mark.parametrize("model", [ATTENTION, TRMConfig(6, 16, 32, 2, 1, 2.0)])
def test_weights_say_the_cycles_of_the_model(model: Any, tmp_path: Path) -> None:
    config = tiny_run(model=model, grow_cycles=((0.5, 1, 1),))
    finish(config, tmp_path, 4)
    assert load_model(tmp_path)[0].config == model


def test_slots_beyond_a_bound_that_came_back_halt_at_once() -> None:
    """A run that is made longer may find itself in an earlier stage."""
    state = TrainState.create(replace(GROWS, steps=4))
    for _ in itertools.islice(train(state), 4):
        pass
    assert state.slots.m_B.tolist() == [2] * 4  # of at most 3
    state.config = replace(GROWS, steps=40)
    sums = next(train(state))
    assert sums["histogram"].tolist() == [0, 0, 4] and state.slots.m_B.tolist() == [0] * 4


def test_a_state_from_before_a_field_existed_is_resumed(tmp_path: Path) -> None:
    finish(CONFIG, tmp_path, 4)
    path = tmp_path / "state.safetensors"
    saved = load_file(path)
    values = json.loads(saved["run"].numpy().tobytes())
    del values["grow_segments"], values["segment_decay"]
    saved["run"] = torch.frombuffer(bytearray(json.dumps(values).encode()), dtype=torch.uint8)
    save_file(saved, path, {"step": "4"})
    assert finish(CONFIG, tmp_path)[-1]["step"] == CONFIG.steps


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, on import
def test_a_stage_is_compiled_once(unchecked_shapes: None) -> None:
    """Graphs are compiled in the first step of a stage of cycles, and in no other."""
    config = replace(GROWS, compile=True, grow_cycles=((0.5, 1, 1),))
    torch._dynamo.reset()
    counters.clear()
    graphs = []
    state = TrainState.create(config)
    for _ in itertools.islice(train(state), 10):
        graphs.append(counters["stats"]["unique_graphs"])
    first = graphs[0]
    assert first > 0 and graphs == [first] * 5 + [2 * first] * 5


# --- the halting learner --------------------------------------------------------------------------


def offered(most: int, m: int, halts: bool = False) -> Segment:
    """One slot's segment in a stage of at most `most`; the next has Q_halt -1 and Q_continue 2."""
    q_B2, m_B = torch.tensor([[0.5, -0.5]]), torch.tensor([m])
    seen = Seen(q_B2, q_B2, m_B, lambda: torch.zeros(1))
    return Segment(
        seen=seen, q_B2=q_B2, last_z_BD=q_B2, correct_B=torch.tensor([True]), lm_B=torch.zeros(1),
        halted_B=torch.tensor([halts]), free_B=free(m_B, 1, most), max_segments=most,
        head=lambda z_BD: z_BD,
        peek=lambda: torch.tensor([[-1.0, 2.0]]),
    )  # fmt: skip


def test_the_edge_of_act_q_is_that_of_the_stage() -> None:
    """At m = 1 of 2 the next segment is the last: its Q_halt. At m = 1 of 3 it is the better one."""

    def continue_loss(most: int) -> float:
        return float(ActQ(8).learn(Nothing(), offered(most, m=1))[0]["q_continue"])

    def expected(logit: float) -> float:
        target = torch.sigmoid(torch.tensor(logit))
        q = torch.tensor(-0.5)
        return float(-(target * q.sigmoid().log() + (1 - target) * (-q).sigmoid().log()))

    assert continue_loss(2) == pytest.approx(expected(-1.0), rel=1e-5)
    assert continue_loss(3) == pytest.approx(expected(2.0), rel=1e-5)


@pytest.mark.parametrize("bootstrap", ["extra", "delayed"])
def test_act_q_has_the_same_terms_where_nothing_is_continued_yet(bootstrap: str) -> None:
    terms, _ = ActQ(8, bootstrap=bootstrap).learn(Nothing(), offered(1, m=1, halts=True))
    assert terms.keys() == {"q_halt", "q_continue"} and terms["q_continue"].tolist() == [0.0]


def test_an_actor_critic_has_no_choice_at_the_end_of_a_stage() -> None:
    learner = PPO(8)
    for most, has_choice in ((2, False), (3, True)):
        begun = learner.begin(1, 2, torch.device("cpu"))
        _, memory = learner.learn(begun, offered(most, m=2, halts=True))
        assert memory.free_BT[0, 0].item() is has_choice


# --- the weight of a segment ----------------------------------------------------------------------


def test_later_segments_weigh_less() -> None:
    lm_B, m_B = torch.tensor([8.0, 8.0, 8.0]), torch.tensor([1, 2, 4], dtype=torch.int32)
    assert weighed(lm_B, m_B, 0.5).tolist() == [8.0, 4.0, 1.0]
    assert weighed(lm_B, m_B, 0.0).tolist() == [8.0, 0.0, 0.0]
    assert weighed(lm_B, m_B, 1.0) is lm_B


def test_a_run_learns_by_the_weights_and_tells_the_loss_itself() -> None:
    """All slots are at one m, so that the loss is what is told times its weight."""
    config = tiny_run(halting="fixed-3", segment_decay=0.5)
    state = TrainState.create(config)
    sums = list(itertools.islice(train(state), 3))
    for m, told in enumerate(sums):
        assert float(told["loss"]) == pytest.approx(float(told["lm_loss"]) * 0.5**m, rel=1e-6)
