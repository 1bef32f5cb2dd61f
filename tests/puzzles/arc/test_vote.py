"""Votes counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.puzzles.arc.vote import WAYS, Answer, Result, Verdict, ranked


def grid(colour: int) -> np.ndarray:
    return np.full((1, 2), colour, np.uint8)


def election(*votes: tuple[int, float, int, bool]) -> list[Answer]:
    return [Answer(grid(colour), q, segment, halted) for colour, q, segment, halted in votes]


def order(answers: list[Answer], way: str) -> list[int]:
    return [int(best[0, 0]) for best in ranked(answers, way)]


VOTES = election(
    (1, 0.1, 8, False),
    (1, 0.2, 8, False),
    (1, 0.3, 8, True),
    (2, 0.9, 4, True),
    (2, 0.4, 6, True),
    (3, 0.95, 3, True),
    (3, 0.1, 8, False),
    (4, 0.5, 2, False),
)


@pytest.mark.parametrize(
    ("way", "best"),
    [
        # 3 votes; then 2 votes with a mean q of 0.65 before 0.525; then 1.
        ("count", [1, 2, 3, 4]),
        # Who halted: 2 of 2, then 1 with q 0.95 before 1 with q 0.3; 4 never did.
        ("halted", [2, 3, 1, 4]),
        # Sums: 0.6, 1.3, 1.05, 0.5.
        ("weighted", [2, 3, 1, 4]),
        # First halted at 8, 4, 3, never.
        ("first", [3, 2, 1, 4]),
    ],
)
def test_four_ways_to_count(way: str, best: list[int]) -> None:
    assert order(VOTES, way) == best


def test_without_anybody_halting_all_have_a_vote() -> None:
    answers = [vote._replace(halted=False) for vote in VOTES]
    for way in ("halted", "first"):
        assert order(answers, way) == order(answers, "count") == [1, 2, 3, 4]


def test_equals_stay_in_their_order() -> None:
    answers = election((5, 0.5, 1, True), (6, 0.5, 1, True), (4, 0.5, 1, True))
    assert all(order(answers, way) == [5, 6, 4] for way in WAYS)


def test_shapes_tell_grids_apart_and_no_grid_has_no_vote() -> None:
    flat, tall, none = np.zeros((1, 4)), np.zeros((2, 2)), np.zeros((0, 0))
    answers = [
        Answer(g.astype(np.uint8), 0.5, 1, True) for g in (none, none, none, flat, tall, tall)
    ]
    assert [best.shape for best in ranked(answers)] == [(2, 2), (1, 4)]


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1), st.integers(1, 8), st.booleans())))
def test_every_grid_is_ranked_once_and_the_published_order_holds(
    votes: list[tuple[int, float, int, bool]],
) -> None:
    answers = election(*votes)
    colours = [colour for colour, *_ in votes]
    for way in WAYS:
        assert sorted(order(answers, way)) == sorted(set(colours))
    counts = [colours.count(colour) for colour in order(answers, "count")]
    assert counts == sorted(counts, reverse=True)


def test_no_such_way() -> None:
    with pytest.raises(
        ValueError, match="counted by count, halted, weighted, first, got 'loudest'"
    ):
        ranked(VOTES, "loudest")


def verdict(task: str, number: int, *grids: int) -> Verdict:
    """The right answer is 7."""
    return Verdict(task, number, grid(7), [grid(colour) for colour in grids])


RESULT = Result(
    (
        verdict("b", 1, 1, 7),
        verdict("b", 0, 7, 1),
        verdict("a", 0, 7),
        verdict("c", 0, 1, 2, 7),
        verdict("d", 0),
    )
)


def test_shares_by_pair_and_by_task() -> None:
    assert (RESULT.inputs(1), RESULT.inputs(2), RESULT.inputs(3)) == (2 / 5, 3 / 5, 4 / 5)
    assert (RESULT.tasks(1), RESULT.tasks(2)) == (1 / 4, 2 / 4)
    assert (RESULT.credit(1), RESULT.credit(2)) == (1.5 / 4, 2 / 4)


def test_the_submission() -> None:
    assert RESULT.submission() == {
        "a": [{"attempt_1": [[7, 7]], "attempt_2": [[0]]}],
        "b": [
            {"attempt_1": [[7, 7]], "attempt_2": [[1, 1]]},
            {"attempt_1": [[1, 1]], "attempt_2": [[7, 7]]},
        ],
        "c": [{"attempt_1": [[1, 1]], "attempt_2": [[2, 2]]}],
        "d": [{"attempt_1": [[0]], "attempt_2": [[0]]}],
    }
