"""HRM on Sudoku: what ships, and the public code's run."""

from __future__ import annotations

from hrm_rl.models.hrm import HRMConfig
from hrm_rl.training.config import TrainConfig


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
