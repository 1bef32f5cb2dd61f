"""The joint regime as a Gymnasium environment: seeds, resets, specs, and one sentence for misuse."""

import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ClosedEnvironmentError, Error, InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import data_equivalence
from in_training import ID, MOVES, OFTEN, actions, make, play
from torch import Tensor

from hrm_rl.envs.training import TrainingVectorEnv
from hrm_rl.envs.training_engine import MEANINGLESS


def test_seeds_decide_everything() -> None:
    whole = play(make(seed=1), 6, seed=3)
    assert data_equivalence(whole, play(make(seed=1), 6, seed=3), exact=True)
    assert data_equivalence(whole, play(make(seed=1), 6, seed=[3, 4, 5, 6]), exact=True)
    for other in (play(make(seed=1), 6, seed=4), play(make(seed=2), 6, seed=3)):
        assert not np.array_equal(whole[-1][0], other[-1][0])


def test_making_it_leaves_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    make()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_reset_deals_new_puzzles_and_keeps_the_weights() -> None:
    env = make()
    env.reset()
    first = env.engine.state.slots.batch.x_BT
    assert int(env.engine.state.dealt) == 4
    env.step(np.zeros(4, int))
    weight = env.engine.state.model.lm_head.weight.clone()
    _, info = env.reset()
    assert info["segment"].tolist() == [1] * 4 and int(env.engine.state.dealt) == 8
    assert torch.equal(env.engine.state.model.lm_head.weight, weight)
    assert not torch.equal(env.engine.state.slots.batch.x_BT, first)


def test_torch_output_holds_the_same_numbers() -> None:
    for one, two in zip(play(make(), 8), play(make(output="torch"), 8), strict=True):
        arrays, tensors = one[:-1], two[:-1]
        assert all(isinstance(t, Tensor) for t in tensors)
        assert all(np.array_equal(a.astype(t.numpy().dtype), t) for a, t in zip(arrays, tensors))  # noqa: B905
        assert {k for k in one[-1] if k[0] != "_"} - two[-1].keys() == set()
        assert np.array_equal(one[-1]["correct"], two[-1]["correct"])


def test_what_was_handed_out_can_be_changed_without_effect() -> None:
    env, other = (
        make(time_aware=False, observation="z_H"),
        make(time_aware=False, observation="z_H"),
    )
    returned, expected = env.reset(seed=0), other.reset(seed=0)
    for action in actions(6):
        assert data_equivalence(returned, expected, exact=True)
        for array in (returned[0], *returned[-1].values()):
            if isinstance(array, np.ndarray) and array.dtype != object:
                array[:] = 0
        returned, expected = env.step(action), other.step(action)


def test_an_episode_of_m_segments_has_m_steps() -> None:
    env = make(step_cost=0.5)
    env.reset(seed=0)
    total_N = np.zeros(4)
    for step in range(1, 10):
        _, reward_N, terminated_N, _, _ = env.step(np.zeros(4, int))
        total_N += reward_N
        assert terminated_N.tolist() == [step % 3 == 0] * 4
        if terminated_N.all():
            assert set(total_N) <= {0.0, -1.0}
            total_N[:] = 0


def test_specs_survive_json_and_pickle() -> None:
    env = gymnasium.make_vec(
        ID,
        num_envs=3,
        preset="sudoku4",
        data=[["sudoku4", 1.0]],
        max_segments=2,
        device="cpu",
        run="",
    )
    assert env.spec is not None
    expected = play3(env)
    for spec in (EnvSpec.from_json(env.spec.to_json()), pickle.loads(pickle.dumps(env.spec))):
        again = gymnasium.make_vec(spec)
        assert again.unwrapped.config == env.unwrapped.config  # type: ignore[attr-defined]
        assert data_equivalence(expected, play3(again), exact=True)


def play3(env: Any) -> list[Any]:
    return [env.reset(seed=0), env.step(np.array([0, 1, 0]))]


@pytest.mark.parametrize("make_one", [gymnasium.make, gymnasium.make_vec])
def test_a_single_one_is_refused_with_the_cure(make_one: Any) -> None:
    mode = {"vectorization_mode": "sync"} if make_one is gymnasium.make_vec else {}
    with pytest.raises(Error, match="vector environment; make it with gymnasium"):
        make_one(ID, **mode)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preset": "sudoku5"}, "preset must be one of sudoku4, .* got 'sudoku5'"),
        ({"num_envs": 0}, "num_envs must be a whole number in 1..1048576, got 0"),
        ({"autoreset_mode": "NextStep"}, "autoreset_mode must be \"SameStep\", got 'NextStep'"),
        ({"output": "jax"}, "output must be one of numpy, torch, got 'jax'"),
        ({"observation": "y"}, "observation must be one of q, .* got 'y'"),
        ({"reward": "y"}, "reward must be one of exact, .* got 'y'"),
        ({"max_segments": 1}, "max_segments must be a whole number in 2..65536, got 1"),
        ({"slots": 8}, "pass num_envs=8 in place of it"),
        ({"step_kost": 1}, "unexpected keyword argument 'step_kost'"),
        ({"lr": -1}, "lr must be a finite number >= 0, got -1"),
        *(({name: 0}, f"{name} is about the halting learner") for name in MEANINGLESS),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        TrainingVectorEnv(**{"num_envs": 2} | MOVES | OFTEN | arguments)
    assert "\n" not in str(caught.value)


def test_misuse_is_refused_in_one_sentence() -> None:
    env = make(2)
    with pytest.raises(ResetNeeded, match="before step"):
        env.step(np.zeros(2, int))
    with pytest.raises(ValueError, match="one for each of 2 rows, got"):
        env.reset(seed=[1, None])
    with pytest.raises(ValueError, match="a row is reset by halting"):
        env.reset(options={"reset_mask": np.ones(2, bool)})
    env.reset()
    with pytest.raises(InvalidAction, match="actions must be 2 whole numbers, 0"):
        env.step(np.zeros(3, int))
    env.close()
    with pytest.raises(ClosedEnvironmentError, match="make the environment anew"):
        env.step(np.zeros(2, int))
