"""Mazes in the environments: both verdicts always, either of them paid."""

from dataclasses import replace
from itertools import islice

import gymnasium
import numpy as np
import pytest
from mazes import any_shortest
from scripted import NEVER, Scripted

from hrm_rl.agents.rules import rule
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.evaluate import evaluate
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.puzzles import PuzzleSet, load
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.train import TrainState, train


def with_other_ways() -> tuple[PuzzleSet, PuzzleSet]:
    """Six mazes, and the same ones with another shortest way each as their answer."""
    puzzles, rng = load("maze8", "fit"), np.random.default_rng(0)
    ways_PL = np.stack([any_shortest(maze_L, 8, rng) for maze_L in puzzles.inputs_PL])
    several = np.flatnonzero((ways_PL != puzzles.solutions_PL).any(1))[:6]
    stored = puzzles.take(several)
    return stored, replace(stored, solutions_PL=ways_PL[several])


def scripted(known: PuzzleSet) -> Scripted:
    """A model that gives the ways it knows from segment 2 on, and never that of the last maze."""
    model = Scripted(known, [2] * (len(known) - 1) + [NEVER])
    model.config = replace(model.config, task="maze8")
    return model


@pytest.mark.parametrize(("reward", "paid"), [("exact", 0), ("valid_optimal", 1)])
def test_another_shortest_way_is_valid_and_optimal_but_not_exact(reward, paid):
    stored, others = with_other_ways()
    env = HaltingEnv(model=scripted(others), puzzles=stored.take([0]), reward=reward, device="cpu")
    _, info = env.reset(seed=0)
    assert not info["valid_optimal"] and not info["correct"]
    _, _, _, _, info = env.step(0)
    assert info["valid_optimal"] and not info["correct"]
    _, earned, over, _, info = env.step(1)
    assert over and earned == paid and info["is_success"] == paid


def test_evaluation_tells_both():
    stored, others = with_other_ways()
    found = evaluate(scripted(others), stored, rule("fixed-3"), 3)
    assert found.valid_P.tolist() == [True] * 5 + [False] and not found.correct_P.any()
    found = evaluate(scripted(stored), stored, rule("fixed-3"), 3)
    assert found.valid_P.tolist() == found.correct_P.tolist() == [True] * 5 + [False]


def test_the_picture_is_that_of_a_maze():
    stored, others = with_other_ways()
    env = HaltingEnv(model=scripted(others), puzzles=stored.take([0]), render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.frame()
    assert frame.task == "maze8" and np.array_equal(frame.givens_L, stored.inputs_PL[0])
    assert env.render().shape == (640, 480, 3)


def test_a_small_model_learns_from_mazes_made_to_order_and_turned():
    config = TrainConfig(
        model=HRMConfig(vocab=6, length=25, task="maze5", width=32, heads=2, H_layers=1, L_layers=1,
                        H_cycles=1, L_cycles=1, expansion=2.0),
        data=(("maze5:200:0", 1.0),), slots=16, steps=30, max_segments=2, lr=5e-3, warmup=2,
        device="cpu", dtype="float32",
    )  # fmt: skip
    steps = islice(train(TrainState.create(config)), 30)
    losses = [float(sums["lm_loss"]) for sums in steps]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:3])


def test_the_shipped_model_gets_better_as_it_thinks_on():
    """By the rules, on a part of the test split: what its card says of one segment and of 8."""
    env = gymnasium.make("HRMMaze-v0", device="cpu").unwrapped
    model, puzzles = env.engine.segments.model, load("maze8", "test").take(range(100))
    assert np.array_equal(env.puzzles.inputs_PL, load("maze8", "fit").inputs_PL)
    first, last = (evaluate(model, puzzles, rule(f"fixed-{m}"), m) for m in (1, 8))
    assert first.valid_P.sum() + 25 < last.valid_P.sum() and last.valid_P.sum() > 45
    assert (last.valid_P >= last.correct_P).all() and last.valid_P.sum() > last.correct_P.sum()
