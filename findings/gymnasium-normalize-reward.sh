#!/bin/sh
# gymnasium 1.4.0: the return that vector NormalizeReward tracks runs on into the next episode.
#
# Expected: the wrapper divides rewards by the standard deviation of a discounted return that grows
# within an episode and begins anew with the next one. Episodes that pay 1, 2, 4, at gamma = 1, have
# the returns 1, 3, 7, in each autoreset mode and in each episode.
# Seen: the sum is emptied *before* the last reward is added, and with NEXT_STEP (the default) it is not
# emptied after it. So no episode's whole return is ever counted, and the next begins with the last reward:
#     NEXT_STEP   1 3 4 | 5 7 4 | 5 7 4   scale 1.771
#     SAME_STEP   1 3 4 | 1 3 4 | 1 3 4   scale 1.247
# Why it matters: where the reward comes at the end (right or wrong when it halts), the whole of it
# lands in the following episode's return, and the same environment with the same actions is
# scaled otherwise by its autoreset mode. Two learners that differ in nothing but that mode then see
# different rewards. Rewards between 0 and 1 need no such wrapper.
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
from gymnasium.wrappers.vector import NormalizeReward


class Paying(gym.Env):
    """Three steps long, paying 1, 2 and 4."""

    observation_space = gym.spaces.Discrete(4)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.t, {}

    def step(self, action):
        self.t += 1
        return self.t, 2.0 ** (self.t - 1), self.t == 3, False, {}


class Watched(NormalizeReward):
    """Notes the return that goes into the running variance."""

    def watch(self):
        self.seen, update = [], self.return_rms.update
        self.return_rms.update = lambda sums: (self.seen.extend(sums.tolist()), update(sums))
        return self


def episodes(mode):
    env = Watched(SyncVectorEnv([Paying], autoreset_mode=mode), gamma=1.0).watch()
    env.reset()
    while len(env.seen) < 9:  # the reset step of NEXT_STEP is left out by the wrapper
        env.step(np.zeros(1, int))
    scale = float(np.sqrt(env.return_rms.var))
    returns = [env.seen[i : i + 3] for i in (0, 3, 6)]
    text = " | ".join(" ".join(f"{x:.0f}" for x in three) for three in returns)
    print(f"{mode.name}   {text}   scale {scale:.3f}")
    return returns


late = episodes(AutoresetMode.NEXT_STEP)
same = episodes(AutoresetMode.SAME_STEP)
if late != [[1, 3, 4], [5, 7, 4], [5, 7, 4]] or same != [[1, 3, 4]] * 3:
    sys.exit("This changed: returns that went into the variance are not those noted here.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
