"""Our own tasks: rules worked out another way, streams apart, boards whole."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.puzzles.arc.generate import GREY, RED, RULES, generate, in_order, made, shown
from hrm_rl.puzzles.arc.rules import Arc
from hrm_rl.puzzles.kinds import task_of
from hrm_rl.puzzles.source import source
from hrm_rl.puzzles.task import PuzzleError

BOARD = Arc(9, 7)
RULE = st.sampled_from(list(RULES))


def cells(grid: np.ndarray) -> Iterator[tuple[int, int, int]]:
    for (row, column), colour in np.ndenumerate(grid):
        yield row, column, int(colour)


def expected(rule: str, question: np.ndarray) -> np.ndarray:
    """The answer, cell by cell."""
    height, width = question.shape
    answer = question.copy()
    if rule == "fall":
        return np.array([sorted(column, key=bool) for column in question.T.tolist()], np.uint8).T
    if rule == "double":
        return np.kron(question, np.ones((2, 2), np.uint8))
    if rule == "cut":
        where = np.argwhere(question > 0)
        (top, left), (bottom, right) = where.min(0), where.max(0) + 1
        return question[top:bottom, left:right]
    if rule == "mirror":
        for row, column, _ in cells(question):
            answer[row, column] = question[row, min(column, width - 1 - column)]
    if rule == "rings":
        for row, column, colour in cells(question):
            if (
                not colour
                and question[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].any()
            ):
                answer[row, column] = RED
    if rule == "rays":
        for row, column, colour in cells(question):
            left = [c for c in question[row, :column] if c]
            if not colour and left and left[-1] != GREY:
                answer[row, column] = left[-1]
    if rule == "crossing":
        ((y, x),) = np.argwhere((question > 0) & (question != GREY))
        for row, column, colour in cells(question):
            if not colour and (row == y or column == x):
                answer[row, column] = question[y, x]
    if rule == "flood":
        (dot,) = np.argwhere((question > 0) & (question != GREY))
        todo = [tuple(dot)]
        while todo:
            row, column = todo.pop()
            for r, c in (
                (row - 1, column),
                (row + 1, column),
                (row, column - 1),
                (row, column + 1),
            ):
                if 0 <= r < height and 0 <= c < width and answer[r, c] == 0:
                    answer[r, c] = question[tuple(dot)]
                    todo.append((r, c))
    return answer


@given(RULE, st.integers(0, 2**20), st.integers(3, 12))
def test_answers_follow_the_rule(rule: str, index: int, side: int) -> None:
    question, answer = made(rule, Arc(side), 0, "train", index)
    assert np.array_equal(answer, expected(rule, question))
    assert not np.array_equal(answer, question)
    assert max(question.shape + answer.shape) <= side


def test_puzzles_are_boards_with_the_identifier_of_their_rule() -> None:
    puzzles = generate(BOARD, 24, seed=3)
    game = task_of(puzzles.task)
    assert game == BOARD
    assert game.solved(puzzles.inputs_PL, puzzles.solutions_PL).all()
    assert puzzles.ids_P.tolist() == [1 + 8 * i for i in range(8)] * 3
    assert puzzles.sources[9] == "cut train 1"
    changed = (puzzles.inputs_PL != puzzles.solutions_PL) & (puzzles.solutions_PL != 0)
    assert (puzzles.ratings_P == changed.sum(1)).all()


def test_work_can_be_cut_in_pieces() -> None:
    whole, piece = generate(BOARD, 20, seed=3), generate(BOARD, 7, seed=3, first=13)
    assert (whole.inputs_PL[13:] == piece.inputs_PL).all()
    assert whole.sources[13:] == piece.sources


def test_splits_and_seeds_share_hardly_anything() -> None:
    """Small boards have few questions, so a handful may meet."""
    sets = [generate(BOARD, 200, seed=0, split=split) for split in ("train", "fit", "test")]
    sets.append(generate(BOARD, 200, seed=1))
    texts = [row.tobytes() for puzzles in sets for row in puzzles.inputs_PL]
    assert len(set(texts)) > len(texts) - 20


def test_a_task_alone_is_a_thousand_of_its_split() -> None:
    test = source("arc6x7", "test")
    assert len(test) == 1000
    assert (test.inputs_PL[:9] == generate(Arc(6, 7), 9, seed=0, split="test").inputs_PL).all()


def test_the_knob_bounds_the_grids() -> None:
    puzzles = source("arc12x7:40:0:5")
    assert not puzzles.inputs_PL.reshape(-1, 12, 12)[:, 6:].any()
    assert not puzzles.solutions_PL.reshape(-1, 12, 12)[:, :, 6:].any()
    with pytest.raises(PuzzleError, match="the largest side of a grid, 4 to 12, got 13"):
        source("arc12x7:40:0:13")


def test_rules_as_tasks_ask_for_the_test_puzzles() -> None:
    tasks, puzzles = in_order("arc9x7:20:3"), generate(BOARD, 20, seed=3, split="test")
    asked = {(row.tobytes(), i) for row, i in zip(puzzles.inputs_PL, puzzles.ids_P, strict=True)}
    test = tasks.puzzles("test")
    assert {(row.tobytes(), i) for row, i in zip(test.inputs_PL, test.ids_P, strict=True)} == asked
    assert len(test) == 20
    with pytest.raises(PuzzleError, match="named as in"):
        in_order("arc9x7")


def test_what_is_shown_is_not_what_is_asked() -> None:
    tasks = shown(BOARD)
    assert tasks.identifiers == 1 + 8 * len(RULES)
    assert [task.name for task in tasks.tasks] == list(RULES)
    assert len(tasks.puzzles("train")) == 3 * len(RULES)
    shown_keys = {pair.key for task in tasks.tasks for pair in task.train}
    assert not any(pair.key in shown_keys for task in tasks.tasks for pair in task.test)
