#!/bin/sh
# torch 2.13.0 with and without opt_einsum 3.4.0: whether torch.einsum takes operands of two precisions
# depends on whether another package is installed.
#
# Expected: float32 and float64 operands are promoted, or refused, by torch alone and always alike.
# Seen: of four operands, the first in float32 and the others in float64, the sum is given where
# opt_einsum is missing. Once it is installed torch takes its order of contraction, another pair comes
# first, goes through a batched product that does not promote, and the same call raises
#     RuntimeError: expected scalar type Float but found Double
# Why it matters: jax brings opt_einsum with it, Minari's DataCollector brings jax. Code and tests that mix
# precisions pass on one machine and fail on the next with the same torch; half-precision activations
# beside single-precision statistics, as in a model's logs, are where it shows.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0
"$work/venv/bin/python" -m pip install -q numpy==2.4.6
cat >"$work/see.py" <<'PYTHON'
import importlib.util

import torch

cube, square = torch.ones(4, 4, 4), torch.ones(4, 4, dtype=torch.float64)
try:
    answer = str(float(torch.einsum("pqr,pq,pr,qr->", cube, square, square, square)))
except RuntimeError as error:
    answer = f"RuntimeError: {error}"
print(bool(importlib.util.find_spec("opt_einsum")), answer)
PYTHON
without=$("$work/venv/bin/python" "$work/see.py")
"$work/venv/bin/python" -m pip install -q opt_einsum==3.4.0
with=$("$work/venv/bin/python" "$work/see.py")
echo "opt_einsum installed, torch.einsum of both precisions:"
echo "$without"
echo "$with"
test "$without" = "False 64.0" || { echo "changed: without opt_einsum it gave 64.0"; exit 1; }
case $with in
"True RuntimeError: expected scalar type Float but found Double"*) ;;
*) echo "changed: with opt_einsum it raised RuntimeError"; exit 1 ;;
esac
