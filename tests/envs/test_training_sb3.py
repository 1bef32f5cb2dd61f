"""The joint regime as an environment: stable-baselines3 drives the halting of a model in training."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from in_training import ID, MOVES, OFTEN, make
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm

from hrm_rl.agents.sb3 import SB3VecEnv
from hrm_rl.models.checkpoint import load_model

OFF_POLICY = {"learning_starts": 32, "train_freq": 4, "batch_size": 16, "buffer_size": 512}


class Recorder(SB3VecEnv):
    """Adds up the rewards of every episode, in plain Python."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.running = [[0.0, 0] for _ in range(self.num_envs)]
        self.episodes: list[tuple[float, int]] = []

    def step_wait(self) -> Any:
        obs, rewards, dones, infos = super().step_wait()
        assert obs.shape == (self.num_envs, 18) and obs.dtype == np.float32
        for row, (reward, done) in enumerate(zip(rewards, dones, strict=True)):
            self.running[row][0] += float(reward)
            self.running[row][1] += 1
            assert ("terminal_observation" in infos[row]) == bool(done)
            if done:
                assert infos[row]["segment"] == self.running[row][1]
                assert infos[row]["TimeLimit.truncated"] is False
                self.episodes.append((self.running[row][0], self.running[row][1]))
                self.running[row] = [0.0, 0]
        return obs, rewards, dones, infos


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "arguments"),
    [
        (PPO, {"n_steps": 16, "batch_size": 32, "n_epochs": 2}),
        (A2C, {"n_steps": 8}),
        (DQN, OFF_POLICY),
    ],
)
def test_sb3_drives_the_halting_of_a_model_in_training(
    algorithm: type[BaseAlgorithm], arguments: dict[str, Any], tmp_path: Path
) -> None:
    recorder = Recorder(gymnasium.make_vec(ID, num_envs=4, run=str(tmp_path), **MOVES | OFTEN))
    env = recorder
    state = recorder.env.unwrapped.engine.state  # type: ignore[attr-defined]
    agent = algorithm("MlpPolicy", env, seed=5, policy_kwargs={"net_arch": [16]}, **arguments)
    before = [p.clone() for p in agent.policy.parameters()]
    weights = [p.clone() for p in state.model.parameters()]
    agent.learn(256)
    assert state.step == 64
    after = agent.policy.parameters()
    assert not any(torch.equal(a, b) for a, b in zip(list(after)[:2], before, strict=False))
    moved = [not torch.equal(p, w) for p, w in zip(state.model.parameters(), weights, strict=True)]
    names = [name for name, _ in state.model.named_parameters()]
    assert {n for n, m in zip(names, moved, strict=True) if not m} == {
        "q_head.weight", "q_head.bias"
    }  # fmt: skip
    assert agent.ep_info_buffer is not None and len(recorder.episodes) >= 256 // 3
    counted = [(info["r"], info["l"]) for info in agent.ep_info_buffer]
    latest = recorder.episodes[-len(counted) :]
    assert counted == [(pytest.approx(total, abs=1e-5), length) for total, length in latest]
    assert env.get_attr("metrics")[0]["step"] == 64
    env.close()
    assert load_model(tmp_path)[1]["step"] == 64


def test_masks_reach_the_algorithm() -> None:
    env = SB3VecEnv(make(2))
    env.reset()
    for _ in range(2):
        env.step(np.zeros(2, int))
    assert np.stack(env.env_method("action_masks")).tolist() == [[False, True]] * 2
