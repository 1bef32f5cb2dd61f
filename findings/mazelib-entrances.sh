#!/bin/sh
# mazelib 0.9.16: generate_monte_carlo takes a maze's first entrances, however many of them it tries.
#
# Expected: it tries `entrances` pairs of them for each maze and keeps the pair with the longest solution, as it says;
# more pairs, longer solutions.
# Seen: it compares the *number* of solutions, not their lengths. A maze without loops has one for each pair, so that
# the first pair wins. The mean length of the solution over 60 mazes of 10 x 10 cells (Prim, difficulty 1.0):
#     entrances tried                         1      3     10     30
#     generate_monte_carlo                 33.6   33.6   33.6   33.6
#     the longest of as many, by hand      33.6   39.2   44.0   47.4
# Why it matters: this is the package's knob for hard mazes, and path length is what a halting policy's steps are held
# against. A "hard" set made with entrances=30 is the ordinary one at thirty times the cost. Draw entrances and keep the
# longest yourself (generate_entrances, solve, len(solutions[0])).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q mazelib==0.9.16 numpy==2.4.6
cat >"$work/see.py" <<'PYTHON'
import sys
from importlib.metadata import version
from statistics import mean

from mazelib import Maze
from mazelib.generate.Prims import Prims
from mazelib.solve.BacktrackingSolver import BacktrackingSolver

TRIED = (1, 3, 10, 30)


def maze(seed):
    made = Maze(seed)
    made.generator, made.solver = Prims(10, 10), BacktrackingSolver()
    return made


def theirs(seed, entrances):
    made = maze(seed)
    made.generate_monte_carlo(repeat=1, entrances=entrances, difficulty=1.0)
    return len(made.solutions[0])


def by_hand(seed, entrances):
    made, lengths = maze(seed), []
    made.generate()
    for _ in range(entrances):
        made.generate_entrances()
        made.solve()
        lengths.append(len(made.solutions[0]))
    return max(lengths)


print("mazelib", version("mazelib"))
kept = [mean(theirs(seed, tried) for seed in range(60)) for tried in TRIED]
best = [mean(by_hand(seed, tried) for seed in range(60)) for tried in TRIED]
print("entrances tried                ", *(f"{tried:6}" for tried in TRIED))
print("generate_monte_carlo           ", *(f"{length:6.1f}" for length in kept))
print("the longest of as many, by hand", *(f"{length:6.1f}" for length in best))
if len(set(kept)) != 1:
    sys.exit("This changed: more entrances make other solutions.")
if not best[-1] > 1.2 * kept[-1]:
    sys.exit("This changed: the longest of thirty solutions is not longer than the one kept.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
