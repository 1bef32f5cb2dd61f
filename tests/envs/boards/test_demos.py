"""A puzzle with demonstrations looks like the ARC puzzle that it is."""

from dataclasses import replace

import boards
import numpy as np
import pytest

from hrm_rl.envs.render import draw
from hrm_rl.puzzles.arc.demos.rules import Demos

GAME = Demos(5, 2)


def board(colour: int) -> np.ndarray:
    return GAME.board.board(np.full((2, 2), colour, np.uint8))


@pytest.mark.parametrize("later", [False, True], ids=["segment 1", "segment 2"])
def test_it_looks_like_arc(later: bool) -> None:
    nothing = np.zeros(25, np.uint8)
    given_L = np.concatenate([board(1), board(2), nothing, nothing, board(3)])
    cells_L, previous_L = (np.concatenate([given_L[:100], board(colour)]) for colour in (4, 5))
    frame = boards.frame(
        givens_L=given_L, cells_L=cells_L, previous_L=previous_L if later else None, segment=2,
        title="ARC", task=GAME.task,
    )  # fmt: skip
    by_hand = replace(
        frame, givens_L=board(3), cells_L=board(4), previous_L=board(5) if later else None,
        task=GAME.board.task, demonstrations=[np.array([board(1), board(2)])],
    )  # fmt: skip
    assert (draw(frame) == draw(by_hand)).all()
    assert (draw(frame) != draw(replace(frame, cells_L=given_L))).any()


def test_a_wrong_answer_has_the_rings_of_arc() -> None:
    """The stored answer is that of the question alone."""
    nothing = np.zeros(25, np.uint8)
    given_L = np.concatenate([board(1), board(2), nothing, nothing, board(3)])
    cells_L, solution_L = (np.concatenate([given_L[:100], board(colour)]) for colour in (4, 5))
    frame = boards.frame(givens_L=given_L, cells_L=cells_L, task=GAME.task, correct=False)
    over = replace(frame, solution_L=solution_L)
    by_hand = replace(
        over, givens_L=board(3), cells_L=board(4), solution_L=board(5), task=GAME.board.task,
        demonstrations=[np.array([board(1), board(2)])],
    )  # fmt: skip
    titled = [draw(replace(one, title="ARC")) for one in (frame, over, by_hand)]
    assert (titled[1] == titled[2]).all() and (titled[0] != titled[1]).any()
