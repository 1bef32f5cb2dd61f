#!/bin/sh
# gymnasium 1.4.0: reset takes the mask out of the caller's dict, and episode statistics miss it.
#
# Expected: with AutoresetMode.DISABLED, reset(options={"reset_mask": mask}) resets the masked
# sub-environments, leaves the caller's dict alone, and RecordEpisodeStatistics (whose reset reads the
# mask too) clears the masked rows alone: two sub-environments of 3 and 5 steps, a reward of 1 a step,
# report episodes of 3 and 5 steps.
# Seen: SyncVectorEnv.reset pops the key from the dict that it was handed. The wrapper looks for it
# after that, finds none, and clears every row. Whoever keeps the dict for the next call resets all.
#     the options after reset: {}
#     reset again with the same dict: rows at steps [0, 0], where [0, 2] was meant
#     lengths reported: [3, 2, 1, 3, 1, 2], where [3, 5, 3, 3, 5, 3] were played
# Why it matters: slots that halt at different segments are what partial resets are for. Lengths and
# returns of the thinkers that go on are cut at every halt of a neighbour, so a policy that thinks
# long looks as though it thought for a moment. Count the steps yourself in this mode, or give
# `reset` a fresh dict and put the statistics on the single environments.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q gymnasium==1.4.0 numpy==2.4.6
cat >"$work/see.py" <<'PYTHON'
import sys

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics


class Lasting(gym.Env):
    """Ends after so many steps, each worth 1; what one observes is the step."""

    observation_space = gym.spaces.Discrete(10)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, steps):
        self.steps = steps

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.t, {}

    def step(self, action):
        self.t += 1
        return self.t, 1.0, self.t == self.steps, False, {}


def two():
    fns = [lambda: Lasting(3), lambda: Lasting(5)]
    return SyncVectorEnv(fns, autoreset_mode=AutoresetMode.DISABLED)


still = np.zeros(2, int)
plain, options = two(), {"reset_mask": np.array([True, False])}
plain.reset()
plain.step(still)
plain.reset(options=options)
left = dict(options)
print("the options after reset:", left)
plain.step(still)
steps = plain.reset(options=options)[0].tolist()
print(f"reset again with the same dict: rows at steps {steps}, where [0, 2] was meant")

envs = RecordEpisodeStatistics(two())
envs.reset()
played, reported, since = [], [], np.zeros(2, int)
while len(played) < 6:
    _, _, ended, _, info = envs.step(still)
    since += 1
    if ended.any():
        played += since[ended].tolist()
        reported += info["episode"]["l"][ended].tolist()
        since[ended] = 0
        envs.reset(options={"reset_mask": ended.copy()})
print(f"lengths reported: {reported}, where {played} were played")
if left or steps != [0, 0] or reported == played:
    sys.exit("This changed: the mask stays in the options, or the statistics follow it.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
