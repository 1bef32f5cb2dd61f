"""HRM on Sudoku: what ships, and the public code's run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hrm_rl.models.hrm import HRMConfig
from hrm_rl.models.trm import TRMConfig
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.presets.halting import BUDGET, SEEING


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


def sudoku6_ppo() -> TrainConfig:
    """6x6 Sudoku with PPO in the place of Q-learning, at a budget of four segments in training.

    One to three minutes on one CPU core. What the settings are for, and what each is worth:
    docs/findings.md.
    """
    return replace(sudoku6(), halting="ppo", **SEEING, **BUDGET)


_UNITS: dict[str, Any] = dict(
    vocab=11,
    length=81,
    width=96,
    heads=3,
    positions="none",
    token_mixer="units",
    inner_multiple=32,
)
"""Attention within rows, columns and boxes: what both models that ship for 9x9 have in common."""


def _two_levels(H_cycles: int) -> HRMConfig:
    return HRMConfig(
        **_UNITS, H_layers=1, L_layers=1, H_cycles=H_cycles, L_cycles=3, gradient="last-cycle"
    )


def sudoku9_first() -> TrainConfig:
    """9x9 Sudoku, an HRM of two levels with both Q outputs: what `sudoku9` starts from, in 1.6 core-hours.

    It departs from the paper in two ways, both named in its config: attention within units, a prior
    that the paper's model does not have, and a gradient through the whole last cycle.
    """
    return TrainConfig(
        model=_two_levels(H_cycles=1),
        data=(("easy:100000:7", 0.25), ("minimal:100000:7", 0.4), ("sudoku9_hard", 0.35)),
        slots=32,
        steps=44_000,
        max_segments=16,
        grow_segments=((0.1, 4), (0.35, 8)),
        bootstrap="delayed",
        explore_probability=0.2,
        loss="softmax",
        lr=2e-3,
        warmup=200,
        lr_min_ratio=0.05,
        puzzle_lr=1e-3,
        ema=0.999,
        seed=1,
        compile=True,
    )


def sudoku9() -> TrainConfig:
    """9x9 Sudoku, the weights `sudoku9`: `sudoku9-first` trained on, with twice the updates a segment.

    So a segment does at once what two did; 1.2 core-hours more. `hrm-rl train` begins with
    `sudoku9-first` where that has not been trained.
    """
    return replace(
        sudoku9_first(),
        model=_two_levels(H_cycles=2),
        init="runs/sudoku9-first",
        data=(
            ("easy:100000:7", 0.1),
            ("minimal:100000:7", 0.35),
            ("file1:20000:7", 0.15),
            ("sudoku9_hard", 0.4),
        ),
        steps=52_000,
        grow_segments=((0.25, 8),),
        lr=6e-4,
        seed=2,
    )


def sudoku9_trm() -> TrainConfig:
    """9x9 Sudoku, TRM: the weights `sudoku9-trm`, one block run five times a segment."""
    return replace(
        sudoku9_first(),
        model=TRMConfig(**_UNITS, layers=1, H_cycles=1, L_cycles=4, puzzle_positions=1),
        steps=36_000,
        halting="halt_bce",
        bootstrap="extra",
        seed=0,
    )


def sudoku9_onestep() -> TrainConfig:
    """9x9 Sudoku by the paper's one-step gradient, MLP token mixer: an hour on one CPU core.

    The first of the nine stages that made the weights `sudoku9-onestep` (their card).
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
