#!/bin/sh
# torchmetrics 1.9.0: what a calibration error, AUROC or accuracy is depends on how the logits came in batches.
#
# Expected: a metric that is updated batch by batch and computed at the end has the value that it has of all at once.
# Seen: the binary metrics take scores for logits where *any of this batch* lies outside [0, 1], and for probabilities
# where none does. So of 1,000 logits given one by one those between 0 and 1 are taken as they are and the others
# go through a sigmoid: two scales in one list. In batches of four hardly any batch is mistaken.
#                            all at once   by four    one by one
#     BinaryCalibrationError      0.0319    0.0319        0.0714
#     BinaryAUROC                 0.8149    0.8149        0.7702
#     BinaryAccuracy              0.7360    0.7360        0.7090
# Why it matters: a halting head's Q is a logit, and an environment shows it one segment, one puzzle at a time. Streamed
# so, a calibrated head looks uncalibrated and ranks worse than it does, without an error or a warning. Give
# probabilities: q.sigmoid().
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0
"$work/venv/bin/python" -m pip install -q numpy==2.4.6 torchmetrics==1.9.0
cat >"$work/see.py" <<'PYTHON'
import sys

import torch
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC, BinaryCalibrationError

torch.manual_seed(0)
logits = torch.randn(1000) * 1.5 - 0.5
right = (torch.rand(1000) < logits.sigmoid()).long()


def value(metric, scores, size):
    kept = metric()
    for some, true in zip(scores.split(size), right.split(size)):
        kept.update(some, true)
    return round(kept.compute().item(), 4)


print(f"{'':24}{'all at once':>12}{'by four':>10}{'one by one':>12}{'one by one, probabilities':>27}")
for metric in (BinaryCalibrationError, BinaryAUROC, BinaryAccuracy):
    whole, four, single = (value(metric, logits, size) for size in (1000, 4, 1))
    cured = value(metric, logits.sigmoid(), 1)
    print(f"{metric.__name__:24}{whole:12.4f}{four:10.4f}{single:12.4f}{cured:27.4f}")
    if abs(whole - single) < 0.01:
        sys.exit("This changed: logits one by one have the value that they have at once.")
    if cured != whole:
        sys.exit("This changed: probabilities one by one have another value than logits at once.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
