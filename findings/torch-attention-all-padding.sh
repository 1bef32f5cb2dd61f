#!/bin/sh
# torch 2.13.0: of a row that is all padding, one encoder layer gives numbers in training and NaN in use.
#
# Expected: softmax over nothing is NaN, or the library says it is 0; either way one answer for one layer without
# dropout.
# Seen: nn.TransformerEncoderLayer gives numbers in train mode and in eval mode while gradients are recorded. In eval
# mode under no_grad, where its fused path takes over, that row is NaN. nn.MultiheadAttention alone: need_weights=True
# is NaN throughout, need_weights=False gives numbers but for that same fused path, and
# scaled_dot_product_attention gives zeros.
#     layer: train numbers, train + no_grad numbers, eval numbers, eval + no_grad NaN
# The other rows of the batch keep their numbers.
# Why it matters: a batch of puzzles, boards or demonstrations has empty rows wherever slots outnumber puzzles (the
# last batch, slots that have halted, tasks with fewer examples). Training never shows it, the first evaluation does,
# and a mean over the batch carries it everywhere. Mask such rows afterwards, or leave them one position.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0
"$work/venv/bin/python" -m pip install -q numpy==2.4.6
cat >"$work/see.py" <<'PYTHON'
import sys
import warnings

import torch

warnings.simplefilter("ignore")  # nested tensors say that they are a prototype
torch.manual_seed(0)
layer = torch.nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16, dropout=0.0, batch_first=True)
x = torch.randn(2, 3, 8)
padding = torch.tensor([[True, True, True], [False, False, False]])


def kind(rows):
    """What the first row, which is all padding, is; the second has numbers always."""
    if not rows[1].isfinite().all():
        sys.exit("This changed: a row without padding is no longer finite.")
    return "NaN" if rows[0].isnan().any() else "numbers"


def all_four(run):
    seen = {}
    for mode in ("train", "eval"):
        layer.train(mode == "train")
        for grad in (True, False):
            with torch.set_grad_enabled(grad):
                seen[mode + ("" if grad else " + no_grad")] = kind(run())
    return seen


def attention(weights):
    return lambda: layer.self_attn(x, x, x, key_padding_mask=padding, need_weights=weights)[0]


whole = all_four(lambda: layer(x, src_key_padding_mask=padding))
told = {f"need_weights={w}": all_four(attention(w)) for w in (True, False)}
plain = torch.nn.functional.scaled_dot_product_attention(x, x, x, attn_mask=~padding[:, None])
for name, seen in {"layer": whole, **told}.items():
    print(f"{name}: " + ", ".join(f"{where} {what}" for where, what in seen.items()))
print("scaled_dot_product_attention:", kind(plain))
numbers_but_last = ["numbers", "numbers", "numbers", "NaN"]
if [*whole.values()] != numbers_but_last or [*told["need_weights=False"].values()] != numbers_but_last:
    sys.exit("This changed: a row of padding is the same with and without the fused path.")
if {*told["need_weights=True"].values()} != {"NaN"} or plain[0].any():
    sys.exit("This changed: attention over nothing has another value than it had.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
