"""What training has cost: optimiser steps, model forwards, FLOPs, puzzles seen; and when to look.

A training step has the same shapes every time, so that one real step, counted, tells all of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from torch.utils.flop_counter import FlopCounterMode

from hrm_rl.agents.ablation.variants import SAVES
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.train import TrainState, train

SIXTEENTHS = (1, 2, 3, 4, 6, 8, 11, 16)
"""When a run is scored. The early ones are there for learners that see many puzzles a step."""


class StepCost(NamedTuple):
    """What one optimiser step costs."""

    forwards: int
    """Segments run by the model on all slots at once: 1, or 2 where the target takes an extra one."""
    flops: int
    """Of all matrix products, forward and backward (two per multiply-add); element-wise work is not
    counted."""


def step_cost(config: TrainConfig) -> StepCost:
    """Count a run's first training step, uncompiled."""
    state = TrainState.create(replace(config, compile=False, init=""))
    forwards, segment = 0, state.model.segment

    def counted(*args: Any) -> Any:
        nonlocal forwards
        forwards += 1
        return segment(*args)

    state.model.segment = counted  # type: ignore[assignment, method-assign]
    with FlopCounterMode(display=False) as counter:
        next(train(state))
    return StepCost(forwards, counter.get_total_flops())


def points(config: TrainConfig) -> list[int]:
    """The steps after which the run is scored."""
    return [config.steps * part // SAVES for part in SIXTEENTHS]
