"""Packed files: 46 bytes a puzzle, read as they were written, or refused in one sentence."""

import numpy as np
import pytest

from hrm_rl.puzzles import PuzzleError, read_csv
from hrm_rl.puzzles.sets import concat
from hrm_rl.puzzles.source import source, splits
from hrm_rl.puzzles.sudoku import generate, packed


@pytest.fixture
def puzzles():
    return concat([generate.minimal(30, seed=1), generate.easy(3, seed=1)])


@pytest.fixture
def path(puzzles, tmp_path):
    packed.write(tmp_path / "mine.npy", puzzles)
    return tmp_path / "mine.npy"


def test_what_is_written_is_read(path, puzzles):
    assert path.stat().st_size == 128 + 46 * (1 + len(puzzles))
    for read in (packed.read, read_csv, source):
        again = read(str(path))
        assert again.task == "sudoku9" and again.sources == puzzles.sources
        for part in ("inputs_PL", "solutions_PL", "ratings_P", "ids_P"):
            assert np.array_equal(getattr(again, part), getattr(puzzles, part))
    assert splits(str(path)) == ()
    assert [file.name for file in path.parent.iterdir()] == ["mine.npy"]


def test_a_bit_that_turned_is_noticed(path):
    content = bytearray(path.read_bytes())
    for place in range(128, len(content), 97):  # any byte of the seal and of the puzzles
        damaged = content.copy()
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(PuzzleError, match=r"cannot be read \(.*\); make it again with"):
            packed.read(path)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (np.zeros((3, 46), np.uint8), "it holds no packed puzzles"),
        (np.zeros((0, 46), np.uint8), "it holds no packed puzzles"),
        (np.zeros((3, 45), np.uint8), r"it has the shape \(3, 45\), must have \(any, 46\)"),
        (np.zeros((3, 46), np.int64), "it holds int64, must hold uint8"),
        (np.array([{}]), "nothing is unpickled"),
    ],
)
def test_other_arrays_are_refused(rows, reason, tmp_path):
    np.save(tmp_path / "other.npy", rows, allow_pickle=True)
    with pytest.raises(PuzzleError, match=reason):
        packed.read(tmp_path / "other.npy")


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [(0, 0x11, "row 2"), (5, 0x0A, "row 2"), (42, 1, "row 2"), (45, 6, "row 2")],
)
def test_rows_that_are_no_puzzles_are_refused_even_if_they_are_sealed(
    path, monkeypatch, column, value, reason
):
    puzzles, make = packed.read(path), packed._packed

    def forged(puzzles):
        rows = make(puzzles)
        rows[1, column] = value
        return rows

    monkeypatch.setattr(packed, "_packed", forged)
    packed.write(path, puzzles)
    with pytest.raises(PuzzleError, match=rf"{reason} \(counted from 0\) is no solved 9x9 Sudoku"):
        packed.read(path)


def test_a_file_that_is_cut_or_absent_is_told(path):
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(PuzzleError, match="it is cut short"):
        packed.read(path)
    path.unlink()
    with pytest.raises(PuzzleError, match=r"No such file"):
        packed.read(path)


def test_only_what_can_be_packed_is(tmp_path):
    with pytest.raises(PuzzleError, match=r"only 9x9 Sudoku of hrm_rl_forum.*, got hrm_rl_small"):
        packed.write(tmp_path / "a.npy", generate.small(4, 2, seed=1))
    with pytest.raises(PuzzleError, match="got 0 of sudoku9"):
        packed.write(tmp_path / "a.npy", generate.easy(0, seed=1))
    assert not list(tmp_path.iterdir())
