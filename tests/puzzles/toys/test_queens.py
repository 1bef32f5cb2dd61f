"""Queens: rules, solver, generator, the verdict on tensors, symmetries."""

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.puzzles import PuzzleError
from hrm_rl.puzzles.augment import augment
from hrm_rl.puzzles.augmented import Augmented
from hrm_rl.puzzles.toys.queens.generate import canonical, complete, generate, split_of
from hrm_rl.puzzles.toys.queens.nearest import every, nearest
from hrm_rl.puzzles.toys.queens.rules import Queens
from hrm_rl.puzzles.verdicts import valid_optimal

FOUR, SIX = Queens(4), Queens(6)
SOLVED = FOUR.parse(".Q.. ...Q Q... ..Q.")


def board(columns: tuple[int, ...]) -> np.ndarray:
    """A queen in each row, at these columns."""
    values = np.zeros((len(columns), len(columns)), np.uint8)
    values[np.arange(len(columns)), columns] = 1
    return values.ravel()


def attacks(columns: tuple[int, ...]) -> bool:
    """Whether two queens, one a row, stand in line: by the distances of every pair."""
    return any(
        columns[a] == columns[b] or abs(columns[a] - columns[b]) == b - a
        for b in range(len(columns))
        for a in range(b)
    )


EVERY = {size: [p for p in permutations(range(size)) if not attacks(p)] for size in range(4, 8)}


@given(st.lists(st.integers(0, 5), min_size=6, max_size=6).map(tuple))
def test_an_answer_is_a_queen_a_row_that_attack_no_other(columns):
    answer_L, empty_L = board(columns), np.zeros(36, np.uint8)
    assert SIX.solved(empty_L[None], answer_L[None])[0] == (not attacks(columns))
    assert SIX.broken(empty_L, answer_L).any() == attacks(columns)


def test_an_answer_has_all_queens_and_keeps_those_that_stood():
    def solved(puzzle_L: np.ndarray, answer_L: np.ndarray) -> bool:
        return bool(FOUR.solved(puzzle_L[None], answer_L[None])[0])

    empty_L, first_L = FOUR.parse("." * 16), FOUR.parse(".Q.. .... .... ....")
    assert solved(first_L, SOLVED) and solved(SOLVED, SOLVED)
    assert not solved(empty_L, first_L)
    assert not solved(FOUR.parse("..Q. .... .... ...."), SOLVED)
    assert not solved(empty_L, 2 * SOLVED)


def test_broken_are_attacked_queens_and_cells_robbed_of_theirs():
    givens_L = SIX.parse("Q....." + "." * 30)
    cells_L = SIX.parse("..Q... ...... .....Q ..Q... Q..... .Q....")
    # 2 and 20 share a column, 24 and 31 a diagonal; 17 attacks none; the queen at 0 is gone
    assert np.flatnonzero(SIX.broken(givens_L, cells_L)).tolist() == [0, 2, 20, 24, 31]


@pytest.mark.parametrize("size", EVERY)
def test_the_solver_finds_all_solutions_and_no_other(size):
    found, _ = complete(np.zeros(size * size, np.uint8), size, limit=1000)
    assert {s.tobytes() for s in found} == {board(p).tobytes() for p in EVERY[size]}
    assert len(found) == len(EVERY[size]) == {4: 2, 5: 10, 6: 4, 7: 40}[size]


@pytest.mark.parametrize(("size", "first"), [(5, 2), (6, 1), (7, 6)])
def test_the_solver_completes_what_stands(size, first):
    puzzle_L = np.zeros(size * size, np.uint8)
    puzzle_L[first] = 1
    found, _ = complete(puzzle_L, size, limit=1000)
    assert {s.tobytes() for s in found} == {
        board(p).tobytes() for p in EVERY[size] if p[0] == first
    }


def test_guesses_are_counted_to_the_first_solution():
    assert complete(SOLVED, 4) == ([pytest.approx(SOLVED)], 0)
    # Rows are taken from the one with the fewest free cells. Row 0 has four: a guess; with a queen at
    # its left, row 1 has two: a guess, and both fail; with one further right each row has one.
    assert complete(FOUR.parse("." * 16), 4, limit=1)[1] == 2
    assert complete(FOUR.parse(".Q.. .... .... ...."), 4)[1] == 0
    assert complete(FOUR.parse("Q... .... .... ...."), 4) == ([], 1)
    assert complete(FOUR.parse("QQ.. .... .... ...."), 4) == ([], 0)


def test_generated_puzzles_can_be_completed_in_their_own_split_alone():
    task = Queens(8)
    seen = {}
    for split in ("train", "test", "fit"):
        puzzles = generate(task, 60, seed=1, split=split)
        values_PL = task.values(puzzles.inputs_PL)
        assert task.solved(values_PL, task.values(puzzles.solutions_PL)).all()
        assert set(np.count_nonzero(values_PL, axis=1)) == {1, 2, 3, 4, 5, 6}
        guesses = [complete(values_L, 8, limit=1)[1] for values_L in values_PL]
        assert puzzles.ratings_P.tolist() == guesses
        seen[split] = {canonical(values_L, 8).tobytes() for values_L in values_PL}
    assert (
        not seen["train"] & seen["test"] | seen["train"] & seen["fit"] | seen["test"] & seen["fit"]
    )
    knob = generate(task, 10, seed=1, knob=2)
    assert (np.count_nonzero(task.values(knob.inputs_PL), axis=1) == 2).all()


def test_puzzles_depend_on_seed_split_and_number_alone():
    task = Queens(10)
    whole = generate(task, 6, seed=1, knob=6).inputs_PL
    assert np.array_equal(whole[4:], generate(task, 2, seed=1, first=4, knob=6).inputs_PL)
    rows = [whole, generate(task, 6, seed=2, knob=6).inputs_PL]
    assert len(np.unique(np.concatenate(rows), axis=0)) == 12


@given(st.lists(st.booleans(), min_size=36, max_size=36), st.integers(0, 7))
def test_all_copies_of_a_puzzle_have_one_form_and_one_split(values, symmetry):
    grid = np.array(values, np.uint8).reshape(6, 6)
    moved = np.rot90(grid.T if symmetry >= 4 else grid, symmetry % 4)
    assert np.array_equal(canonical(moved.ravel(), 6), canonical(grid.ravel(), 6))
    assert split_of(moved.ravel(), 6) == split_of(grid.ravel(), 6)


def test_a_split_without_such_a_puzzle_says_so(monkeypatch):
    monkeypatch.setattr("hrm_rl.puzzles.toys.queens.generate.TRIES", 50)
    one = generate(FOUR, 1, seed=0, split=split_of(FOUR.parse(".Q.. .... .... ...."), 4), knob=1)
    assert one.inputs_PL.sum() == 17
    other = next(s for s in ("test", "fit", "train") if s != split_of(one.inputs_PL[0] - 1, 4))
    with pytest.raises(PuzzleError, match=f"no puzzle of queens4 .* split {other}; choose another"):
        generate(FOUR, 1, seed=0, split=other, knob=1)


# --- tensors --------------------------------------------------------------------------------------


@given(st.integers(0, 2**16 - 1), st.sampled_from(EVERY[6]), st.integers(0, 35), st.integers(0, 2))
def test_the_verdict_on_tensors_is_that_of_the_rules(shown, columns, cell, token):
    """Of a solution, in which perhaps one cell was changed, for a puzzle of some of its queens."""
    answer_L = board(columns)
    puzzle_L = answer_L * np.array([shown >> i % 16 & 1 for i in range(36)], np.uint8)
    prediction_L = SIX.tokens(answer_L)
    prediction_L[cell] = token
    x, p, y = (
        torch.from_numpy(part.astype(np.int64))[None]
        for part in (SIX.tokens(puzzle_L), prediction_L, SIX.tokens(board(EVERY[6][0])))
    )
    by_rules = SIX.solved(puzzle_L[None], SIX.values(prediction_L)[None])[0] and token != 0
    assert valid_optimal(SIX, x, p, y).tolist() == [bool(by_rules)]


def tensor(values_PL: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(SIX.tokens(values_PL).astype(np.int64))


def test_the_verdict_sees_every_attack():
    """Of a queen in each row and column, in all ways."""
    ways = list(permutations(range(6)))
    answers = tensor(np.stack([board(p) for p in ways]))
    empty = torch.ones_like(answers)
    assert valid_optimal(SIX, empty, answers, empty).tolist() == [not attacks(p) for p in ways]


def test_the_verdict_wants_the_queens_that_stood():
    """Every solution for every puzzle of one queen."""
    puzzles_PL = np.repeat(np.eye(36, dtype=np.uint8), 4, axis=0)
    answers_PL = np.tile(np.stack([board(p) for p in EVERY[6]]), (36, 1))
    verdicts = valid_optimal(SIX, tensor(puzzles_PL), tensor(answers_PL), tensor(answers_PL))
    assert verdicts.tolist() == SIX.solved(puzzles_PL, answers_PL).tolist()
    assert verdicts.sum() == 4 * 6


def test_turned_puzzles_have_turned_answers():
    task = Queens(8)
    puzzles = generate(task, 100, seed=0)
    tensors = (torch.from_numpy(part).long() for part in (puzzles.inputs_PL, puzzles.solutions_PL))
    before = Augmented(*tensors, torch.zeros(100, dtype=torch.long))
    moved = augment(task, before, torch.Generator().manual_seed(0))
    assert not torch.equal(moved.x_BL, before.x_BL)
    x_PL, y_PL = (task.values(part.numpy()) for part in moved[:2])
    assert task.solved(x_PL, y_PL).all()
    assert [canonical(x_L, 8).tobytes() for x_L in x_PL] == [
        canonical(x_L, 8).tobytes() for x_L in task.values(puzzles.inputs_PL)
    ]


def test_verdict_and_symmetries_read_nothing_from_the_device():
    task = Queens(8)
    x = torch.zeros(3, 64, dtype=torch.long, device="meta")
    assert valid_optimal(task, x, x, x).shape == (3,)
    moved = augment(task, Augmented(x, x, torch.zeros(3, dtype=torch.long, device="meta")))
    assert moved.x_BL.shape == (3, 64)


# --- the nearest answer ---------------------------------------------------------------------------

MIRRORED = FOUR.parse("..Q. Q... ...Q .Q..")
"""The other of the two answers of an empty board of four rows."""


def towards(values_L: np.ndarray, by: float) -> torch.Tensor:
    """Logits over (PAD, nothing, queen), the tokens of a board `by` above the others."""
    return torch.nn.functional.one_hot(torch.from_numpy(FOUR.tokens(values_L)).long(), 3) * by


def nearest_of_four(question: str, logits_LV: torch.Tensor) -> np.ndarray:
    x_BL = torch.from_numpy(FOUR.tokens(FOUR.parse(question))).long()[None]
    return FOUR.values(nearest(FOUR, x_BL, logits_LV[None], torch.zeros_like(x_BL))[0].numpy())


def test_the_nearest_answer_is_the_likeliest_by_hand():
    """A board is as likely as the product over its cells: one queen of logit 1 outweighs one of 0.9."""
    empty = "." * 16
    logits_LV = torch.zeros(16, 3)
    logits_LV[1, 2], logits_LV[2, 2] = 1.0, 0.9  # a queen of SOLVED, a queen of MIRRORED
    assert np.array_equal(nearest_of_four(empty, logits_LV), SOLVED)
    logits_LV[4, 2] = 0.2  # another queen of MIRRORED
    assert np.array_equal(nearest_of_four(empty, logits_LV), MIRRORED)
    logits_LV[4, 1] = 1.0  # though there is rather nothing
    assert np.array_equal(nearest_of_four(empty, logits_LV), SOLVED)


def test_the_nearest_answer_keeps_the_queens_that_stand():
    certain_LV = towards(MIRRORED, 9.0)
    assert np.array_equal(nearest_of_four("." * 16, certain_LV), MIRRORED)
    assert np.array_equal(nearest_of_four(".Q.." + "." * 12, certain_LV), SOLVED)
    assert not nearest_of_four("Q..." + "." * 12, certain_LV).any()  # none fits: what was stored


def test_every_answer_is_nearest_to_itself():
    answers_AL = every(6)
    assert {row.tobytes() for row in answers_AL} == {
        SIX.tokens(board(p)).tobytes() for p in EVERY[6]
    }
    y_BL = torch.from_numpy(answers_AL.copy()).long()
    x_BL = torch.ones_like(y_BL)
    logits_BLV = torch.nn.functional.one_hot(y_BL, 3).float()
    assert torch.equal(nearest(SIX, x_BL, logits_BLV, x_BL), y_BL)
    assert len(every(8)) == 92  # Gauss and Nauck, 1850


def test_the_nearest_answer_reads_nothing_from_the_device():
    x_BL = torch.ones(5, 64, dtype=torch.long, device="meta")
    logits_BLV = torch.zeros(5, 64, 3, device="meta")
    assert nearest(Queens(8), x_BL, logits_BLV, x_BL).shape == (5, 64)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Queens(3), "4 x 4 cells at least, got 3"),
        (
            lambda: generate(SIX, 1, seed=0, knob=6),
            "the knob of queens6 is the number of queens that stand already, 1 to 5, got 6",
        ),
        (lambda: generate(SIX, 1, seed=0, split="dev"), "split must be one of"),
    ],
)
def test_errors_say_what_and_got(make, message):
    with pytest.raises(PuzzleError, match=message):
        make()
