#!/bin/sh
# gymnasium 1.4.0: SyncVectorEnv rounds the infos of all sub-environments to the type of the first.
#
# Expected: the infos of sub-environments are gathered without loss. If one reports {"score": 1} and
# another {"score": 0.5}, NumPy's rule for such a pair is a float array, [1.0, 0.5].
# Seen: the first sub-environment that has the key fixes the dtype of the whole array, and later
# values are assigned into it. A float after an int loses its fraction, a count after a bool becomes
# True, and neither warns. In the other order nothing is lost, so it depends on which row comes first:
#     1, then 0.5     -> [1 0]
#     0.5, then 1     -> [0.5 1. ]
#     True, then 3    -> [ True  True]
# Why it matters: an episode's info often holds a score or a rating that happens to be whole (an
# environment that says `0` before the end and a share of right cells afterwards). Averaged over a
# vector environment it is then too small, and equal to a run over single environments only by luck.
# An environment should give each key one type at every step: float(score), not score.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q gymnasium==1.4.0 numpy==2.4.6
cat >"$work/see.py" <<'PYTHON'
import sys

import gymnasium as gym
from gymnasium.vector import SyncVectorEnv


class Scored(gym.Env):
    """One step long; its info holds the score that it was given."""

    observation_space = gym.spaces.Discrete(1)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, score):
        self.score = score

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {"score": self.score}

    def step(self, action):
        return 0, 0.0, True, False, {"score": self.score}


def gathered(first, second):
    envs = SyncVectorEnv([lambda: Scored(first), lambda: Scored(second)])
    scores = envs.reset()[1]["score"]
    print(f"{first}, then {second}".ljust(15), "->", scores)
    return scores.tolist()


lost = gathered(1, 0.5)
kept = gathered(0.5, 1)
counts = gathered(True, 3)
if (lost, kept, counts) != ([1, 0], [0.5, 1.0], [True, True]):
    sys.exit("This changed: the first row's type no longer decides what the others' infos become.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
