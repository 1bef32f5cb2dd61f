#!/bin/sh
# torch 2.13.0: what a compiled function returns as a view has no gradient where its base is returned
# detached, which is just how deep supervision hands on a state and shows a part of it.
#
# Expected: h[:, 0] beside h.detach() carries the gradient of h, compiled as eager.
# Seen: it says requires_grad, backward() runs without a word, and the weights before it get no gradient
# at all. With a third output that depends on h too, the compiled backward raises
#     TypeError: expected Tensor() for op: input
# Why it matters: the loss on the view looks alive and trains nothing. A copy of the view, h[:, 0].clone(),
# has its gradient. (Reported upstream in August 2026: pull requests 194760 and 195357 of pytorch.)
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0 numpy==2.4.6
cat >"$work/see.py" <<'PYTHON'
import torch

torch.manual_seed(0)
layer = torch.nn.Linear(8, 8)


def segment(z):
    h = torch.tanh(layer(z))
    return h.detach(), h[:, 0]


def copied(z):
    h = torch.tanh(layer(z))
    return h.detach(), h[:, 0].clone()


z = torch.randn(4, 5, 8)
for name, function in (
    ("eager view", segment),
    ("compiled view", torch.compile(segment)),
    ("compiled copy", torch.compile(copied)),
):
    layer.weight.grad = None
    _, shown = function(z)
    shown.square().sum().backward()
    print(f"{name}: requires_grad {shown.requires_grad}, gradient {layer.weight.grad is not None}")
PYTHON
seen=$("$work/venv/bin/python" "$work/see.py")
echo "$seen"
wanted="eager view: requires_grad True, gradient True
compiled view: requires_grad True, gradient False
compiled copy: requires_grad True, gradient True"
test "$seen" = "$wanted" || { echo "changed: in 2.13.0 the compiled view alone had no gradient"; exit 1; }
echo "as in torch 2.13.0: the compiled view alone has no gradient"
