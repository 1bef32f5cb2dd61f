"""Frames of Figure 7: what a model would answer after every low-level step, drawn as any solve is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from hrm_rl.envs.frame import Frame
from hrm_rl.envs.watch import Shown, frames_of
from hrm_rl.inside.predictions import predictions
from hrm_rl.loop import batch_of
from hrm_rl.models.base import Model
from hrm_rl.puzzles import PuzzleSet


def frames(model: Model, puzzle: PuzzleSet, segments: int) -> Iterator[Frame]:
    """One frame for each low-level step; changes are shaded against the step before.

    Args:
        puzzle: a set of one; only the verdict looks at its solution.
    """
    batch = batch_of(puzzle, torch.zeros(1, dtype=torch.long), model.device)
    steps = list(predictions(model, batch, segments))
    moments = [Shown(at.segment, at.prediction_BT[0], at.q_B2[0].float(), "") for at in steps]
    for at, frame in zip(steps, frames_of(puzzle, moments, segments), strict=True):
        yield replace(frame, title=f"Segment {at.segment}, step {at.step}")
