"""Section "sb3" of the benchmark: stable-baselines3's PPO on a bank, beside itself on CartPole.

README's ten lines, with as many environments, steps a rollout and rows a batch on both. What is not in
the environment is SB3's own: with an environment that takes no time it would be no faster than that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import gymnasium
import numpy as np
from bench_setup import Bench, Rows, take_turns
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecEnv

from hrm_rl.agents.sb3 import SB3VecEnv

ENVS, STEPS = 64, 32


def sb3(b: Bench) -> Rows:
    """Decisions per second on both, and the share of an iteration that the environments take."""
    sides = {
        "a bank": SB3VecEnv(
            gymnasium.make_vec("HRMSudokuBank-v0", num_envs=ENVS, autoreset_mode="SameStep")
        ),
        "CartPole": make_vec_env("CartPole-v1", n_envs=ENVS),
    }
    iterations = 1 if b.quick else 8
    learns = {name: _learner(env, iterations) for name, env in sides.items()}
    walks = {name: partial(_walk, env) for name, env in sides.items()}
    rates = take_turns(learns, b.rounds, b.device)
    steps = take_turns(walks, b.rounds, b.device)
    found: Rows = {}
    for name in sides:
        found[f"PPO on {name}, decisions/s"] = rates[name]
        found[f"PPO on {name}, share of it in the environment"] = rates[name] / steps[name]
    return found | {"PPO on a bank over PPO on CartPole": rates["a bank"] / rates["CartPole"]}


def _learner(env: VecEnv, iterations: int) -> Callable[[], float]:
    agent = PPO(
        "MlpPolicy", env, n_steps=STEPS, batch_size=256, gamma=1, learning_rate=1e-3, seed=0
    )
    decisions = ENVS * STEPS * iterations

    def learn() -> float:
        agent.learn(decisions)
        return float(decisions)

    return learn


def _walk(env: VecEnv) -> float:
    """An iteration's steps alone."""
    action_N = np.zeros(ENVS, np.int64)
    for _ in range(STEPS):
        env.step(action_N)
    return float(ENVS * STEPS)
