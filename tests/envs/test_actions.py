"""What counts as an action: one rule, in single and vector environments, whatever the library."""

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.error import InvalidAction
from gymnasium.vector import VectorEnv
from scripted import PUZZLES, Scripted

from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.training import TrainingVectorEnv
from hrm_rl.envs.vector import HaltingVectorEnv

ARGUMENTS: dict[str, Any] = {"model": Scripted(), "puzzles": PUZZLES, "max_segments": 5}
HALTS = [
    [1], [True], np.array([1]), np.array([1], np.uint8), np.array([True]), torch.tensor([1]),
    torch.tensor([True]), [np.int64(1)],
]  # fmt: skip
REFUSED = [
    [1.0], [0.5], [2], [-1], [None], ["1"], [1, 1], [[1]], [], None, "1", np.array([1.0]),
    torch.tensor([1.0]), torch.tensor([1.0], requires_grad=True), [[1], [1, 0]],
    np.array([2**63 + 1], np.uint64), np.array([-(2**63)]),
]  # fmt: skip


@pytest.mark.parametrize("action", HALTS, ids=repr)
def test_whole_numbers_and_booleans_of_any_library_halt(action: Any) -> None:
    """Alone, where the environment is single, or in an array of one."""
    for given in (action, action[0]):
        env = HaltingEnv(**ARGUMENTS)
        env.reset(seed=0)
        assert env.step(given)[2]
    vector = HaltingVectorEnv(1, **ARGUMENTS)
    vector.reset(seed=0)
    assert vector.step(action)[2].tolist() == [True]


@pytest.mark.parametrize("action", REFUSED, ids=repr)
def test_all_else_is_refused_in_one_sentence_and_changes_nothing(action: Any) -> None:
    for env in (HaltingEnv(**ARGUMENTS), HaltingVectorEnv(1, **ARGUMENTS)):
        env.reset(seed=0)
        with pytest.raises(InvalidAction, match="action must be a whole number, 0") as caught:
            env.step(action)
        assert "\n" not in str(caught.value)
        assert np.ravel(env.step([0])[4]["segment"]).tolist() == [2]  # type: ignore[arg-type]


def test_each_row_has_its_own() -> None:
    env = HaltingVectorEnv(2, **ARGUMENTS)
    env.reset(seed=0)
    for wrong in (1, [1], np.array([0.0, 1.0]), np.array([[0, 1]])):
        with pytest.raises(InvalidAction, match="actions must be 2 whole numbers, 0"):
            env.step(wrong)
    assert env.step([0, True])[2].tolist() == [False, True]


def test_tensors_are_told_by_type_and_shape_and_not_read() -> None:
    env = HaltingVectorEnv(2, output="torch", **ARGUMENTS)
    env.reset(seed=0)
    for wrong in (torch.ones(2), torch.ones(1, dtype=torch.int64)):
        with pytest.raises(InvalidAction, match=r"actions must be 2 whole numbers, .* got torch"):
            env.step(wrong)
    assert env.step(torch.tensor([False, True]))[2].tolist() == [False, True]


def test_a_time_limit_is_told_what_the_end_is_called() -> None:
    with pytest.raises(ValueError, match=r"argument 'max_episode_steps'; .* at max_segments"):
        gymnasium.make_vec("hrm_rl:HRMSudoku4x4-v0", num_envs=2, max_episode_steps=3)


@pytest.mark.parametrize("make", [gymnasium.make, gymnasium.make_vec])
def test_an_unknown_argument_is_the_type_error_that_other_libraries_wait_for(make: Any) -> None:
    """TorchRL's `GymEnv` tries `frameskip`, and goes on without it where it is told this."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'frameskip'"):
        make("hrm_rl:HRMSudoku4x4-v0", frameskip=4)


def test_vector_environments_name_gymnasiums_among_their_direct_bases() -> None:
    """skrl tells what it wraps by these."""
    for one in (HaltingVectorEnv, TrainingVectorEnv):
        assert VectorEnv in one.__bases__
