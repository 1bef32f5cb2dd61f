"""The single environment: the MDP as defined, whatever the actions; checkers; pictures."""

import dataclasses
import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env, data_equivalence
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import NEVER, PUZZLES, RIGHT_FROM, Scripted, tiny_hrm
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from hrm_rl.banks.bank import log_bank
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.features import OBSERVATIONS

BANK = log_bank(Scripted(), PUZZLES, 12)
KEYS = {
    "correct", "is_success", "cells", "valid_optimal", "segment", "forced", "puzzle_id", "rating",
    "prediction", "action_mask",
}  # fmt: skip


def make(**arguments: Any) -> HaltingEnv:
    thinks = {} if "bank" in arguments else {"model": Scripted()}
    return HaltingEnv(**thinks | {"puzzles": PUZZLES} | arguments)


# --- the MDP --------------------------------------------------------------------------------------


@given(st.data())
@settings(max_examples=25)
def test_returns_and_ends_are_those_of_the_definition(data: st.DataObject) -> None:
    """Against a bank's table: 1{right} where it ends, less the cost of each further segment."""
    max_segments = data.draw(st.integers(2, 12), label="max_segments")
    min_segments = data.draw(st.integers(1, max_segments), label="min_segments")
    cost = data.draw(st.sampled_from([0.0, 0.01, 0.3]), label="step cost")
    actions = data.draw(st.lists(st.integers(0, 1), min_size=12, max_size=12), label="actions")
    env = make(max_segments=max_segments, min_segments=min_segments, step_cost=cost)
    obs, info = env.reset(seed=data.draw(st.integers(0, 1000), label="seed"))
    puzzle = info["puzzle_id"]

    m, total, terminated = 1, 0.0, False
    for action in actions:
        halts = action == 1 and m >= min_segments
        m += not halts
        forced = not halts and m == max_segments
        obs, reward, terminated, truncated, info = env.step(action)
        total += reward
        assert (info["segment"], info["puzzle_id"], truncated) == (m, puzzle, False)
        assert (terminated, info["forced"]) == (halts or forced, forced)
        assert info["correct"] is bool(BANK.correct_MP[m - 1, puzzle])
        assert info["is_success"] is (terminated and info["correct"])
        assert obs[-1] == np.float32(m / max_segments)
        if terminated:
            break
    if terminated:
        assert total == pytest.approx((m >= RIGHT_FROM[puzzle]) - cost * (m - 1))
    else:
        assert total == pytest.approx(-cost * (m - 1))


def test_a_forced_halt_earns_the_reward_of_halting_there_and_is_no_truncation() -> None:
    env = make(puzzles=PUZZLES, model=Scripted(right_from=[3] * 8), max_segments=3, step_cost=0.25)
    env.reset(seed=0)
    assert env.step(0)[1:4] == (-0.25, False, False)
    *_, reward, terminated, truncated, info = env.step(0)
    assert (reward, terminated, truncated) == (0.75, True, False)
    assert info["forced"] and info["correct"] and info["is_success"]


def test_halting_before_min_segments_is_continuing() -> None:
    halts, continues = (make(min_segments=3, step_cost=0.1) for _ in range(2))
    assert data_equivalence(halts.reset(seed=1), continues.reset(seed=1), exact=True)
    for _ in range(2):
        assert halts.action_masks().tolist() == [True, False]
        assert data_equivalence(halts.step(1), continues.step(0), exact=True)
    assert halts.action_masks().tolist() == [True, True]
    assert halts.step(1)[2]


def test_token_accuracy_as_reward() -> None:
    env = make(model=tiny_hrm(), reward="token_accuracy")
    _, info = env.reset(seed=0)
    assert 0 < info["cells"] < 1
    assert env.step(1)[1] == info["cells"]


def test_nothing_seen_depends_on_the_solution() -> None:
    other = dataclasses.replace(PUZZLES, solutions_PL=PUZZLES.solutions_PL[::-1].copy())
    envs = [make(model=tiny_hrm(), puzzles=puzzles) for puzzles in (PUZZLES, other)]
    assert np.array_equal(*(env.reset(seed=0)[0] for env in envs))
    for _ in range(5):
        assert np.array_equal(*(env.step(0)[0] for env in envs))


# --- seeds and determinism ------------------------------------------------------------------------


def rollout(env: HaltingEnv, seed: int | None, episodes: int = 5) -> list[Any]:
    found: list[Any] = [env.reset(seed=seed)]
    rng = np.random.default_rng(0)
    while episodes:
        found.append(env.step(int(rng.random() < 0.3)))
        if found[-1][2]:
            episodes -= 1
            found.append(env.reset())
    return found


def test_same_seed_same_episodes() -> None:
    env, other = make(), make()
    first = rollout(env, 3)
    assert data_equivalence(first, rollout(other, 3), exact=True)
    assert data_equivalence(first, rollout(env, 3), exact=True)
    assert not data_equivalence(first, rollout(env, 4))


def test_episodes_go_through_the_puzzles() -> None:
    env = make()
    env.reset(seed=0)
    assert {env.reset()[1]["puzzle_id"] for _ in range(100)} == set(range(8))


def test_a_generator_set_by_hand_is_used() -> None:
    env, other = make(), make()
    env.reset(seed=0)
    env.np_random, other.np_random = np.random.default_rng(5), np.random.default_rng(5)
    assert data_equivalence(rollout(env, None), rollout(other, None), exact=True)


def test_a_pickled_environment_goes_on_the_same() -> None:
    env = make()
    env.reset(seed=0)
    copy = pickle.loads(pickle.dumps(env))
    assert data_equivalence([env.step(0), env.reset()], [copy.step(0), copy.reset()], exact=True)


# --- what is handed out ---------------------------------------------------------------------------


@pytest.mark.parametrize("time_aware", [True, False])
@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_observations_lie_in_their_finite_space(observation: str, time_aware: bool) -> None:
    env = make(model=tiny_hrm(), observation=observation, time_aware=time_aware, max_segments=4)
    space = env.observation_space
    assert isinstance(space, gymnasium.spaces.Box) and space.dtype == np.float32
    assert space.is_bounded() and not (space.low == space.high).any()
    obs, _ = env.reset(seed=0)
    for _ in range(3):
        assert space.contains(obs)
        obs = env.step(0)[0]
    assert space.contains(obs)


def test_infos_have_the_same_keys_and_hold_numbers_only() -> None:
    for info in (item[-1] for item in rollout(make(max_segments=4), 0)):
        assert set(info) == KEYS
        kinds = {key: type(value) for key, value in info.items() if np.ndim(value) == 0}
        assert set(kinds.values()) == {bool, int, float}
        assert (info["prediction"].dtype, info["prediction"].shape) == (np.uint8, (16,))
        assert (info["action_mask"].dtype, info["action_mask"].shape) == (np.int8, (2,))


def test_what_was_handed_out_can_be_changed_without_effect() -> None:
    env, other = make(max_segments=5), make(max_segments=5)
    obs, info = env.reset(seed=0)
    other.reset(seed=0)
    for _ in range(3):
        obs[:], info["prediction"][:], info["action_mask"][:] = 7, 7, 7
        obs, _, _, _, info = env.step(0)
        assert data_equivalence((obs, info), (lambda s: (s[0], s[4]))(other.step(0)), exact=True)


def test_masks_say_what_has_an_effect() -> None:
    env = make(min_segments=2, max_segments=3)
    masks = [
        env.reset(seed=0)[1]["action_mask"],
        *(env.step(0)[4]["action_mask"] for _ in range(2)),
    ]
    assert [mask.tolist() for mask in masks] == [[1, 0], [1, 1], [0, 1]]


# --- misuse ---------------------------------------------------------------------------------------


def test_misuse_is_refused_in_one_sentence() -> None:
    env = make()
    with pytest.raises(ResetNeeded, match=r"call reset\(\) before step"):
        env.step(0)
    with pytest.raises(ResetNeeded, match=r"call reset\(\) first"):
        env.action_masks()
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match=r"action must be a whole number, 0 .* or 1 .* got 2"):
        env.step(2)
    env.step(1)
    with pytest.raises(ResetNeeded, match=r"call reset\(\) before step"):
        env.step(0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"render_mode": "ansi"}, "render_mode must be one of None, .* got 'ansi'"),
        ({"device": "tpu0"}, 'device must be .* got "tpu0"'),
        ({"device": "meta"}, "the model is on cpu, got device='meta'; move it"),
        ({"model": None, "checkpoint": "nowhere"}, 'no checkpoint "nowhere"'),
        ({"puzzles": "nothing"}, "puzzles must be one of .* got 'nothing'"),
        ({"puzzles": "sudoku9_easy", "split": "all"}, "split must be one of .* got 'all'"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        make(**arguments)
    assert "\n" not in str(caught.value)


# --- checkers and pictures ------------------------------------------------------------------------


def test_stable_baselines_checker() -> None:
    sb3_check_env(make(render_mode="rgb_array"), skip_render_check=False)


@pytest.mark.filterwarnings("ignore:.*Not able to test alternative render modes")  # it has no spec
@pytest.mark.parametrize("arguments", [{"model": tiny_hrm()}, {"bank": BANK, "max_segments": 12}])
def test_gymnasium_checker(arguments: dict[str, Any]) -> None:
    check_env(make(**arguments))


def test_frames_tell_what_happened() -> None:
    env = make(model=Scripted(right_from=[2] * 8), max_segments=3, render_mode="rgb_array")
    env.reset(seed=0)
    start = env.frame()
    assert (start.segment, start.decision, start.correct, start.previous_L) == (1, "", None, None)
    assert start.q_halt == pytest.approx(torch.tensor(-3.0).sigmoid().item())
    given = start.givens_L != 0
    env.step(0)
    second = env.frame()
    assert (second.segment, second.decision, second.correct) == (2, "continue", None)
    assert second.previous_L is not None and np.array_equal(second.previous_L, start.cells_L)
    assert np.array_equal(second.cells_L[given], start.givens_L[given])
    assert not second.broken().any()
    env.step(1)
    halted = env.frame()
    assert (halted.segment, halted.decision, halted.correct) == (2, "halt", True)
    env.reset()
    for _ in range(2):
        env.step(0)
    assert (env.frame().decision, env.frame().correct) == ("forced", True)


def test_pictures_are_fresh_arrays() -> None:
    env = make(render_mode="rgb_array")
    env.reset(seed=0)
    first, second = env.render(), env.render()
    assert first is not None and second is not None
    assert first.dtype == np.uint8 and first.ndim == 3 and np.array_equal(first, second)
    assert not np.shares_memory(first, second)
    env.step(0)
    assert not np.array_equal(first, env.render())


def test_a_window_shows_every_reset_and_step(monkeypatch: pytest.MonkeyPatch) -> None:
    env = make(render_mode="human", max_segments=3)
    shown = []
    assert env._window is not None
    monkeypatch.setattr(env._window, "show", shown.append)
    env.reset(seed=0)
    env.step(0)
    assert env.render() is None
    env.step(1)
    assert [frame.decision for frame in shown] == ["", "continue", "halt"]
    env.close()
    env.close()


def test_without_a_render_mode_nothing_is_drawn() -> None:
    env = make()
    env.reset(seed=0)
    with pytest.warns(UserWarning, match='render_mode="rgb_array"'):
        assert env.render() is None


def test_never_right_is_never_paid() -> None:
    env = make(model=Scripted(right_from=[NEVER] * 8), max_segments=4)
    assert all(item[1] == 0 for item in rollout(env, 0) if len(item) == 5)
