#!/bin/sh
# stable-baselines3 2.9.2 (and sb3-contrib 2.9.2): epsilon-greedy tosses one coin for all environments.
#
# Expected: DQN at exploration rate 0.5 on 16 environments explores in about 8 of them at each step,
# since each environment is a run of its own.
# Seen: one number is drawn per call and decides for the whole batch: either every environment takes a
# random action, or every one the greedy action. QRDQN does the same. Twenty calls, rows of 16 that explored:
#     DQN   [0, 0, 0, 0, 16, 0, 16, 0, 0, 16, 0, 0, 0, 0, 16, 16, 16, 0, 0, 0]
#     QRDQN [0, 0, 0, 0, 16, 0, 16, 0, 0, 16, 0, 0, 0, 0, 16, 16, 16, 0, 0, 0]
# Why it matters: where the actions are to halt or to go on and 16 puzzles run side by side, a random
# step halts about half of the slots at once. Episodes that were meant to be independent begin and
# end together, the replay buffer fills in blocks, and at a final rate of 0.05 a batch goes about 20 steps
# on average without one exploring row. More environments don't spread the exploration.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0
"$work/venv/bin/python" -m pip install -q \
    gymnasium==1.4.0 numpy==2.4.6 stable-baselines3==2.9.2 sb3-contrib==2.9.2
cat >"$work/see.py" <<'PYTHON'
import sys

import gymnasium as gym
import numpy as np
from sb3_contrib import QRDQN
from stable_baselines3 import DQN
from stable_baselines3.common.vec_env import DummyVecEnv

ENVS, ACTIONS = 16, 1000  # of so many actions a random one is hardly ever the greedy one


class Still(gym.Env):
    """Nothing happens."""

    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Discrete(ACTIONS)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action):
        return np.zeros(2, np.float32), 0.0, True, False, {}


def explored(algorithm):
    model = algorithm("MlpPolicy", DummyVecEnv([Still] * ENVS), seed=0, device="cpu")
    model.exploration_rate = 0.5
    obs = np.zeros((ENVS, 2), np.float32)
    greedy, _ = model.predict(obs, deterministic=True)
    counts = [int((model.predict(obs)[0] != greedy).sum()) for _ in range(20)]
    print(algorithm.__name__.ljust(5), counts)
    return counts


for counts in (explored(DQN), explored(QRDQN)):
    if not all(count == 0 or count >= ENVS - 1 for count in counts):
        sys.exit("This changed: the environments of a step explore apart from each other.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
