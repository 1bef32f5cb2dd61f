"""Frames of Figure 7: what a model would answer after every low-level step, drawn as any solve is."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from hrm_rl.envs.frame import Frame
from hrm_rl.inside.predictions import predictions
from hrm_rl.loop import batch_of
from hrm_rl.models.base import Model
from hrm_rl.puzzles import PuzzleSet, task_of
from hrm_rl.puzzles.verdicts import valid_optimal


def frames(model: Model, puzzle: PuzzleSet, segments: int) -> Iterator[Frame]:
    """One frame for each low-level step; changes are shaded against the step before.

    Args:
        puzzle: a set of one; only the verdict looks at its solution.
    """
    game, previous_L = task_of(puzzle.task), None
    x_BT, y_BT = torch.from_numpy(puzzle.inputs_PL), torch.from_numpy(puzzle.solutions_PL)
    batch = batch_of(puzzle, torch.zeros(1, dtype=torch.long), model.device)
    for at in predictions(model, batch, segments):
        cells_L = game.values(at.prediction_BT[0].cpu().numpy())
        q_halt, q_continue = at.q_B2[0].float().sigmoid().tolist()
        yield Frame(
            givens_L=game.values(puzzle.inputs_PL[0]),
            cells_L=cells_L,
            previous_L=previous_L,
            segment=at.segment,
            max_segments=segments,
            q_halt=q_halt,
            q_continue=q_continue,
            decision="",
            correct=bool(valid_optimal(game, x_BT, at.prediction_BT.cpu(), y_BT)),
            title=f"{puzzle.task}, step {at.step}",
            task=game.task,
            demonstrations=puzzle.shown.get(int(puzzle.ids_P[0]), ()),
        )
        previous_L = cells_L
