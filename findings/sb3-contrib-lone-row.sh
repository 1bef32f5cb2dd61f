#!/bin/sh
# sb3-contrib 2.9.2: a last minibatch of one row makes MaskablePPO's weights NaN; PPO's guard is missing.
#
# Expected: what stable-baselines3 2.9.2 does in PPO. It warns, when it is built, that n_steps * n_envs is
# no multiple of batch_size, and it leaves advantages alone where a minibatch has one row.
# Seen: MaskablePPO says nothing when built and normalises the lone advantage by a standard deviation
# over one number, which is NaN; the loss and every weight follow. With n_epochs=1 learn() returns
# as if all were well (torch's note on degrees of freedom is the only sign), and the policy fails
# when used. With the default of ten epochs the second one stops with a ValueError on logits:
#     PPO, 10 epochs          learns    NaN weights: no
#     MaskablePPO, 1 epoch    learns    NaN weights: yes
#     MaskablePPO, 10 epochs  ValueError    NaN weights: yes
# Why it matters: the rows are slots x steps, and 13 slots of 5 steps in batches of 16 leave one row
# over (65 = 4 * 16 + 1). Only remainders of exactly 1 do it, so it comes and goes with the
# number of slots. Choose a batch_size that divides n_steps * n_envs.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0
"$work/venv/bin/python" -m pip install -q \
    gymnasium==1.4.0 numpy==2.4.6 stable-baselines3==2.9.2 sb3-contrib==2.9.2
cat >"$work/see.py" <<'PYTHON'
import sys
import warnings

import gymnasium as gym
import numpy as np
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO

warnings.simplefilter("ignore")


class Short(gym.Env):
    """Four steps long; action 1 pays."""

    observation_space = gym.spaces.Box(0, 1, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.seen(), {}

    def step(self, action):
        self.t += 1
        return self.seen(), float(action), self.t == 4, False, {}

    def seen(self):
        return np.array([self.t / 4], np.float32)

    def action_masks(self):
        return np.ones(2, bool)


def learn(algorithm, epochs):
    model = algorithm(
        "MlpPolicy", Short(), n_steps=65, batch_size=16, n_epochs=epochs, seed=0, device="cpu"
    )
    try:
        model.learn(65)
        end = "learns"
    except ValueError:
        end = "ValueError"
    broken = any(bool(torch.isnan(w).any()) for w in model.policy.parameters())
    name = f"{algorithm.__name__}, {epochs} epoch{'s' * (epochs > 1)}"
    print(name.ljust(23), end, "   NaN weights:", "yes" if broken else "no")
    return end, broken


guarded, silent, loud = learn(PPO, 10), learn(MaskablePPO, 1), learn(MaskablePPO, 10)
if (guarded, silent, loud) != (("learns", False), ("learns", True), ("ValueError", True)):
    sys.exit("This changed: MaskablePPO and PPO treat a minibatch of one row otherwise than noted.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
