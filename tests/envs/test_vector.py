"""The vector environment: N single ones at one forward per step, in all three autoreset modes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import PUZZLES, Scripted, tiny_hrm

from hrm_rl.banks.bank import Bank, log_bank
from hrm_rl.envs.engine import AUTORESETS
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.vector import HaltingVectorEnv

ARGUMENTS: dict[str, Any] = {"model": Scripted(), "puzzles": PUZZLES, "max_segments": 5}
Same = Callable[[Any, Any], bool]


def exactly(one: Any, other: Any) -> bool:
    return data_equivalence(one, other, exact=True)


def compare(
    native: HaltingVectorEnv, other: Any, steps: int, seed: Any, halt: float, same: Same
) -> None:
    """Reset and step both with the same actions, and compare all they return."""
    n, rng = native.num_envs, np.random.default_rng(0)
    assert same(native.reset(seed=seed), other.reset(seed=seed))
    for _ in range(steps):
        actions = (rng.random(n) < halt).astype(np.int64)
        one, two = native.step(actions), other.step(actions)
        assert same(one, two)
        if native.autoreset_mode is AutoresetMode.DISABLED and one[2].any():
            masks = [{"reset_mask": one[2].copy()} for _ in range(2)]
            assert same(native.reset(options=masks[0]), other.reset(options=masks[1]))


def sync(n: int, mode: str, arguments: dict[str, Any]) -> SyncVectorEnv:
    return SyncVectorEnv([lambda: HaltingEnv(**arguments)] * n, autoreset_mode=mode)


@pytest.mark.slow
@pytest.mark.parametrize("mode", AUTORESETS)
@given(
    n=st.integers(1, 6),
    max_segments=st.integers(2, 5),
    seed=st.integers(0, 99),
    halt=st.sampled_from([0.0, 0.1, 0.4, 1.0]),
    data=st.data(),
)
@settings(max_examples=8)
def test_equals_single_environments_bit_for_bit(
    mode: str, n: int, max_segments: int, seed: int, halt: float, data: st.DataObject
) -> None:
    arguments = ARGUMENTS | {
        "max_segments": max_segments,
        "min_segments": data.draw(st.integers(1, max_segments), label="min_segments"),
        "step_cost": 0.01,
    }
    native = HaltingVectorEnv(n, autoreset_mode=mode, **arguments)
    compare(native, sync(n, mode, arguments), 16, seed, halt, exactly)


@pytest.mark.parametrize("mode", AUTORESETS)
@pytest.mark.parametrize("observation", ["scalars", "z_H"])
def test_equals_single_environments_with_a_real_model(mode: str, observation: str) -> None:
    """Sums over other batch sizes round differently, in fp64 by far less than the 1e-5 allowed."""
    model = tiny_hrm().double()
    arguments = ARGUMENTS | {"model": model, "observation": observation, "max_segments": 4}
    native = HaltingVectorEnv(4, autoreset_mode=mode, **arguments)
    compare(native, sync(4, mode, arguments), 15, 1, 0.2, data_equivalence)


@pytest.mark.parametrize("mode", AUTORESETS)
@pytest.mark.parametrize("reward", ["exact", "token_accuracy"])
def test_a_bank_gives_what_the_model_gives(mode: str, reward: str) -> None:
    arguments = ARGUMENTS | {"reward": reward, "step_cost": 0.1}
    bank = log_bank(Scripted(), PUZZLES, 8)  # longer than needed
    native, banked = (
        HaltingVectorEnv(5, autoreset_mode=mode, **arguments | thinks)
        for thinks in ({}, {"model": None, "bank": bank})
    )
    assert native.observation_space == banked.observation_space
    compare(banked, native, 20, 7, 0.3, exactly)


def test_seeds_may_be_given_one_by_one_and_unseeded_rows_go_on() -> None:
    native, other = HaltingVectorEnv(3, **ARGUMENTS), sync(3, "NextStep", ARGUMENTS)
    for seed in ([5, 1, 9], None, [None, 4, None], 2):
        assert exactly(native.reset(seed=seed), other.reset(seed=seed))
    assert native.np_random_seed == (2, 3, 4)
    states = [g.bit_generator.state for g in native.np_random]
    assert states == [g.bit_generator.state for g in other.np_random]


def test_unseeded_environments_differ() -> None:
    def puzzles() -> list[int]:
        env = HaltingVectorEnv(16, **ARGUMENTS)
        return [*env.reset()[1]["puzzle_id"], *env.reset()[1]["puzzle_id"]]

    assert puzzles() != puzzles()


def test_a_masked_reset_leaves_the_other_rows_alone() -> None:
    native, other = (
        HaltingVectorEnv(3, autoreset_mode="Disabled", **ARGUMENTS),
        sync(3, "Disabled", ARGUMENTS),
    )
    for env in (native, other):
        env.reset(seed=0)
        env.step(np.array([0, 0, 0]))
    masks = [{"reset_mask": np.array([False, True, False])} for _ in range(2)]
    one, two = native.reset(seed=8, options=masks[0]), other.reset(seed=8, options=masks[1])
    assert exactly(one, two)
    assert masks[0].keys() == {"reset_mask"}, "RecordEpisodeStatistics reads it afterwards"
    assert one[1]["segment"].tolist() == [0, 1, 0]
    assert one[1]["_segment"].tolist() == [False, True, False]
    assert exactly(native.step(np.array([0, 0, 1])), other.step(np.array([0, 0, 1])))


@pytest.mark.parametrize("mode", AUTORESETS)
def test_torch_output_holds_the_same_numbers(mode: str) -> None:
    native, other = (
        HaltingVectorEnv(6, autoreset_mode=mode, output=output, step_cost=0.1, **ARGUMENTS)
        for output in ("torch", "numpy")
    )
    (obs, info), (expected_obs, expected_info) = native.reset(seed=0), other.reset(seed=0)
    assert_same_numbers(obs, info, expected_obs, expected_info)
    rng = np.random.default_rng(0)
    for _ in range(20):
        actions = rng.random(6) < 0.3
        obs, reward, over, truncated, info = native.step(torch.from_numpy(actions))
        expected_obs, expected_reward, expected_over, _, expected_info = other.step(actions)
        assert reward.dtype == torch.float32
        np.testing.assert_allclose(reward, expected_reward, rtol=1e-6)
        assert np.array_equal(over, expected_over) and not truncated.any()
        if mode == "SameStep":
            final_obs, final_info = info.pop("final_obs"), info.pop("final_info")
            assert np.array_equal(info.pop("_final_obs"), expected_over)
            assert np.array_equal(info.pop("_final_info"), expected_over)
            for row in np.flatnonzero(expected_over):
                assert np.array_equal(final_obs[row], expected_info["final_obs"][row])
                expected_segment = expected_info["final_info"]["segment"][row]
                assert final_info["segment"][row] == expected_segment
        assert_same_numbers(obs, info, expected_obs, expected_info)
        if mode == "Disabled" and over.any():
            native.reset(options={"reset_mask": over})
            other.reset(options={"reset_mask": expected_over})


def assert_same_numbers(
    obs: torch.Tensor, info: dict[str, Any], expected_obs: Any, expected_info: dict[str, Any]
) -> None:
    assert np.array_equal(obs, expected_obs)
    assert len(info) == 10
    for key, value in info.items():
        assert isinstance(value, torch.Tensor)
        np.testing.assert_allclose(value, expected_info[key], rtol=1e-6)


@pytest.mark.parametrize("output", ["numpy", "torch"])
@pytest.mark.parametrize("bank", [None, log_bank(Scripted(), PUZZLES, 5)])
def test_what_was_handed_out_can_be_changed_without_effect(output: str, bank: Bank | None) -> None:
    arguments = ARGUMENTS | {"bank": bank, "autoreset_mode": "SameStep", "output": output}
    arguments["time_aware"] = False  # the observation is then a part of the engine's state
    if bank is not None:
        arguments["model"] = None
    env, other = (HaltingVectorEnv(4, **arguments) for _ in range(2))
    returned, expected = arrays(env.reset(seed=0)), arrays(other.reset(seed=0))
    convert = torch.tensor if output == "torch" else np.array
    for actions in ([0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 1, 0]):
        for array, same in zip(returned, expected, strict=True):
            assert data_equivalence(np.asarray(array), np.asarray(same), exact=True)
            array[:] = 0
        returned, expected = (arrays(e.step(convert(actions))) for e in (env, other))


def arrays(returned: Any) -> list[Any]:
    """All arrays that a reset or a step returned."""
    if isinstance(returned, dict):
        returned = returned.values()
    elif not isinstance(returned, tuple):
        return [returned] if returned.dtype != object else [a for a in returned if a is not None]
    return [array for part in returned for array in arrays(part)]


def test_metadata_belongs_to_the_instance() -> None:
    env = HaltingVectorEnv(2, autoreset_mode="SameStep", **ARGUMENTS)
    assert env.metadata["autoreset_mode"] is env.autoreset_mode is AutoresetMode.SAME_STEP
    default = HaltingVectorEnv(2, **ARGUMENTS)
    assert default.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    enum = HaltingVectorEnv(2, autoreset_mode=AutoresetMode.DISABLED, **ARGUMENTS)
    assert enum.metadata["autoreset_mode"] is AutoresetMode.DISABLED


def test_masks_and_pictures_come_one_per_row() -> None:
    env = HaltingVectorEnv(3, render_mode="rgb_array", **ARGUMENTS | {"min_segments": 2})
    env.reset(seed=0)
    assert env.action_masks().tolist() == [[True, False]] * 3
    pictures = env.render()
    assert isinstance(pictures, tuple) and len(pictures) == 3
    assert {(p.dtype, p.ndim) for p in pictures} == {(np.dtype(np.uint8), 3)}
    env.step(np.array([0, 0, 0]))
    env.step(np.array([0, 1, 0]))
    assert [frame.decision for frame in env.frames()] == ["continue", "halt", "continue"]
    env.step(np.array([0, 0, 0]))
    assert [frame.decision for frame in env.frames()] == ["continue", "", "continue"]


def test_misuse_is_refused_in_one_sentence() -> None:
    env = HaltingVectorEnv(2, autoreset_mode="Disabled", **ARGUMENTS)
    with pytest.raises(ResetNeeded, match="before step"):
        env.step(np.zeros(2, int))
    with pytest.raises(ResetNeeded, match="without a reset_mask"):
        env.reset(options={"reset_mask": np.array([True, False])})
    env.reset(seed=0)
    for wrong in (np.zeros(3, int), np.array([0, 2]), np.array([0.5, 1])):
        with pytest.raises(InvalidAction, match="actions must be 2 whole numbers, 0"):
            env.step(wrong)
    env.step(np.array([1, 0]))
    with pytest.raises(ResetNeeded, match=r"episodes of rows \[0\] are over"):
        env.step(np.array([0, 0]))
    with pytest.raises(ValueError, match="one True at least"):
        env.reset(options={"reset_mask": np.zeros(2, bool)})
    with pytest.raises(TypeError, match="numpy array of bool, got int64"):
        env.reset(options={"reset_mask": np.ones(2, int)})
    with pytest.raises(ValueError, match="one for each of 2 rows, got 3"):
        env.reset(seed=[1, 2, 3])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_envs": 0}, "num_envs must be a whole number in 1..1048576, got 0"),
        ({"autoreset_mode": "same"}, "autoreset_mode must be one of NextStep, .* got 'same'"),
        ({"output": "jax"}, "output must be one of numpy, torch, got 'jax'"),
        ({"render_mode": "human"}, "got 'human'; a window shows a single environment"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        HaltingVectorEnv(**ARGUMENTS | {"num_envs": 2} | arguments)
    assert "\n" not in str(caught.value)
