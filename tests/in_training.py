"""An environment of a model in training that is small enough to be stepped in a test."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from tiny import ATTENTION

from hrm_rl.envs.training import TrainingVectorEnv

ID = "hrm_rl:HRMSudokuTrain-v0"
MOVES = {"model": ATTENTION, "max_segments": 3, "lr": 1e-2, "warmup": 4, "ema": 0.9}
OFTEN = {"log_every": 2, "save_every": 4, "device": "cpu", "dtype": "float32"}


def make(n: int = 4, **changes: Any) -> TrainingVectorEnv:
    return TrainingVectorEnv(n, preset="sudoku4", **MOVES | OFTEN | changes)


def actions(steps: int, n: int = 4, halt: float = 0.3) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    return iter((rng.random((steps, n)) < halt).astype(np.int64))


def play(env: Any, steps: int, **reset: Any) -> list[Any]:
    """Everything that a reset and some steps return."""
    return [env.reset(**reset), *(env.step(action) for action in actions(steps))]
