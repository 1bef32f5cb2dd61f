"""A preset for the ablation in which every learner has the same distinct puzzles: 6x6, 9,632 of them.

`fixed-8` sees about so many relabelled copies of the training puzzles in 2,400 steps, each once;
`fixed-2`, which is dealt four times as many, sees each of these four times:

    hrm-rl ablate --preset scripts/few_puzzles.py:few --learners fixed-2 fixed-8
"""

from dataclasses import replace

import torch

from hrm_rl.puzzles import PuzzleSet
from hrm_rl.puzzles.augment import augment
from hrm_rl.puzzles.augmented import Augmented
from hrm_rl.puzzles.kinds import task_of
from hrm_rl.puzzles.source import source
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.presets import preset

COUNT = 9632
SEED = 7


def copies(split: str) -> PuzzleSet:
    """Symmetric copies of the puzzles of a split, as many of each, drawn once."""
    of = source("sudoku6", split)
    rows = torch.arange(COUNT) % len(of)
    drawn = augment(
        task_of(of.task),
        Augmented(
            torch.from_numpy(of.inputs_PL)[rows].long(),
            torch.from_numpy(of.solutions_PL)[rows].long(),
            torch.zeros(COUNT, dtype=torch.long),
        ),
        torch.Generator().manual_seed(SEED),
    )
    chosen = rows.numpy()
    return PuzzleSet(
        of.task,
        drawn.x_BL.numpy(),
        drawn.y_BL.numpy(),
        of.ratings_P[chosen],
        tuple(of.sources[i] for i in chosen),
    )


def few() -> TrainConfig:
    """`sudoku6` on these copies alone."""
    return replace(preset("sudoku6"), data=((f"{__file__}:copies", 1.0),), augment=False)
