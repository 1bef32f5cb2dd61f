"""A run that is trained in its folder, and what is told of it but for the clock."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import tiny_run

from hrm_rl.training.config import TrainConfig
from hrm_rl.training.run import run

CONFIG = tiny_run(steps=9, log_every=4, save_every=8, lr_min_ratio=1.0)


def numbers(metrics: dict[str, float]) -> dict[str, float]:
    """Everything but the clock."""
    return {name: value for name, value in metrics.items() if name != "steps_per_second"}


def finish(config: TrainConfig, folder: Path, stop: int | None = None) -> list[dict[str, float]]:
    return [numbers(metrics) for metrics in run(config, folder, stop)]


def one_sentence(error: pytest.ExceptionInfo[BaseException]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text
