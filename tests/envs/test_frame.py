"""Frames refuse what cannot be drawn, keep what they got, and know what broke and changed."""

from typing import Any

import boards
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hrm_rl.envs.frame import Frame

SOLVED_L = np.array([int(c) for c in "1243431221343421"])
GIVENS_L = np.where(np.arange(16) % 5 == 0, SOLVED_L, 0)  # the diagonal
GRIDS = hnp.arrays(np.int64, 16, elements=st.integers(0, 4))


def make(**changes: Any) -> Frame:
    return boards.frame(**({"givens_L": GIVENS_L, "cells_L": SOLVED_L} | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"givens_L": np.zeros(80, int)}, "got 80"),
        ({"cells_L": SOLVED_L[:-1]}, r"cells_L must be .* got shape \(15,\)"),
        ({"cells_L": SOLVED_L.reshape(4, 4)}, r"cells_L must be .* got shape \(4, 4\)"),
        ({"previous_L": np.zeros(81, int)}, r"previous_L must be .* got shape \(81,\)"),
        ({"cells_L": SOLVED_L + 1}, r"cells_L must hold values 0..4, got 2..5; tokens become"),
        ({"cells_L": SOLVED_L - 2}, r"cells_L must hold values 0..4, got -1..2"),
        ({"segment": 0}, "segment must be in 1..max_segments, got 0 of 8"),
        ({"segment": 9}, "got 9 of 8"),
        ({"q_halt": 1.01}, r"q_halt must be in \[0, 1\] or nan, got 1.01; pass sigmoid"),
        ({"q_continue": float("-inf")}, "q_continue must be .* got -inf"),
        ({"decision": "stop"}, "decision must be one of .* got 'stop'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_sentence(changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        make(**changes)
    assert "\n" not in str(caught.value)


def test_a_frame_outlives_the_buffers_it_came_from():
    buffer_L = SOLVED_L.copy()
    frame = make(cells_L=buffer_L, previous_L=buffer_L)
    buffer_L[:] = 0
    assert (frame.cells_L == SOLVED_L).all() and (frame.previous_L == SOLVED_L).all()
    with pytest.raises(ValueError, match="read-only"):
        frame.cells_L[0] = 1


def test_a_repeated_digit_breaks_a_rule_wherever_it_stands():
    cells_L = SOLVED_L.copy()
    cells_L[1] = 4  # its column has another 4 in row 4's place, its row one at 2, its box one at 4
    assert set(np.flatnonzero(make(cells_L=cells_L).broken())) == {1, 2, 4, 13}


def test_overwriting_a_given_breaks_a_rule_even_alone_on_the_grid():
    cells_L = np.zeros(16, int)
    cells_L[0] = GIVENS_L[0] + 1
    frame = make(givens_L=np.where(np.arange(16) == 0, GIVENS_L, 0), cells_L=cells_L)
    assert list(np.flatnonzero(frame.broken())) == [0]


def test_where_nothing_is_predicted_the_given_stands():
    frame = make(cells_L=np.zeros(16, int), previous_L=GIVENS_L)
    assert (frame.shown(frame.cells_L) == GIVENS_L).all()
    assert not frame.broken().any() and not frame.changed().any()


def test_nothing_has_changed_after_the_first_segment():
    assert not make(previous_L=None).changed().any()


@given(GRIDS, GRIDS)
def test_a_cell_has_changed_if_and_only_if_it_shows_another_digit(now_L, before_L):
    frame = make(givens_L=np.zeros(16, int), cells_L=now_L, previous_L=before_L)
    assert (frame.changed() == (now_L != before_L)).all()
