#!/bin/sh
# py-sudoku 2.0.0: all puzzles of a process are one puzzle, and Python's own random numbers start over with each.
#
# Expected: `Sudoku(3).difficulty(0.5)` draws another puzzle at each call ("defaults to a random seed", says the
# docstring), with one solution, and leaves random numbers elsewhere alone.
# Seen: the default seed is drawn once, when the module is imported, so that every call gives one puzzle.
# Each call sets the seed of the module `random`, whoever else draws from it. And the harder, the more often
# there are several solutions, of which .solve() gives one:
#     puzzles in 50 calls: 1
#     random.random() after each of 50 calls: 1 number
#     of 20 seeds with several solutions, by difficulty: 0.3: 0, 0.4: 5, 0.5: 11, 0.6: 20
# Why it matters: a training set made in a loop has one puzzle in it, and looks learnt after a minute; what
# else a program draws (which puzzle, when to explore) repeats too. With seeds given the answers are still one of
# several: a model that finds another right one is counted wrong, and a halting policy that is paid for being right
# is not. Give a seed each, keep the state of `random`, and ask has_multiple_solutions().
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q py-sudoku==2.0.0
cat >"$work/see.py" <<'PYTHON'
import random
import sys

from sudoku import Sudoku

boards, numbers = set(), set()
for _ in range(50):
    boards.add(str(Sudoku(3).difficulty(0.5).board))
    numbers.add(random.random())
print(f"puzzles in 50 calls: {len(boards)}")
print(f"random.random() after each of 50 calls: {len(numbers)} number(s)")
several = {
    share: sum(Sudoku(3, seed=s).difficulty(share).has_multiple_solutions() for s in range(20))
    for share in (0.3, 0.4, 0.5, 0.6)
}
print("of 20 seeds with several solutions, by difficulty:", several)
if len(boards) > 1 or len(numbers) > 1 or several[0.6] < 15:
    sys.exit("This changed: seeds are drawn anew, random is left alone, or solutions are single.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
