"""Puzzles by name: shipped, from a file, generated."""

import numpy as np
import pytest

from hrm_rl.puzzles import PuzzleError, load, write_csv
from hrm_rl.puzzles.source import source
from hrm_rl.puzzles.sudoku import generate


def test_a_name_is_a_shipped_set_a_file_or_an_order_to_the_generator(tmp_path):
    shipped = load("sudoku4", "fit")
    assert np.array_equal(source("sudoku4", "fit").inputs_PL, shipped.inputs_PL)
    path = tmp_path / "mine.csv"
    write_csv(path, shipped)
    assert np.array_equal(source(str(path)).inputs_PL, shipped.inputs_PL)
    made = generate.easy(3, seed=7, split="fit")
    assert np.array_equal(source("easy:3:7", "fit").inputs_PL, made.inputs_PL)


@pytest.mark.parametrize("name", ["easy:3", "easy:0:1", "easy:x:1", "odd:3:1", "easy:1:2:3"])
def test_an_order_that_makes_no_sense_is_told_how_to_write_one(name):
    with pytest.raises(PuzzleError, match=f'"kind:count:seed".*easy, minimal, hard.*got "{name}"'):
        source(name)
