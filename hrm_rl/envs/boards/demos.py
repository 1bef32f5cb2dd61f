"""ARC with demonstrations inside the puzzle: drawn as ARC, whose board has them above."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from hrm_rl.envs.boards import arc
from hrm_rl.envs.boards.palette import Canvas
from hrm_rl.envs.frame import Frame
from hrm_rl.puzzles.arc.demos.rules import Demos

NAME: Final = arc.NAME
legend = arc.legend


def paint(canvas: Canvas, frame: Frame) -> None:
    """Paint the pairs that there are, and the question with its answer."""
    arc.paint(canvas, last_board(frame))


def last_board(frame: Frame) -> Frame:
    """The question alone, with the boards before it as its demonstrations."""
    game = frame.rules
    assert isinstance(game, Demos)
    givens_NG, cells_NG = game.split(frame.givens_L), game.split(frame.cells_L)
    pairs = givens_NG[:-1].reshape(game.pairs, 2, -1)
    return replace(
        frame,
        task=game.board.task,
        givens_L=givens_NG[-1],
        cells_L=cells_NG[-1],
        solution_L=None if frame.solution_L is None else game.split(frame.solution_L)[-1],
        previous_L=None if frame.previous_L is None else game.split(frame.previous_L)[-1],
        demonstrations=[np.array(pair) for pair in pairs if pair.any()],
    )
