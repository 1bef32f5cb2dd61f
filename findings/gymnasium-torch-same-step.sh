#!/bin/sh
# gymnasium 1.4.0: the vector NumpyToTorch wrapper fails at the first end of an episode in SAME_STEP mode.
#
# Expected: the wrapper hands every observation, reward and info of a vector environment over as
# tensors, in each autoreset mode; or it refuses a mode that it can't serve when it is built.
# Seen: in SAME_STEP mode the last observations come in info["final_obs"], an array of objects (an
# array where an episode ended, None elsewhere). It is handed to DLPack, which takes numbers only. All
# steps before the first end pass, and the one that ends an episode raises:
#     NEXT_STEP  passes the first end, at step 8
#     SAME_STEP  BufferError at the first end, at step 8
#     DISABLED   passes the first end, at step 8
# Why it matters: SAME_STEP is the mode of learners that read the last observation (and of
# stable-baselines3), and thinkers halt late, so a short trial of the wrapper passes and the run
# fails. Convert by hand, or use an environment that gives tensors itself.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0
"$work/venv/bin/python" -m pip install -q \
    gymnasium==1.4.0 numpy==2.4.6 array-api-compat==1.16.0 array-api-extra==0.11.5
cat >"$work/see.py" <<'PYTHON'
import sys

import gymnasium as gym
import torch
from gymnasium.wrappers.vector import NumpyToTorch


def to_the_first_end(mode):
    keywords = {"autoreset_mode": mode}
    plain = gym.make_vec("CartPole-v1", 2, vectorization_mode="sync", vector_kwargs=keywords)
    env, step, ended = NumpyToTorch(plain), 0, False
    env.reset(seed=0)
    while not ended:
        step += 1
        try:
            ended = bool(env.step(torch.ones(2, dtype=torch.int64))[2].any())
        except BufferError:
            print(mode.name.ljust(10), f"BufferError at the first end, at step {step}")
            return False, step
    print(mode.name.ljust(10), f"passes the first end, at step {step}")
    return True, step


modes = gym.vector.AutoresetMode
late, same, off = map(to_the_first_end, (modes.NEXT_STEP, modes.SAME_STEP, modes.DISABLED))
if not late[0] or not off[0] or same[0] or same[1] != late[1]:
    sys.exit("This changed: NumpyToTorch no longer fails at the ends of SAME_STEP mode alone.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
