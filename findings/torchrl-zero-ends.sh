#!/bin/sh
# torchrl 0.14.1 with gymnasium 1.4.0: GymEnv(id, num_envs=2) shows zeros where an episode ended.
#
# Expected: the "next" observation of a step that ends an episode is the one that the environment
# returned there, as it is with GymEnv(id). A CartPole that fell is far from its origin.
# Seen: with num_envs the last observation is all zeros, at every end, without a warning. GymEnv builds
# Gymnasium's vector environment in its default mode, NEXT_STEP, in which nothing says what the final
# observation was; GymWrapper refuses a vector environment of that mode, but this one is let in:
#     GymEnv(id)                 4 ends, 0 of them zeros
#     GymEnv(id, num_envs=2)     4 ends, 4 of them zeros
#     GymWrapper of SAME_STEP    5 ends, 0 of them zeros
#     GymWrapper of NEXT_STEP    RuntimeError
# Why it matters: a truncated episode is continued in thought with the value of its last observation,
# and so the value of a made-up zero is learnt from; whoever studies what a model looked like
# when it halted sees nothing. Wrap gym.make_vec(...) in SAME_STEP or DISABLED mode instead.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0
"$work/venv/bin/python" -m pip install -q torchrl==0.14.1 gymnasium==1.4.0 numpy==2.4.6
cat >"$work/see.py" <<'PYTHON'
import logging
import sys

import gymnasium as gym
import torch
from torchrl.envs import GymEnv, GymWrapper


def ends(name, env):
    torch.manual_seed(0)
    env.set_seed(0)
    after = env.rollout(60, break_when_any_done=False)["next"]
    env.close()
    last = after["observation"][after["done"].squeeze(-1)]
    zeros = int((last == 0).all(-1).sum())
    print(name.ljust(26), f"{len(last)} ends, {zeros} of them zeros")
    return len(last), zeros


def vector(mode):
    return gym.make_vec(
        "CartPole-v1", 2, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}
    )


if __name__ == "__main__":  # the vector environment starts processes
    logging.getLogger("torchrl").setLevel(logging.ERROR)
    modes = gym.vector.AutoresetMode
    _, single = ends("GymEnv(id)", GymEnv("CartPole-v1"))
    several, zeros = ends("GymEnv(id, num_envs=2)", GymEnv("CartPole-v1", num_envs=2))
    _, wrapped = ends("GymWrapper of SAME_STEP", GymWrapper(vector(modes.SAME_STEP)))
    try:
        GymWrapper(vector(modes.NEXT_STEP))
        refused = False
    except RuntimeError:
        refused = True
    print("GymWrapper of NEXT_STEP".ljust(26), "RuntimeError" if refused else "accepted")
    if (single, wrapped, refused) != (0, 0, True) or not several or zeros != several:
        sys.exit("This changed: the ends that GymEnv shows with num_envs are not all zeros.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
