"""Life: rules, generations, the generator, symmetries of the torus."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra import numpy as hnp

from hrm_rl.puzzles import PuzzleError
from hrm_rl.puzzles.augment import augment
from hrm_rl.puzzles.augmented import Augmented
from hrm_rl.puzzles.toys.life.generate import generate
from hrm_rl.puzzles.toys.life.rules import Life, after

FIVE = Life(5)
GLIDER = ".O... ..O.. OOO.. ..... ....."
BLINKER = ["..... ..... .OOO. ..... .....", "..... ..O.. ..O.. ..O.. ....."]
BOARDS = hnp.arrays(bool, 36)


def puzzle(board: str, marks: int) -> np.ndarray:
    return FIVE.parse(board + ("+" * marks).ljust(5, "."))


def counted(board_N: np.ndarray, side: int) -> np.ndarray:
    """The next generation, cell by cell, by the rule as it is told."""
    grid = board_N.reshape(side, side)
    new = np.zeros_like(grid)
    for row in range(side):
        for column in range(side):
            around = [
                grid[(row + r) % side, (column + c) % side] for r in (-1, 0, 1) for c in (-1, 0, 1)
            ]
            living = sum(map(int, around)) - int(grid[row, column])
            new[row, column] = living == 3 or (living == 2 and grid[row, column])
    return new.ravel()


@given(BOARDS)
def test_a_generation_is_born_and_kept_by_its_neighbours(board_N):
    assert np.array_equal(after(board_N, 6), counted(board_N, 6))


def test_a_glider_is_one_cell_further_down_and_right_after_four_generations():
    answer_L = puzzle("..... ..O.. ...O. .OOO. .....", 0)
    assert FIVE.solved(puzzle(GLIDER, 4)[None], answer_L[None])[0]
    assert not FIVE.solved(puzzle(GLIDER, 3)[None], answer_L[None])[0]
    assert not FIVE.solved(puzzle(GLIDER, 4)[None], puzzle(GLIDER, 0)[None])[0]


@pytest.mark.parametrize("marks", [1, 2, 3, 4, 5])
def test_a_blinker_turns_once_a_generation_and_marks_must_go(marks):
    turned, back = puzzle(BLINKER[1], 0), puzzle(BLINKER[0], 0)
    puzzle_L = puzzle(BLINKER[0], marks)
    right_L, wrong_L = (turned, back) if marks % 2 else (back, turned)
    assert FIVE.solved(puzzle_L[None], right_L[None])[0]
    assert not FIVE.solved(puzzle_L[None], wrong_L[None])[0]
    left_over_L = right_L.copy()
    left_over_L[25] = 2
    assert not FIVE.solved(puzzle_L[None], left_over_L[None])[0]


@pytest.mark.parametrize("last", [".....", ".+...", "+.+..", "O....", "+O..."])
def test_what_is_not_marked_from_the_left_has_no_answer(last):
    puzzle_L = FIVE.parse(BLINKER[0] + last)
    answers = [FIVE.parse(board + ".....") for board in BLINKER]
    assert not any(FIVE.solved(puzzle_L[None], answer_L[None])[0] for answer_L in answers)


def test_a_mark_on_the_board_is_no_puzzle_and_no_answer():
    for cell in (0, 12):
        marked_L = puzzle(BLINKER[0], 2)
        marked_L[cell] = 2
        assert not FIVE.solved(marked_L[None], puzzle(BLINKER[0], 0)[None])[0]
        assert not FIVE.solved(puzzle(BLINKER[0], 2)[None], marked_L[None])[0]


def test_broken_are_the_cells_unlike_the_generation_of_as_many_marks():
    givens_L = puzzle(BLINKER[0], 3)

    def broken(board: str, marks: int) -> list[int]:
        return np.flatnonzero(FIVE.broken(givens_L, puzzle(board, marks))).tolist()

    assert broken(BLINKER[0], 3) == broken(BLINKER[1], 2) == broken(BLINKER[1], 0) == []
    assert broken(BLINKER[0], 2) == [7, 11, 13, 17]
    assert broken("O.... ..... .OOO. ..... .....", 1) == [0]
    assert broken(BLINKER[0], 5) == [28, 29]  # marks that the puzzle did not have


def test_generated_boards_are_right_and_never_repeat_before_their_time():
    puzzles = generate(FIVE, 60, seed=2)
    values_PL = FIVE.values(puzzles.inputs_PL)
    assert FIVE.solved(values_PL, FIVE.values(puzzles.solutions_PL)).all()
    assert np.array_equal(puzzles.ratings_P, (values_PL == 2).sum(axis=1))
    assert set(puzzles.ratings_P) == {1, 2, 3, 4, 5}
    for values_L, steps in zip(values_PL, puzzles.ratings_P, strict=True):
        boards = [values_L[:25] == 1]
        for _ in range(steps):
            boards.append(counted(boards[-1], 5))
        assert len({board.tobytes() for board in boards}) == steps + 1
    alive_P = (values_PL[:, :25] == 1).sum(axis=1)
    assert alive_P.min() >= 25 // 4 and alive_P.max() <= 25 // 2
    assert set(generate(FIVE, 20, seed=3, knob=4).ratings_P) == {4}


def test_boards_depend_on_seed_split_and_number_alone():
    task = Life(8)
    whole = generate(task, 6, seed=1).inputs_PL
    assert np.array_equal(whole[4:], generate(task, 2, seed=1, first=4).inputs_PL)
    others = [generate(task, 6, seed=1, split=split).inputs_PL for split in ("test", "fit")]
    rows = [whole, generate(task, 6, seed=2).inputs_PL, *others]
    assert len(np.unique(np.concatenate(rows), axis=0)) == 24


def batch(task: Life, count: int) -> Augmented:
    puzzles = generate(task, count, seed=0)
    tensors = (torch.from_numpy(part).long() for part in (puzzles.inputs_PL, puzzles.solutions_PL))
    return Augmented(*tensors, torch.zeros(count, dtype=torch.long))


def test_moved_puzzles_have_moved_answers_and_the_same_marks():
    task = Life(6)
    before = batch(task, 200)
    moved = augment(task, before, torch.Generator().manual_seed(0))
    x_PL, y_PL = (task.values(part.numpy()) for part in moved[:2])
    assert task.solved(x_PL, y_PL).all()
    assert torch.equal(moved.x_BL[:, 36:], before.x_BL[:, 36:])


def test_every_symmetry_of_the_torus_comes_up():
    """8 turns and 25 shifts of a board that looks different after each of them."""
    board = FIVE.parse("OO... O.O.. ..... ..... .....+....")
    x_BL = torch.from_numpy(FIVE.tokens(board)).long().expand(4000, -1)
    moved = augment(FIVE, Augmented(x_BL, x_BL, torch.zeros(4000, dtype=torch.long)), None)
    assert len(torch.unique(moved.x_BL, dim=0)) == 200
    assert torch.equal(moved.x_BL, moved.y_BL)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Life(4), "a board of Life has 5 x 5 cells at least, got 4 x 4"),
        (lambda: FIVE.parse("."), "life5 has 30 characters, 6 x 5, got 1"),
        (
            lambda: generate(FIVE, 1, seed=0, knob=6),
            "the knob of life5 is the number of generations, 1 to 5, got 6; or leave it out",
        ),
        (lambda: generate(FIVE, 1, seed=2**32), r"seed must be in \[0, 2\*\*32\)"),
    ],
)
def test_errors_say_what_and_got(make, message):
    with pytest.raises(PuzzleError, match=message):
        make()
