"""Search on grids as integers, against the search of the textbook."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mazes import beside, grids, search

from hrm_rl.puzzles.maze import wavefront


@given(grids(sides=(1, 9)))
def test_bits_and_cells_are_inverse(grid):
    side, marked_L = grid
    assert np.array_equal(wavefront.cells(wavefront.bits(marked_L, side), side), marked_L)


def test_a_cell_is_the_bit_of_its_row_and_column():
    marked_L = np.array([0, 0, 1, 0, 1, 0, 0, 0, 0], bool)
    assert wavefront.bits(marked_L, 3) == 1 << 2 | 1 << 5  # rows begin at bits 0, 4, 8


def test_the_cells_of_a_set_come_in_reading_order():
    assert list(wavefront.single(0b10110)) == [0b10, 0b100, 0b10000]
    assert [wavefront.nth(0b10110, i) for i in range(3)] == [0b10, 0b100, 0b10000]


@given(grids(), st.integers(0, 10**6))
def test_waves_are_the_distances_of_a_search(grid, number):
    side, free_L = grid
    start = number % side**2
    free_L[start] = True
    bits = wavefront.bits(free_L, side)
    one = wavefront.bits(np.arange(side**2) == start, side)
    distance_L = np.full(side**2, -1)
    for distance, wave in enumerate(wavefront.waves(bits, one, side)):
        distance_L[wavefront.cells(wave, side)] = distance
    assert np.array_equal(distance_L, search(free_L, start, side))


@given(grids(), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_way_takes_the_first_step_nearer_down_left_right_up(grid, start, goal):
    side, free_L = grid
    start, goal = start % side**2, goal % side**2
    free_L[[start, goal]] = True
    to_goal_L = search(free_L, goal, side)
    expected = [start] if to_goal_L[start] >= 0 else []
    while expected and expected[-1] != goal:
        here = expected[-1]
        nearer = [c for c in beside(here, side) if to_goal_L[c] == to_goal_L[here] - 1]
        expected.append(nearer[0])
    ends = [wavefront.bits(np.arange(side**2) == end, side) for end in (start, goal)]
    way = wavefront.way(wavefront.bits(free_L, side), *ends, side)
    assert [int(np.flatnonzero(wavefront.cells(cell, side))[0]) for cell in way] == expected
    assert wavefront.steps(wavefront.bits(free_L, side), *ends, side) == len(expected) - 1


@pytest.mark.parametrize(
    ("start", "goal", "middle"),
    [(0, 8, [3, 6, 7]), (8, 0, [7, 6, 3]), (2, 6, [5, 8, 7]), (6, 2, [7, 8, 5])],
)
def test_ways_over_an_open_square_by_hand(start, goal, middle):
    """Down before the rest, and up after it."""
    free = wavefront.bits(np.ones(9, bool), 3)
    one = [wavefront.bits(np.arange(9) == cell, 3) for cell in (start, *middle, goal)]
    assert wavefront.way(free, one[0], one[-1], 3) == one
