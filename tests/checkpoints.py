"""What a model answers, to compare with what it answers when it is back from the disk."""

import pytest
import torch
from tiny import ATTENTION, MLP, batch
from torch import Tensor

from hrm_rl import loop
from hrm_rl.models.hrm import HRM

BOTH = pytest.mark.parametrize("config", [ATTENTION, MLP], ids=["attention", "mlp"])


def answers(model: HRM) -> Tensor:
    """Logits and Q of two segments."""
    slots, one = loop.advance(model, loop.fresh(model, batch(3)))
    _, two = loop.advance(model, slots)
    return torch.cat([output.logits.flatten() for output in (one, two)] + [two.q.flatten()])
