"""Named runs: functions that return a complete `TrainConfig`."""

from __future__ import annotations

from collections.abc import Callable

from hrm_rl.training.config import TrainConfig
from hrm_rl.training.presets.puzzles import arc1, arc6, maze8, maze12, maze30, queens8
from hrm_rl.training.presets.sudoku import (
    official,
    sudoku4,
    sudoku6,
    sudoku9,
    sudoku9_onestep,
    sudoku9_overthinks,
    sudoku9_trm,
)
from hrm_rl.training.presets.systems import direct6, etrm, hrm6, recurrent6, trm, trm6, universal6

__all__ = [
    "PRESETS",
    "arc1",
    "arc6",
    "direct6",
    "etrm",
    "hrm6",
    "maze8",
    "maze12",
    "maze30",
    "official",
    "queens8",
    "recurrent6",
    "sudoku4",
    "sudoku6",
    "sudoku9",
    "sudoku9_onestep",
    "sudoku9_overthinks",
    "sudoku9_trm",
    "trm",
    "trm6",
    "universal6",
]

PRESETS: dict[str, Callable[[], TrainConfig]] = {
    "sudoku4": sudoku4,
    "sudoku6": sudoku6,
    "sudoku9": sudoku9,
    "sudoku9-trm": sudoku9_trm,
    "sudoku9-onestep": sudoku9_onestep,
    "sudoku9-overthinks": sudoku9_overthinks,
    "official": official,
    "maze8": maze8,
    "maze12": maze12,
    "maze30": maze30,
    "queens8": queens8,
    "arc6": arc6,
    "arc1": arc1,
    "hrm6": hrm6,
    "trm6": trm6,
    "direct6": direct6,
    "recurrent6": recurrent6,
    "universal6": universal6,
    "trm": trm,
    "etrm": etrm,
}
