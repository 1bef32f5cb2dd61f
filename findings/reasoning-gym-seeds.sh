#!/bin/sh
# reasoning-gym 0.1.25: a data set of the next seed is the same data set, moved up by one.
#
# Expected: two data sets of different seeds are different draws; their authors say of seeds that they
# make train and test sets. A few puzzles in common at most.
# Seen: item i is drawn from seed + i, so that item i of seed 1 is item i + 1 of seed 0. Of 100 items, in the
# other set too:
#     sudoku 99, mini_sudoku 99, game_of_life 99, maze 99, arc_1d 99, number_sorting 99
# So it is for 102 of the 105 tasks that make items by themselves.
# Why it matters: train on seed 42 and test on seed 43, as one does, and all but one of the test puzzles were
# trained on, question and answer. Scores then say what was learnt by heart. Seeds must lie as far apart as the
# sets are long, and so must those of the runs of a sweep: "five seeds" are one sample shifted by five.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q reasoning-gym==0.1.25
cat >"$work/see.py" <<'PYTHON'
import sys

import reasoning_gym

TASKS = "sudoku mini_sudoku game_of_life maze arc_1d number_sorting".split()
SIZE = 100


def items(task, seed):
    """Questions with their answers, as texts."""
    data = reasoning_gym.create_dataset(task, size=SIZE, seed=seed)
    return [(data[i]["question"], data[i]["answer"]) for i in range(SIZE)]


shared = {}
for task in TASKS:
    here, next_one, far = (items(task, seed) for seed in (0, 1, SIZE))
    shared[task] = sum(a == b for a, b in zip(here[1:], next_one[:-1], strict=True))
    print(task.ljust(15), f"seeds 0 and 1: {shared[task]} items the same, one place on;", end=" ")
    print(f"seeds 0 and {SIZE}: {len(set(here) & set(far))} shared")
if set(shared.values()) != {SIZE - 1}:
    sys.exit("This changed: neighbouring seeds no longer give the same items.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
