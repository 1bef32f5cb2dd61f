#!/bin/sh
# torch 2.13.0: a training loop inside one `torch.autocast` never sees its own updates.
#
# Expected: autocast chooses the number format of operations; where the block begins, around a step or around the whole
# loop, is a matter of taste.
# Seen: autocast keeps the casts of weights until the outermost block ends. Steps inside it go on
# computing with the first ones: the optimiser changes the weights, the loss stays to the last digit. A second autocast
# around the forward alone, inside the first, does not help; torch.clear_autocast_cache() after each
# update does.
#     one block around the loop:      5.2288 5.2288 5.2288 5.2288 5.2288 5.2288
#     ... and one around each step:   5.2288 5.2288 5.2288 5.2288 5.2288 5.2288
#     one around each step alone:     5.2288 3.3722 2.1931 1.4334 0.9450 0.6232
# Why it matters: a model that learns while an environment or an agent steps it is easily stepped inside somebody's
# block ("evaluate in bfloat16"), and no error, warning or NaN tells that nothing is learnt. Its halting
# head's targets come from frozen weights too. A library that trains has to clear the cache, or to run
# outside the caller's block.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0
"$work/venv/bin/python" -m pip install -q numpy==2.4.6
cat >"$work/see.py" <<'PYTHON'
import sys
from contextlib import nullcontext

import torch


def losses(loop, each):
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    x = torch.randn(64, 4)
    y = x.sum(1, keepdim=True)
    found = []
    with loop():
        for _ in range(6):
            with each():
                loss = ((layer(x) - y) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(round(loss.item(), 4))
    return found


def bfloat16():
    return torch.autocast("cpu", dtype=torch.bfloat16)


whole, both, each = losses(bfloat16, nullcontext), losses(bfloat16, bfloat16), losses(nullcontext, bfloat16)
print("one block around the loop:    ", *whole)
print("... and one around each step: ", *both)
print("one around each step alone:   ", *each)
if len(set(whole)) > 1 or len(set(both)) > 1 or each[-1] > each[0] / 2:
    sys.exit("This changed: casts of weights are made anew once the weights have changed.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
