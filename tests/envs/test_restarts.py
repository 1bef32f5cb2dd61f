"""The environment with restarts: what it says, takes, draws and refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from copied import ARGUMENTS, BANK, MODEL, drawn, same
from gymnasium.utils.env_checker import check_env
from scripted import PUZZLES, tiny_hrm
from tiny import ATTENTION, talkative

from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.sb3 import SB3VecEnv
from hrm_rl.banks.bank import log_bank
from hrm_rl.banks.copies import originals
from hrm_rl.envs.engine import AUTORESETS
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.vector import HaltingVectorEnv, check_native
from hrm_rl.models.hrm import HRM
from hrm_rl.puzzles import load, task_of


def test_without_restarts_copies_are_not_there() -> None:
    """A bank of copies is then the bank of the puzzles themselves, and nothing else is said."""
    mdp = {"max_segments": 5, "step_cost": 0.1}
    plain = HaltingVectorEnv(4, bank=log_bank(MODEL, PUZZLES, 7), **mdp)
    copies = HaltingVectorEnv(4, bank=BANK, restarts=0, recall="last", **mdp)
    assert copies.single_action_space == gymnasium.spaces.Discrete(2)
    rng = np.random.default_rng(0)
    same(plain.reset(seed=3), copies.reset(seed=3))
    for _ in range(20):
        actions = rng.integers(2, size=4)
        found = copies.step(actions)
        same(plain.step(actions), found)
    assert "copy" not in found[4]
    assert len(play_on(BANK).config.bank or ()) == 8  # a learner's too


def test_a_verified_answer_is_given_whatever_comes_after() -> None:
    """Puzzle 1 is right at once; its other copies are wrong at first, and Q is not asked."""
    env = HaltingEnv(model=MODEL, puzzles=PUZZLES, restarts=2, recall="verified", max_segments=5)
    obs, info = env.reset(seed=0, options={"puzzle": 2})  # rows 6, 7, 8: right from 1, 5, 3
    assert info["correct"] and obs[-2] == 60.0
    obs, _, _, _, info = env.step(2)
    assert info["correct"] and info["copy"] == 1 and obs[-2] == 60.0 and obs[0] < 0
    obs, reward, over, _, info = env.step(1)
    assert (reward, over, info["correct"]) == (1.0, True, True)
    assert (info["prediction"] == PUZZLES.solutions_PL[2]).all()
    last = HaltingEnv(model=MODEL, puzzles=PUZZLES, restarts=2, recall="last", max_segments=5)
    last.reset(seed=0, options={"puzzle": 2})
    last.step(2)
    assert last.step(1)[1] == 0.0


def test_restarts_that_are_used_up_continue_and_the_mask_says_so() -> None:
    env = HaltingEnv(bank=BANK, restarts=1, max_segments=4)
    _, info = env.reset(seed=0)
    assert env.action_masks().tolist() == [True, True, True]
    _, _, _, _, info = env.step(2)
    assert info["copy"] == 1 and env.action_masks().tolist() == [True, True, False]
    obs, _, _, _, info = env.step(2)
    assert info["copy"] == 1 and info["segment"] == 3 and obs[-3] == np.float32(0.5)
    _, _, over, _, info = env.step(2)
    assert over and info["forced"] and info["action_mask"].tolist() == [0, 1, 0]


@pytest.mark.parametrize("autoreset", AUTORESETS)
@pytest.mark.parametrize("start", ["fixed", "random"])
def test_nothing_is_read_from_the_device(autoreset: str, start: str) -> None:
    with torch.device("meta"):
        model = HRM(replace(tiny_hrm().config, start=start))
    env = HaltingVectorEnv(
        4, model=model, puzzles=PUZZLES, device="meta", autoreset_mode=autoreset, output="torch",
        recall="verified", restarts=2, max_segments=4,
    )  # fmt: skip
    env.reset(seed=0)
    for _ in range(5):
        actions = torch.full((4,), 2, device="meta")
        obs, reward, terminated, _, info = env.step(actions)
        assert {part.device.type for part in (obs, reward, terminated, info["copy"])} == {"meta"}
    assert info["action_mask"].shape == (4, 3)


def test_copies_of_a_model_that_draws_are_other_starts() -> None:
    model = talkative(replace(ATTENTION, start="random"))
    env = HaltingEnv(model=model, puzzles=PUZZLES, restarts=2, max_segments=4)
    first, _ = env.reset(seed=0)
    second, *_ = env.step(2)
    again, _ = env.reset(seed=0)
    assert np.array_equal(first, again) and np.array_equal(second, env.step(2)[0])
    assert not np.isclose(first[:2], second[:2]).any()


def test_gymnasium_and_stable_baselines_take_it() -> None:
    single = HaltingEnv(bank=BANK, restarts=2, max_segments=5)
    check_env(single, skip_render_check=True)
    env = SB3VecEnv(HaltingVectorEnv(4, bank=BANK, autoreset_mode="SameStep", **ARGUMENTS))
    assert env.action_space == gymnasium.spaces.Discrete(3)
    env.seed(0)
    env.reset()
    ended = 0
    for action in (2, 2, 0, 0, 1):
        _, _, done_N, infos = env.step(np.full(4, action))
        ended += done_N.sum()
        assert all(infos[i]["copy"] == 2 for i in np.flatnonzero(done_N) if action == 0)
    assert ended == 8
    assert env.env_method("action_masks")[0].shape == (3,)


def test_a_picture_tells_which_copy_it_is() -> None:
    env = HaltingEnv(bank=BANK, restarts=2, max_segments=5, render_mode="rgb_array")
    env.reset(seed=0, options={"puzzle": 2})
    first = env.frame()
    assert (first.copy, first.restarts, first.decision) == (0, 2, "")
    env.step(2)
    second = env.frame()
    assert (second.copy, second.decision, second.previous_L) == (1, "restart", None)
    picture = env.render()
    assert picture is not None and picture.shape[2] == 3
    env.step(0)
    assert env.frame().decision == "continue" and env.frame().previous_L is not None
    env.step(1)  # the answer of copy 0 is given, the surest
    assert env.frame().correct and env.frame().copy == 1
    assert (env.frame().cells_L == task_of("sudoku4").values(PUZZLES.solutions_PL[2])).all()


def test_reading_originals_draws_the_same_puzzles() -> None:
    env = HaltingVectorEnv(2, bank=BANK, puzzles=originals(BANK).puzzles, **ARGUMENTS)
    assert env.engine.segments.puzzles == 8 and len(env.puzzles or ()) == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bank": BANK, "restarts": 3}, "restarts must be < 3, the copies of each puzzle in the bank"),
        ({"bank": BANK, "restarts": -1}, "restarts must be a whole number in 0..15, got -1"),
        ({"bank": BANK, "restarts": 1, "recall": "q"}, "recall must be one of best-q, last, verified"),
        (
            {"model": tiny_hrm(), "puzzles": load("maze8", "fit").take([0]), "restarts": 1},
            "starts every copy alike, and maze8",
        ),
        (
            {"bank": drawn(0, 2), "restarts": 1, "recall": "verified", "observation": "o",
             "max_segments": 4},
            "a synthetic bank has none",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_restarted_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        HaltingEnv(**arguments)
    assert "\n" not in str(caught.value)


def test_wrong_actions_and_learners_of_two_are_refused() -> None:
    env = HaltingVectorEnv(2, bank=BANK, **ARGUMENTS)
    env.reset(seed=0)
    with pytest.raises(gymnasium.error.InvalidAction, match=r"1 \(halt\) or 2 \(restart\), got"):
        env.step(np.array([0, 3]))
    with pytest.raises(ValueError, match="chooses between two actions, got restarts=2"):
        check_native(env)
