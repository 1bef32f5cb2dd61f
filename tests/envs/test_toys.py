"""The environments of parity, Life and queens: live, with a machine or with any model of the task."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from scripted import Scripted

from hrm_rl.agents.rules import rule
from hrm_rl.agents.rules.basic import FixedSegments
from hrm_rl.envs import ENV_ARGUMENTS
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.evaluate import evaluate
from hrm_rl.models.checkpoint import load_model, save_model
from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.models.stepper import Stepper, StepperConfig
from hrm_rl.puzzles.kinds import task_of
from hrm_rl.puzzles.source import source
from hrm_rl.puzzles.toys.queens.generate import complete
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.train import TrainState, train

STEPPED = {"HRMParity-v0": "parity16", "HRMLife-v0": "life8"}


@pytest.mark.parametrize("env_id", STEPPED)
def test_it_keeps_the_contract_of_gymnasium(env_id: str) -> None:
    env = gymnasium.make(env_id, puzzles=f"{STEPPED[env_id]}:20:0", device="cpu")
    check_env(env.unwrapped, skip_render_check=True)


@pytest.mark.parametrize("env_id", STEPPED)
def test_the_return_of_halting_at_the_rating_is_known(env_id: str) -> None:
    """Any segment earlier there is nothing but costs, any later it costs more."""
    env = gymnasium.make(env_id, puzzles=f"{STEPPED[env_id]}:50:0", step_cost=0.01, device="cpu")
    for episode in range(20):
        _, info = env.reset(seed=0 if episode == 0 else None)
        total, after = 0.0, episode % 3 - 1
        while info["segment"] < info["rating"] + after:
            assert info["correct"] == (info["segment"] >= info["rating"])
            _, reward, over, _, info = env.step(0)
            total += float(reward)
            if over:
                break
        else:
            _, reward, over, _, info = env.step(1)
            total += float(reward)
        right = info["segment"] >= info["rating"]
        assert over and total == pytest.approx(right - 0.01 * (info["segment"] - 1))
        assert bool(info["correct"]) == right


@pytest.mark.parametrize("env_id", STEPPED)
def test_the_shipped_machine_is_the_one_that_is_built(env_id: str) -> None:
    """Its weights are fixed, so that the file could not say anything else."""
    model, card = load_model(ENV_ARGUMENTS[env_id]["checkpoint"])
    assert card["model"] == {"kind": "stepper", "task": STEPPED[env_id]}
    built = Stepper(StepperConfig(STEPPED[env_id])).state_dict()
    assert model.state_dict().keys() == built.keys()
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in built.items())


def tiny(task: str) -> HRMConfig:
    rules = task_of(task)
    return HRMConfig(
        vocab=rules.vocab, length=rules.length, task=task, width=32, heads=2, H_layers=1, L_layers=1,
        H_cycles=1, L_cycles=1, expansion=2.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("env_id", "task"),
    [("HRMParity-v0", "parity6"), ("HRMLife-v0", "life5"), ("HRMQueens-v0", "queens6")],
)
def test_a_model_of_any_size_thinks_in_its_place(env_id: str, task: str, tmp_path: Path) -> None:
    save_model(tmp_path / "tiny", HRM(tiny(task)))
    env = gymnasium.make(env_id, checkpoint=str(tmp_path / "tiny"), device="cpu")
    _, info = env.reset(seed=1)
    assert info["prediction"].shape == (task_of(task).length,)
    *_, info = env.step(0)
    puzzle = source(task, "fit").inputs_PL[info["puzzle_id"]]
    assert np.array_equal(env.unwrapped.frame().givens_L, task_of(task).values(puzzle))


@pytest.mark.parametrize("task", ["parity6", "life5", "queens6"])
def test_a_model_learns_from_puzzles_made_to_order(task: str) -> None:
    """A few steps: the loss falls, with the symmetries of the kind switched on."""
    config = TrainConfig(
        model=tiny(task), data=((f"{task}:200:0", 1.0),), slots=16, steps=30, max_segments=2,
        lr=5e-3, warmup=2, device="cpu", dtype="float32",
    )  # fmt: skip
    steps = islice(train(TrainState.create(config)), 30)
    losses = [float(sums["lm_loss"]) for sums in steps]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:3])


def test_right_by_the_rules_is_told_and_paid_beside_the_stored_answer() -> None:
    """With one queen there are several answers; the model knows another one than what is stored."""
    task, puzzles = task_of("queens8"), source("queens8:12:0:1", "train")
    puzzles = puzzles.take(np.unique(puzzles.inputs_PL, axis=0, return_index=True)[1])
    others = []
    for x_L, y_L in zip(puzzles.inputs_PL, puzzles.solutions_PL, strict=True):
        found = [task.tokens(answer_L) for answer_L in complete(task.values(x_L), 8)[0]]
        others.append(next(other_L for other_L in found if (other_L != y_L).any()))
    known = replace(puzzles, solutions_PL=np.stack(others))
    model = Scripted(known, [2] * len(known))
    model.config = replace(model.config, task="queens8")
    env = HaltingVectorEnv(4, model=model, puzzles=puzzles, reward="valid_optimal")
    _, info = env.reset(seed=0)
    assert not info["valid_optimal"].any()
    _, _, _, _, info = env.step(np.zeros(4, int))
    assert info["valid_optimal"].all() and not info["correct"].any()
    _, reward, *_ = env.step(np.ones(4, int))
    assert (reward == 1).all()


def test_the_shipped_queens_are_set_right_more_often_as_segments_go_by() -> None:
    """By the rules, as its card says, on puzzles that it was not trained on."""
    model, _ = load_model("queens8")
    puzzles = source("queens8:200:0", "test")
    shares = {
        m: evaluate(model, puzzles, FixedSegments(m), m).valid_P.double().mean().item()
        for m in (1, 2, 8)
    }
    assert 0.3 < shares[1] < shares[2] - 0.05 and shares[2] < shares[8]
    answered = evaluate(model, puzzles, rule("q"), 16)
    assert answered.valid_P[answered.correct_P].all()
    assert answered.valid_P.double().mean() > 0.9
    assert answered.valid_P.sum() > answered.correct_P.sum()
