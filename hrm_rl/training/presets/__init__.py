"""Named runs: functions that return a complete `TrainConfig`."""

from __future__ import annotations

from collections.abc import Callable

from hrm_rl.checks.numbers import choice
from hrm_rl.checks.plugin import is_plugin, made
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.presets.puzzles import (
    arc1,
    arc6,
    arc6_steady,
    life5,
    maze8,
    maze8_overthinks,
    maze8_short,
    maze12,
    maze30,
    parity16,
    queens8,
)
from hrm_rl.training.presets.sudoku import (
    official,
    sudoku4,
    sudoku6,
    sudoku6_ppo,
    sudoku9,
    sudoku9_first,
    sudoku9_onestep,
    sudoku9_trm,
)
from hrm_rl.training.presets.systems import direct6, etrm, hrm6, recurrent6, trm, trm6, universal6

__all__ = [
    "PRESETS",
    "arc1",
    "arc6",
    "arc6_steady",
    "direct6",
    "etrm",
    "hrm6",
    "life5",
    "maze8",
    "maze8_overthinks",
    "maze8_short",
    "maze12",
    "maze30",
    "official",
    "parity16",
    "preset",
    "queens8",
    "recurrent6",
    "sudoku4",
    "sudoku6",
    "sudoku6_ppo",
    "sudoku9",
    "sudoku9_first",
    "sudoku9_onestep",
    "sudoku9_trm",
    "trm",
    "trm6",
    "universal6",
]

PRESETS: dict[str, Callable[[], TrainConfig]] = {
    "sudoku4": sudoku4,
    "sudoku6": sudoku6,
    "sudoku6-ppo": sudoku6_ppo,
    "sudoku9": sudoku9,
    "sudoku9-first": sudoku9_first,
    "sudoku9-trm": sudoku9_trm,
    "sudoku9-onestep": sudoku9_onestep,
    "official": official,
    "maze8": maze8,
    "maze8-short": maze8_short,
    "maze8-overthinks": maze8_overthinks,
    "maze12": maze12,
    "maze30": maze30,
    "queens8": queens8,
    "parity16": parity16,
    "life5": life5,
    "arc6": arc6,
    "arc6-steady": arc6_steady,
    "arc1": arc1,
    "hrm6": hrm6,
    "trm6": trm6,
    "direct6": direct6,
    "recurrent6": recurrent6,
    "universal6": universal6,
    "trm": trm,
    "etrm": etrm,
}


def preset(name: str) -> TrainConfig:
    """The config of a run by name; one of one's own by its file, "mine.py:tiny" (`checks.plugin`).

    Raises:
        ValueError: there is none of that name, or what a file makes is no `TrainConfig`.
    """
    if not is_plugin(name):
        return PRESETS[choice("preset", name, PRESETS)]()
    config = made(name)
    if not isinstance(config, TrainConfig):
        raise ValueError(f"{name} must return a TrainConfig, got {config!r:.60}")
    return config
