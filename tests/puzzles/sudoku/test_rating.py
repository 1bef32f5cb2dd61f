"""The rating: guess counts of a search that was checked against tdoku's, as golden values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrm_rl.puzzles import PuzzleError, Sudoku, load
from hrm_rl.puzzles.sudoku.bands import ALL, WORDS, bit_count, lane_counts, rotate
from hrm_rl.puzzles.sudoku.rating import DEPTH, rate, search

NINE = Sudoku(9)

# Made by this package. On the published lists that the search was checked with, its means are equal
# to tdoku's within one per cent (see hrm_rl/puzzles/sudoku/rating.py).
GOLDEN = (  # puzzle, guesses to the first solution, guesses to the proof
    ("1......9........38..8.4.62.63..1...52.73.8..9.8.2..76..291...7...693..1.813..69..", 0, 0),
    (".....8.2.7...........71.5....6..271.......6...1..6..59..3.271..4..8.9...9....1.3.", 0, 0),
    ("89..3.67............3..4.9..2..8.7............1.25.8....5..3..6..95..2.4.6.......", 2, 2),
    ("7.4.............2....5.9.1......41.......76.23.56...9....1..5.9...23..7.85.......", 8, 54),
    (".92...7..73..8....1.......2..5..29..9......6......6..4.....1.7..8......1..195..83", 13, 49),
    ("3...1...6..5....81.7..5.9....17.3.........36.75..2.4...2.4............9...6.3...5", 15, 79),
    ("....9....1...2..3.4....7..2..7..9......8..45...8..6.1......38...56........14..6..", 6, 48),
    ("3..7...........6..8.7.4..39..8.....2...2.13.......6.1.5...3.7....45...6..2....1..", 31, 61),
    ("....2.5.7..73...89.6..........9.2.135...3.......8......46.8.....1...3.....9.1.2.6", 43, 58),
)


def test_golden_guess_counts():
    first_P, proof_P = rate(np.stack([NINE.parse(text) for text, _, _ in GOLDEN]))
    assert first_P.tolist() == [first for _, first, _ in GOLDEN]
    assert proof_P.tolist() == [proof for _, _, proof in GOLDEN]
    assert first_P.dtype == proof_P.dtype == np.int32


def test_puzzles_without_one_solution_have_no_rating():
    good_L = NINE.parse(GOLDEN[0][0])
    none_L = NINE.parse("12345678." + "........9" + "." * 63)
    with pytest.raises(PuzzleError, match="puzzle 1 has no solution; leave out the 2 such"):
        rate(np.stack([good_L, none_L, none_L]))
    with pytest.raises(PuzzleError, match="puzzle 0 has several solutions"):
        rate(np.zeros((1, 81)))


def solutions(masks: np.ndarray, limit: int) -> tuple[set[bytes], np.ndarray]:
    grids, guesses = np.zeros((limit, 81), dtype=np.int64), np.zeros(2, dtype=np.int64)
    stack = np.zeros((DEPTH, WORDS), dtype=np.int64)
    found = search(stack, masks, limit, grids, guesses)
    return {bytes(grid.astype(np.uint8)) for grid in grids[:found]}, guesses


@settings(max_examples=20)
@given(st.integers(0, 399), st.sets(st.integers(0, 80), max_size=3))
def test_the_search_finds_what_the_rules_allow(puzzle, dropped):
    """Clues dropped from a proper puzzle: all solutions are right and the answer is one of them."""
    puzzles = load("sudoku9_minimal", "fit")
    digits_L, answer_L = (
        NINE.values(tokens_PL[puzzle]) for tokens_PL in (puzzles.inputs_PL, puzzles.solutions_PL)
    )
    digits_L[list(dropped)] = 0
    masks = np.where(digits_L == 0, ALL, 1 << (np.maximum(digits_L, 1).astype(np.int64) - 1))
    grids, guesses = solutions(masks, limit=2000)
    for grid in grids:
        assert NINE.is_solution(digits_L, np.frombuffer(grid, np.uint8))
    assert bytes(answer_L) in grids or len(grids) == 2000
    assert 0 <= guesses[0] <= guesses[1]


def test_a_mask_can_forbid_single_digits():
    """A proper puzzle has no solution with another digit in a blank cell."""
    digits_L = NINE.parse(GOLDEN[2][0])
    masks = np.where(digits_L == 0, ALL, 1 << (np.maximum(digits_L, 1).astype(np.int64) - 1))
    grids, _ = solutions(masks, limit=2)
    answer_L = np.frombuffer(grids.pop(), np.uint8)
    assert not grids
    blank = int(np.flatnonzero(digits_L == 0)[0])
    masks[blank] = ALL & ~(1 << (int(answer_L[blank]) - 1))
    assert solutions(masks, limit=2)[0] == set()


@given(st.integers(0, 2**30 - 1))
def test_words_of_three_lanes(word):
    word &= 0x1FF | 0x1FF << 10 | 0x1FF << 20
    lanes = [word >> 10 * lane & 0x1FF for lane in range(3)]
    counts = lane_counts(word)
    assert [counts >> 10 * lane & 0x3FF for lane in range(3)] == [x.bit_count() for x in lanes]
    assert bit_count(word) == word.bit_count()
    for shift in range(3):
        moved = rotate(word, shift)
        assert [moved >> 10 * ((lane + shift) % 3) & 0x3FF for lane in range(3)] == lanes
