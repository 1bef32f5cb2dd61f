"""Figure 2: accuracy against width, and against the layers that a puzzle passes through.

The paper's left panel widens and deepens a Transformer that answers in one pass; its right panel sets the
Transformer, a recurrent one and HRM side by side by layers computed. Here all of them are small, and
those that can go on are one model each, given more and more segments. Every run has the base's
optimiser steps, slots and puzzles: the deeper, the more compute.

Shapes: M segments, P puzzles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hrm_rl.banks.bank import log_bank
from hrm_rl.models.base import Model
from hrm_rl.models.checkpoint import load_model
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.models.transformer import TransformerConfig
from hrm_rl.models.trm import TRMConfig
from hrm_rl.puzzles import PuzzleSet
from hrm_rl.training.config import TrainConfig

WIDTHS = (32, 64, 128)
DEPTHS = (1, 2, 4, 8)
MIDDLE = (4, 64)
"""Layers where the width varies, and width where the layers do."""


def runs(base: TrainConfig) -> dict[str, TrainConfig]:
    """Every run of the figure, by name.

    Args:
        base: an HRM's, whose width, token mixer and positions all take. The recurrent Transformer
            has all its layers as one stack, and no fewer layers in a segment.
    """
    if not isinstance(base.model, HRMConfig):
        raise ValueError(f"Figure 2 starts from an HRM's run, got a {type(base.model).__name__}")
    layers, width = MIDDLE
    depths = {f"deep-{depth}": direct(base, depth, width) for depth in DEPTHS}
    widths = {f"wide-{w}": direct(base, layers, w) for w in WIDTHS if w != width}
    c = base.model
    stack, whole = c.H_layers + c.L_layers, c.H_cycles * (c.L_cycles * c.L_layers + c.H_layers)
    again = replace(_plain(c), width=c.width, layers=stack, cycles=-(-whole // stack))
    return {"hrm": base, "recurrent": replace(base, model=again), **depths, **widths}


def direct(base: TrainConfig, layers: int, width: int) -> TrainConfig:
    """Direct prediction: one pass, trained with one segment, and nothing to halt."""
    assert isinstance(base.model, HRMConfig)
    model = replace(_plain(base.model), layers=layers, width=width, cycles=1, recurrent=False)
    return replace(base, model=model, max_segments=1, halting="fixed-1", explore_probability=0.0)


def _plain(c: HRMConfig) -> TransformerConfig:
    """A Transformer that reads as this HRM does."""
    return TransformerConfig(
        vocab=c.vocab,
        length=c.length,
        heads=c.heads,
        expansion=c.expansion,
        inner_multiple=c.inner_multiple,
        positions=c.positions,
        token_mixer=c.token_mixer,
        puzzle_ids=c.puzzle_ids,
        task=c.task,
    )


def layers_of(model: Model) -> int:
    """Layers that a segment passes through: N (T L_layers + H_layers) of an HRM.

    Raises:
        ValueError: not an architecture of this figure.
    """
    c = model.config
    if isinstance(c, HRMConfig):
        return c.H_cycles * (c.L_cycles * c.L_layers + c.H_layers)
    if isinstance(c, TransformerConfig):
        return c.cycles * c.layers
    if isinstance(c, TRMConfig):
        return c.H_cycles * (c.L_cycles + 1) * c.layers
    raise ValueError(f"Figure 2 counts the layers of HRM, TRM and Transformer, not of {c}")


@dataclass(frozen=True)
class Point:
    """A model of Figure 2 after so many segments."""

    name: str
    parameters: int
    """Trainable ones."""
    width: int
    segments: int
    layers: int
    """Computed: those of a segment times the segments."""
    accuracy: float
    """Share of puzzles that are right."""
    cells: float
    """Share of their cells that are right, givens included."""
    fit: float
    """Accuracy on puzzles of the training set."""


def points(
    name: str, folder: str | Path, test: PuzzleSet, trained: PuzzleSet, segments: int
) -> list[Point]:
    """What a run came to, after every segment; direct prediction has one."""
    model, _ = load_model(folder)
    once = isinstance(model.config, TransformerConfig) and not model.config.recurrent
    M = 1 if once else segments
    banks = [log_bank(model, puzzles, M) for puzzles in (test, trained)]
    right_M, fit_M = (bank.correct_MP.double().mean(1).tolist() for bank in banks)
    cells_M = banks[0].cells_MP.double().mean(1).tolist()
    size, layers = sum(p.numel() for p in model.parameters()), layers_of(model)
    return [
        Point(name, size, model.config.width, m, m * layers, right, cells, fit)
        for m, (right, cells, fit) in enumerate(zip(right_M, cells_M, fit_M, strict=True), start=1)
    ]
