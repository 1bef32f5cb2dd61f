#!/bin/sh
# arcle 0.2.6: with reset_on_submit a right answer earns nothing and ends nothing, and a reset's seed picks no task.
#
# Expected: `reset(options={"reset_on_submit": True})` puts the grid back after a submission, for the next of
# `max_trial` trials; the submission is judged before. And reset(seed=0) gives the same task each time.
# Seen (ARCLE/O2ARCv2Env-v0, max_trial=3, the answer painted, then submitted):
#                        reward  terminated  trials left
#     without the option      1        True            2
#     with it                 0       False            3
# The state is replaced before it is judged: the reward compares the *input* with the answer, and the flag and the
# trials are those of a fresh episode. So the trials never run out: twenty submissions later it still goes on.
# And the task is drawn from NumPy's global generator, so the same seed gives four tasks in four resets; and each
# observation is one dict, changed in place: one kept from an earlier step shows the grid of the last.
# Why it matters: submitting is the halting action of this environment. A learner is told that submitting a solved grid
# is worth nothing, an evaluation reports 0 solved, and a replay buffer of references holds one state many times.
# Judge by `info["answer"]` before the submission, seed with np.random.seed or give prob_index and subprob_index, and
# copy observations.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q arcle==0.2.6 gymnasium==1.4.0 numpy==2.4.6
cat >"$work/see.py" <<'PYTHON'
import copy
import os
import sys
import warnings
from importlib.metadata import version

os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
warnings.simplefilter("ignore")
import arcle  # noqa: F401  (registers the environments)
import gymnasium
import numpy as np
from arcle.loaders import ARCLoader

SUBMIT = 34  # the last of O2ARC's operations; those below ten paint the selection


def act(env, operation, selection=None):
    nothing = np.zeros((30, 30), np.int8)
    return env.step({"selection": nothing if selection is None else selection, "operation": operation})


def solved(env, **options):
    """What the submission of the right answer brings, and how many more it takes to the end (20 at most)."""
    for task in range(len(tasks.data)):  # the first whose answer has the size of its input
        _, info = env.reset(options={"prob_index": task, "subprob_index": 0, **options})
        if info["input_dim"] == info["answer_dim"]:
            break
    height, width = info["answer_dim"]
    for colour in range(10):
        where = np.zeros((30, 30), np.int8)
        where[:height, :width] = info["answer"][:height, :width] == colour
        if where.any():
            observation = act(env, colour, where)[0]
    assert np.array_equal(observation["grid"], info["answer"])
    observation, reward, terminated, _, _ = act(env, SUBMIT)
    left, more, ended = int(observation["trials_remain"][0]), 0, terminated
    while not ended and more < 20:
        ended, more = act(env, SUBMIT)[2], more + 1
    return (reward, terminated, left), more, ended


print("arcle", version("arcle"), "gymnasium", version("gymnasium"))
tasks = ARCLoader()
env = gymnasium.make("ARCLE/O2ARCv2Env-v0", data_loader=tasks, max_trial=3)
plain, _, _ = solved(env)
reset, more, ended = solved(env, reset_on_submit=True)
print("the right answer submitted: reward, terminated, trials left:", plain)
print("the same with reset_on_submit:", reset, f"and after {more} submissions more it has ended: {ended}")
np.random.seed(0)  # so that this shows the same each time
drawn = []
for _ in range(4):
    env.reset(seed=0)
    drawn.append(env.unwrapped.description["id"])
print("tasks of four resets with seed 0:", *drawn)
first, _ = env.reset(seed=0)
before = copy.deepcopy(first["grid"])
act(env, 3, np.ones((30, 30), np.int8))
changed = not np.array_equal(before, first["grid"])
print("the first observation's grid after one step is another:", changed)
if plain != (1, True, 2):
    sys.exit("This changed: a right answer without the option is not 1, True and 2 trials left.")
if reset != (0, False, 3) or ended:
    sys.exit("This changed: with reset_on_submit a right answer counts, or the trials run out.")
if len(set(drawn)) == 1 or not changed:
    sys.exit("This changed: a seed picks the task, or observations are copies.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
