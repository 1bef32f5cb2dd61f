"""Parity: rules, folding, the generator, shuffling."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.puzzles import PuzzleError
from hrm_rl.puzzles.augment import augment
from hrm_rl.puzzles.augmented import Augmented
from hrm_rl.puzzles.toys.parity.generate import generate
from hrm_rl.puzzles.toys.parity.rules import Parity

SIX = Parity(6)
VECTORS = st.lists(st.sampled_from("01"), min_size=2, max_size=6).map("".join)


def vector(text: str) -> np.ndarray:
    return SIX.parse(text.ljust(6, "."))


def test_a_vector_is_drawn_as_near_to_a_square_as_its_room_allows():
    assert [(Parity(n).rows, Parity(n).columns) for n in (2, 12, 13, 16)] == [
        (1, 2),
        (3, 4),
        (1, 13),
        (4, 4),
    ]
    assert (Parity(16).task, Parity(16).kind, Parity(16).length, Parity(16).vocab) == (
        "parity16",
        "parity",
        16,
        4,
    )


@given(VECTORS)
def test_the_answer_is_the_number_of_ones_modulo_two(text):
    answers = [vector(str(bit)) for bit in (0, 1)]
    right = [bool(SIX.solved(vector(text)[None], answer_L[None])[0]) for answer_L in answers]
    assert right == [text.count("1") % 2 == 0, text.count("1") % 2 == 1]


@given(VECTORS, st.integers(0, 5), st.integers(0, 2))
def test_any_other_cell_in_an_answer_is_wrong(text, cell, value):
    puzzle_L = vector(text)
    answer_L = SIX.folded(puzzle_L, 1)
    changed_L = answer_L.copy()
    changed_L[cell] = value
    assert SIX.solved(puzzle_L[None], answer_L[None])[0]
    assert SIX.solved(puzzle_L[None], changed_L[None])[0] == (value == answer_L[cell])


@pytest.mark.parametrize("text", ["......", "1.....", ".11...", "11.1.."])
def test_what_is_no_vector_has_no_answer(text):
    answers_PL = np.stack([vector("0"), vector("1")])
    assert not SIX.solved(np.stack([SIX.parse(text)] * 2), answers_PL).any()


def test_folding_by_hand():
    texts = [SIX.format(SIX.folded(vector("01101"), left)) for left in (5, 4, 3, 2, 1)]
    assert texts == ["01101.", "0111..", "010...", "01....", "1....."]


def test_broken_are_the_cells_unlike_the_vector_of_as_many_bits():
    def broken(text: str) -> list[int]:
        return np.flatnonzero(SIX.broken(vector("01101"), vector(text))).tolist()

    assert broken("01101") == broken("0111..") == broken("1.....") == []
    assert broken("0110..") == [3]  # folded, but wrongly
    assert broken("0.....") == [0]
    assert broken("01.11") == [2, 4]  # four bits: 0111
    assert broken("011011") == [5]  # more than there were
    assert broken("......") == [0]


def test_generated_vectors_are_right_and_need_as_many_folds_as_their_rating():
    task = Parity(16)
    puzzles = generate(task, 300, seed=3)
    values_PL = task.values(puzzles.inputs_PL)
    assert puzzles.task == "parity16"
    assert task.solved(values_PL, task.values(puzzles.solutions_PL)).all()
    assert np.array_equal(puzzles.ratings_P, np.count_nonzero(values_PL, axis=1) - 1)
    assert set(puzzles.ratings_P) == set(range(1, 16))
    ones = (values_PL == 2).sum() / (values_PL != 0).sum()
    assert ones == pytest.approx(0.5, abs=5 * 0.5 / np.count_nonzero(values_PL) ** 0.5)
    assert set(generate(task, 20, seed=3, knob=4).ratings_P) == {4}


def test_vectors_depend_on_seed_split_and_number_alone():
    task = Parity(64)
    whole = generate(task, 6, seed=1, knob=63).inputs_PL
    assert np.array_equal(whole[4:], generate(task, 2, seed=1, first=4, knob=63).inputs_PL)
    others = [
        generate(task, 6, seed=1, split=split, knob=63).inputs_PL for split in ("test", "fit")
    ]
    rows = [whole, generate(task, 6, seed=2, knob=63).inputs_PL, *others]
    assert len(np.unique(np.concatenate(rows), axis=0)) == 24


def test_shuffled_bits_are_the_same_bits_with_the_same_answer():
    task = Parity(16)
    puzzles = generate(task, 200, seed=0)
    tensors = (torch.from_numpy(part).long() for part in (puzzles.inputs_PL, puzzles.solutions_PL))
    before = Augmented(*tensors, torch.zeros(200, dtype=torch.long))
    after = augment(task, before, torch.Generator().manual_seed(0))
    assert torch.equal(after.x_BL.sort(1).values, before.x_BL.sort(1).values)
    assert not torch.equal(after.x_BL, before.x_BL)
    x_PL, y_PL = (task.values(part.numpy()) for part in after[:2])
    assert task.solved(x_PL, y_PL).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Parity(1), "room for 2 bits at least, got 1"),
        (lambda: SIX.parse("01"), "parity6 has 6 characters, 2 x 3, got 2; write it row by row"),
        (lambda: SIX.parse("012..."), "character 3 of parity6 must be one of '.01', got '2'"),
        (lambda: generate(SIX, 1, seed=-1), r"seed must be in \[0, 2\*\*32\), got -1"),
        (lambda: generate(SIX, 1, seed=0, split="dev"), "split must be one of .* got 'dev'"),
        (lambda: generate(SIX, -1, seed=0), "count and first must be >= 0, got -1 and 0"),
        (
            lambda: generate(SIX, 1, seed=0, knob=6),
            "the knob of parity6 is the number of folds, 1 to 5, got 6; or leave it out",
        ),
        (lambda: generate(SIX, 1, seed=0, knob=0), "1 to 5, got 0"),
    ],
)
def test_errors_say_what_and_got(make, message):
    with pytest.raises(PuzzleError, match=message):
        make()
