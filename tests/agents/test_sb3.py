"""The SB3 adapter: algorithms learn on it what they learn on SB3's own vector environment."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.wrappers import TimeLimit
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from sb3_contrib import QRDQN, MaskablePPO
from scripted import PUZZLES, Scripted
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from hrm_rl.agents.comparison.score import score
from hrm_rl.agents.sb3 import SB3Policy, SB3VecEnv, initial_halt_bias
from hrm_rl.banks.bank import Bank, log_bank, play
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.features import SCALARS

ARGUMENTS: dict[str, Any] = {
    "model": Scripted(), "puzzles": PUZZLES, "max_segments": 5, "step_cost": 0.05
}  # fmt: skip
NET: dict[str, Any] = {"policy": "MlpPolicy", "seed": 5}
ON_POLICY: dict[str, Any] = NET | {"n_steps": 16}
OFF_POLICY: dict[str, Any] = NET | {
    "learning_starts": 32, "train_freq": 4, "batch_size": 16, "buffer_size": 512
}  # fmt: skip


@pytest.fixture(scope="module")
def bank() -> Bank:
    return log_bank(Scripted(), PUZZLES, 5)


def native(n: int = 4, **changes: Any) -> SB3VecEnv:
    return SB3VecEnv(HaltingVectorEnv(n, autoreset_mode="SameStep", **ARGUMENTS | changes))


def dummy(n: int = 4) -> DummyVecEnv:
    return DummyVecEnv([lambda: Monitor(HaltingEnv(**ARGUMENTS), info_keywords=("segment",))] * n)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "arguments"),
    [
        (PPO, ON_POLICY | {"batch_size": 32, "n_epochs": 2}),
        (A2C, ON_POLICY),
        (DQN, OFF_POLICY),
    ],
)
def test_learns_the_same_parameters_bit_for_bit(
    algorithm: type[BaseAlgorithm], arguments: dict[str, Any]
) -> None:
    learned = []
    for env in (native(), dummy()):
        model = algorithm(env=env, policy_kwargs={"net_arch": [16]}, **arguments)
        before = [p.clone() for p in model.policy.parameters()]
        model.learn(256)
        after = list(model.policy.parameters())
        assert not all(torch.equal(a, b) for a, b in zip(after, before, strict=True))
        learned.append(after)
    assert all(torch.equal(a, b) for a, b in zip(*learned, strict=True))


def test_steps_and_ended_infos_are_those_of_single_environments() -> None:
    one, two = native(), dummy()
    one.seed(3)
    two.seed(3)
    assert np.array_equal(one.reset(), two.reset())
    rng = np.random.default_rng(0)
    ended = 0
    for _ in range(30):
        actions = (rng.random(4) < 0.3).astype(int)
        *arrays, infos = one.step(actions)
        *expected_arrays, expected = two.step(actions)
        for array, other in zip(arrays, expected_arrays, strict=True):
            assert array.dtype == other.dtype and np.array_equal(array, other)
        for row in np.flatnonzero(arrays[2]):
            ended += 1
            assert infos[row].keys() == expected[row].keys()
            for info in (infos[row], expected[row]):
                assert info["episode"].pop("t") >= 0
            for key, value in infos[row].items():
                assert np.array_equal(value, expected[row][key]), key
                assert type(value) is type(expected[row][key])
            assert infos[row]["TimeLimit.truncated"] is False
        for info, other in zip(one.reset_infos, two.reset_infos, strict=True):
            assert info.keys() == other.keys()
            assert all(np.array_equal(info[key], other[key]) for key in info)
    assert ended > 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "arguments", "net"),
    [
        (MaskablePPO, ON_POLICY | {"batch_size": 64, "n_epochs": 8, "learning_rate": 0.01}, {}),
        (
            QRDQN,
            OFF_POLICY
            | {"gradient_steps": 8, "target_update_interval": 64, "learning_rate": 0.005}
            | {"exploration_fraction": 0.5},
            {"n_quantiles": 10},
        ),
    ],
)
def test_contrib_learns_to_wait_for_the_answer(
    algorithm: type[BaseAlgorithm], arguments: dict[str, Any], net: dict[str, Any]
) -> None:
    """Every puzzle is right from segment 3 on: best is to halt there, for 1 - 2 * 0.05."""
    env = native(8, model=Scripted(right_from=[3] * 8), min_segments=2)
    model = algorithm(env=env, policy_kwargs={"net_arch": [16]} | net, **arguments)
    model.learn(1536)
    value, _ = evaluate_policy(model, env, 16)
    assert value > 0.85  # halting at once is worth -0.05, never halting 0.8


def test_masks_reach_the_algorithm() -> None:
    env = native(3, min_segments=2)
    env.reset()
    masks = env.env_method("action_masks")
    assert np.stack(masks).tolist() == [[True, False]] * 3
    assert env.env_method("action_masks", indices=[1])[0].tolist() == [True, False]
    assert env.has_attr("action_masks") and not env.has_attr("nothing")


def test_monitor_counts_whole_episodes() -> None:
    env = native()
    model = A2C(env=env, **ON_POLICY).learn(64)
    logged = model.ep_info_buffer or []
    assert len(logged) > 10 and {info["segment"] for info in logged} <= {1, 2, 3, 4, 5}
    for info in logged:
        continues = info["segment"] - 1
        assert info["l"] in (continues, continues + 1) and info["l"] <= 4
        assert info["r"] in (round(1 - 0.05 * continues, 6), round(-0.05 * continues, 6))
    assert env.env_is_wrapped(Monitor) == [True] * 4 and not env.env_is_wrapped(TimeLimit)[0]
    rewards, lengths = evaluate_policy(model, env, 12, return_episode_rewards=True)
    assert len(rewards) == len(lengths) == 12
    assert set(lengths) <= {1, 2, 3, 4}


def test_infos_of_wrappers_are_those_of_the_row() -> None:
    """Gymnasium's statistics are a dictionary of arrays; a row's first episode is counted alike."""
    vector = HaltingVectorEnv(4, autoreset_mode="SameStep", **ARGUMENTS)
    env = SB3VecEnv(RecordEpisodeStatistics(vector))
    env.reset()
    ended: set[int] = set()
    for step in range(8):
        *_, done_N, infos = env.step(np.arange(4) == step % 4)
        for row in np.flatnonzero(done_N).tolist():
            ours, theirs = infos[row]["episode"], env.reset_infos[row]["episode"]
            assert type(theirs["l"]) is int and type(theirs["r"]) is float
            if row not in ended:  # Gymnasium before 1.4 miscounts the later ones
                assert ours["l"] == theirs["l"] and ours["r"] == pytest.approx(
                    theirs["r"], abs=1e-6
                )
            ended.add(row)
    assert ended == {0, 1, 2, 3}


def test_pictures_and_attributes() -> None:
    with pytest.warns(UserWarning, match="draws nothing"):
        assert native(2).get_images() == [None, None]  # before a reset too
    env = native(2, render_mode="rgb_array")
    env.reset()
    assert [picture.shape for picture in env.get_images() if picture is not None] == [
        (640, 480, 3)
    ] * 2
    assert env.get_attr("render_mode") == ["rgb_array"] * 2
    assert env.metadata["render_fps"] > 0
    env.set_attr("render_mode", None)
    with pytest.warns(UserWarning, match="draws nothing"):
        assert env.get_images() == [None, None]
    env.close()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SB3VecEnv(HaltingVectorEnv(2, **ARGUMENTS)), 'pass autoreset_mode="SameStep"'),
        (lambda: native(output="torch"), 'pass output="numpy"'),
        (lambda: native().env_method("step", 0), "env_method must be one of .* got 'step'"),
        (lambda: native().set_attr("x", 1, indices=[0]), "leave out indices"),
        (lambda: initial_halt_bias(DQN(env=native(), **OFF_POLICY), 5), "actor-critic of stable"),
        (lambda: initial_halt_bias(A2C(env=native(), **ON_POLICY), 1), "must be >= 2, got 1"),
    ],
)
def test_misuse_is_refused_in_one_sentence(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("max_segments", [2, 16, 32])
@pytest.mark.parametrize("algorithm", [PPO, MaskablePPO])
def test_initial_probability_of_halting(algorithm: type[BaseAlgorithm], max_segments: int) -> None:
    env = native(8, max_segments=max_segments)
    model = algorithm(env=env, **ON_POLICY | {"batch_size": 32})
    initial_halt_bias(model, max_segments)
    policy: Any = model.policy
    obs, _ = policy.obs_to_tensor(env.reset())
    halt_B = policy.get_distribution(obs).distribution.probs[:, 1]
    assert halt_B.mean().item() == pytest.approx(1 / max_segments, rel=0.1)


def test_a_trained_algorithm_is_a_halting_policy(bank: Bank) -> None:
    """It halts where its action net says so, on observations scaled as in training."""
    env = VecNormalize(native(), norm_reward=False)
    model = PPO(env=env, **ON_POLICY | {"batch_size": 32})
    model.learn(64)
    policy = SB3Policy(model)
    assert (policy.observation, policy.time_aware) == ("scalars", True)
    obs_BF = torch.rand(6, len(SCALARS) + 1)
    halt_B = policy(obs_BF, torch.ones(6, dtype=torch.int64))
    by_hand, _ = model.predict(env.normalize_obs(obs_BF.numpy()), deterministic=True)
    assert halt_B.dtype == torch.bool and halt_B.tolist() == (by_hand == 1).tolist()
    with torch.no_grad():
        model.policy.action_net.bias[1] += 1000
    assert play(bank, policy).segment_P.tolist() == [1] * 8


@pytest.mark.parametrize(
    ("algorithm", "changes", "warns"),
    [
        (MaskablePPO, {"n_steps": 13, "batch_size": 3}, True),  # 13 * 4 = 52 = 17 * 3 + 1
        (MaskablePPO, {"n_steps": 13, "batch_size": 26}, False),
        (MaskablePPO, {"n_steps": 13, "batch_size": 5}, False),  # two rows over
        (MaskablePPO, {"n_steps": 13, "batch_size": 3, "normalize_advantage": False}, False),
        (PPO, {"n_steps": 18, "batch_size": 24}, False),
    ],
)
def test_a_minibatch_of_one_row_is_warned_of(
    algorithm: type[BaseAlgorithm], changes: dict[str, Any], warns: bool
) -> None:
    model = algorithm(env=native(), **NET | changes)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        initial_halt_bias(model, 5)
    assert len(caught) == warns
    if warns:
        said = str(caught[0].message)
        assert caught[0].filename == __file__ and len(said.splitlines()) == 1
        assert "MaskablePPO would make NaN, got 3 of 52 rows (13 steps of 4 slots)" in said


def test_what_is_warned_of_comes_about_and_is_refused(bank: Bank) -> None:
    """One epoch of MaskablePPO ends as if all were well, and its weights are NaN."""
    model = MaskablePPO(env=native(), **NET, n_steps=13, batch_size=3, n_epochs=1)
    with pytest.warns(UserWarning, match="one row"):
        initial_halt_bias(model, 5)
    assert play(bank, SB3Policy(model)).segment_P.shape == (8,)
    with pytest.warns(UserWarning, match="degrees of freedom"):
        model.learn(52)
    for ask in (lambda: play(bank, SB3Policy(model)), lambda: score(model, bank)):
        with pytest.raises(ValueError, match="MaskablePPO must have weights to decide by") as why:
            ask()
        assert len(str(why.value).splitlines()) == 1
