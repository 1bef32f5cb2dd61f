#!/bin/sh
# sb3-contrib 2.9.2: a mask that allows nothing allows everything, with an entropy of zero.
#
# Expected: MaskablePPO, given a row whose actions are all masked, raises an error; or at least its
# entropy is that of the distribution from which the action is drawn.
# Seen: every logit is replaced by one same large negative number, so after the softmax each action is
# as likely as any other. The action is drawn evenly from those forbidden, the entropy (which counts
# allowed actions only) says 0, and nothing is raised or warned:
#     probabilities [0.333, 0.333, 0.333]
#     entropy 0.000 where the distribution's own is 1.099
#     3 different actions drawn in 300 rows
# Why it matters: "nothing may be done" is how one would mark a slot whose episode is over, or a puzzle
# where both halting and going on were forbidden by mistake. Training goes on with random actions
# in those rows, and the entropy logged looks like a policy that has made up its mind. Check
# that every row of action_masks() allows something.
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

warnings.simplefilter("error")
ROWS, ACTIONS = 300, 3


class Masked(gym.Env):
    """Three actions that do nothing."""

    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Discrete(ACTIONS)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action):
        return np.zeros(2, np.float32), 0.0, True, False, {}

    def action_masks(self):
        return np.ones(ACTIONS, bool)


model = MaskablePPO("MlpPolicy", Masked(), n_steps=16, batch_size=16, seed=0, device="cpu")
nothing = np.zeros((ROWS, ACTIONS), bool)
try:
    with torch.no_grad():
        drawn = model.policy.get_distribution(torch.zeros(ROWS, 2), action_masks=nothing)
    actions, _ = model.predict(np.zeros((ROWS, 2), np.float32), action_masks=nothing)
except (ValueError, AssertionError) as error:
    sys.exit(f"This changed: a mask that allows nothing is refused ({error}).")
odds = drawn.distribution.probs[0]
entropy, own = drawn.entropy()[0].abs(), -(odds * odds.log()).sum()
print("probabilities", [round(float(p), 3) for p in odds])
print(f"entropy {entropy:.3f} where the distribution's own is {own:.3f}")
print(len(set(actions.tolist())), f"different actions drawn in {ROWS} rows")
if entropy > 1e-6 or own < 1 or len(set(actions.tolist())) != ACTIONS:
    sys.exit("This changed: a mask that allows nothing no longer means an even draw of entropy 0.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
