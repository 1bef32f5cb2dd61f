#!/bin/sh
# deepsig 1.2.8: two models compared by multi_aso never differ, and a correction for more comparisons is a weaker one.
#
# Expected: multi_aso of two models says what aso says of them, as there is one comparison and nothing to correct; and
# Bonferroni's correction for k comparisons asks for a confidence of 1 - 0.05 / k, more and more with k.
# Seen: the confidence is raised to 0.95 + 0.05 / k. One comparison gets 1.0, whose bound is always 1 (no difference),
# or NaN where one model beats the other in every run; and from two on the bound falls back to that of no correction.
#     accuracies of five runs each, eps_min (A is better where it is below 0.5, better still below 0.2)
#     comparisons               1      2      3     10     45
#     num_comparisons=k     0.241  0.288  0.269  0.249  0.243
#     confidence 1-0.05/k   0.241  0.288  0.312  0.378  0.449
#     multi_aso([A, B])     1.0, and 1.0 for B over A
# Why it matters: "our halting policy against the baseline, five seeds" comes out as no difference by the helper made
# for it (its correction is on by default), and a table of ten policies (45 pairs) is in effect not corrected at all.
# Pass the level yourself: aso(a, b, confidence_level=1 - 0.05 / k), multi_aso(..., use_bonferroni=False) likewise.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q deepsig==1.2.8 numpy==2.4.6 scipy==1.17.1
cat >"$work/see.py" <<'PYTHON'
import sys
import warnings
from importlib.metadata import version

from deepsig import aso, multi_aso

warnings.simplefilter("ignore")  # of 0 times infinity
A = [0.72, 0.75, 0.71, 0.74, 0.69]
B = [0.70, 0.68, 0.73, 0.66, 0.71]
COMPARISONS = (1, 2, 3, 10, 45)
quiet = {"seed": 1, "show_progress": False}

print("deepsig", version("deepsig"))
given = [float(aso(A, B, num_comparisons=k, **quiet)) for k in COMPARISONS]
right = [float(aso(A, B, confidence_level=1 - 0.05 / k, **quiet)) for k in COMPARISONS]
pair = multi_aso([A, B], **quiet)
bare = multi_aso([A, B], use_bonferroni=False, **quiet)
apart = multi_aso([[0.90, 0.91, 0.92, 0.93, 0.94], [0.60, 0.61, 0.62, 0.63, 0.64]], **quiet)
print("comparisons          ", *(f"{k:6d}" for k in COMPARISONS))
print("num_comparisons=k    ", *(f"{e:6.3f}" for e in given))
print("confidence 1-0.05/k  ", *(f"{e:6.3f}" for e in right))
print(f"multi_aso of the two: A over B {pair[0, 1]}, B over A {pair[1, 0]};", end=" ")
print(f"without its correction {bare[0, 1]:.3f} and {bare[1, 0]:.3f}")
print(f"multi_aso of two models without a common score: {apart[0, 1]} and {apart[1, 0]}")
if pair[0, 1] != 1 or apart[0, 1] == apart[0, 1]:
    sys.exit("This changed: multi_aso can tell two models apart.")
if not given[1] > given[2] > given[3] > given[4]:
    sys.exit("This changed: a correction for more comparisons is not weaker any more.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
