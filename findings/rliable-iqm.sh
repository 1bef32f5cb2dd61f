#!/bin/sh
# rliable 1.2.0: the interquartile mean of three runs is their plain mean, outlier and all.
#
# Expected: aggregate_iqm leaves out the lowest and the highest quarter of the scores, which is why it
# is recommended for few runs. Where a quarter of n is no whole number, the scores at the border
# would count in part, and an outlier among three runs would weigh less than in the mean.
# Seen: the quarter is rounded down to whole scores and nothing is weighted, so below four scores
# none is left out, and just below eight only one at either end:
#     (1, 1, 100) rliable 34, exact 17.5, mean 34
#     (1, 1, 1, 100) rliable 1, exact 1, mean 25.75
#     (0, 0, 1, 1, 1, 9, 9) rliable 2.4, exact 1.5, mean 3
# Why it matters: halting policies are compared over three seeds on one puzzle set because training is
# dear. The "IQM" of such a table is the mean, and adding a fourth seed changes the statistic, not
# only its noise. Several tasks are pooled before the cut, so a table of many tasks is spared.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q numpy==2.4.6 scipy==1.17.1
"$work/venv/bin/python" -m pip install -q --no-deps rliable==1.2.0
cat >"$work/see.py" <<'PYTHON'
import sys

import numpy as np
from rliable.metrics import aggregate_iqm


def exact(scores):
    """The mean of the middle half, where the scores at its border count in part."""
    n = len(scores)
    edges = np.clip(np.arange(n + 1), n / 4, 3 * n / 4)
    return float(np.sort(scores) @ np.diff(edges) / (n / 2))


def compare(*scores):
    theirs = float(aggregate_iqm(np.array(scores, float)[:, None]))
    print(scores, f"rliable {theirs:.4g}, exact {exact(scores):.4g}, mean {np.mean(scores):.4g}")
    return round(theirs, 6)


seen = [compare(1, 1, 100), compare(1, 1, 1, 100), compare(0, 0, 1, 1, 1, 9, 9)]
if seen != [34.0, 1.0, 2.4]:
    sys.exit("This changed: rliable's interquartile mean no longer rounds the quarter down.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
