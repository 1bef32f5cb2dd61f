"""Puzzle sets: joining, taking, the official CSV and its errors."""

import numpy as np
import pytest

from hrm_rl.puzzles import PuzzleError, PuzzleSet, concat, load, read_csv, write_csv

HEADER = "source,question,answer,rating"
GOOD = "here,1...34.....3..2.,1234341221434321,7"


def four() -> PuzzleSet:
    return load("sudoku4", "fit").take(range(5))


def same(a: PuzzleSet, b: PuzzleSet) -> bool:
    return (
        (a.task, a.sources) == (b.task, b.sources)
        and np.array_equal(a.inputs_PL, b.inputs_PL)
        and np.array_equal(a.solutions_PL, b.solutions_PL)
        and np.array_equal(a.ratings_P, b.ratings_P)
    )


def test_a_row_by_hand(tmp_path):
    path = tmp_path / "one.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n")
    puzzles = read_csv(path)
    assert puzzles.task == "sudoku4" and puzzles.vocab == 6 and puzzles.length == 16
    assert puzzles.inputs_PL[0].tolist() == [2, 1, 1, 1, 4, 5, 1, 1, 1, 1, 1, 4, 1, 1, 3, 1]
    assert puzzles.solutions_PL[0, :4].tolist() == [2, 3, 4, 5]
    assert puzzles.ratings_P.tolist() == [7] and puzzles.sources == ("here",)
    assert puzzles.inputs_PL.dtype == np.uint8 and puzzles.ratings_P.dtype == np.int32


def test_write_then_read_is_the_same_set_and_zeros_are_blanks_too(tmp_path):
    path = tmp_path / "set.csv"
    write_csv(path, four())
    assert same(read_csv(path), four())
    assert [file.name for file in tmp_path.iterdir()] == ["set.csv"]
    path.write_text(path.read_text().replace(".", "0"))
    assert same(read_csv(path), four())


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text("old")
    broken = four()
    object.__setattr__(broken, "ratings_P", np.array(["x"] * 5))
    with pytest.raises(ValueError, match="invalid literal"):
        write_csv(path, broken)
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; give a file"),
        ("q,a\n1,2\n", "line 1: the header must be .* got 'q,a'"),
        (HEADER + "\n", "has no puzzles; give a file with at least one row"),
        (f"{HEADER}\n{GOOD}\nx,1,2\n", "line 3: a row has 4 fields .*, got 3; mend or delete"),
        (f"{HEADER}\nx,12,12,0\n", "line 2: a Sudoku has 16, 36, 81 cells, got 2"),
        (f"{HEADER}\nx\n", "line 2: a row has 4 fields .*, got 1; mend or delete"),
        (f"{HEADER}\n{GOOD}\n{GOOD.replace('1...', '7...')}\n", "line 3: character 1 must .* '7'"),
        (f"{HEADER}\n{GOOD}\n{GOOD.replace('1...', '1..')}\n", "line 3: .* 16 characters, got 15"),
        (
            f"{HEADER}\n{GOOD}\n{GOOD[:-1]}x\n",
            "line 3: the rating must be a whole number .* got 'x'",
        ),
        (f"{HEADER}\n{GOOD[:-1]}-1\n", "line 2: the rating must be a whole number .* got '-1'"),
        (
            f"{HEADER}\n{GOOD}\n{GOOD.replace('1...', '2...')}\n",
            "line 3: the answer does not solve",
        ),
        (f"{HEADER}\n{GOOD.replace('1234', '1243')}\n", "line 2: the answer does not solve"),
    ],
)
def test_a_bad_file_is_told_by_name_line_and_cure(tmp_path, text, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(PuzzleError, match=message) as error:
        read_csv(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_what_is_no_text_file_is_told_too(tmp_path):
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "binary.csv", tmp_path / "missing.csv", tmp_path):
        with pytest.raises(PuzzleError, match="cannot be read as a CSV file"):
            read_csv(path)


def test_concat_and_take_keep_the_rows_together():
    puzzles = concat([four(), four().take([4, 0])])
    assert len(puzzles) == 7
    assert same(puzzles.take([5, 6]), four().take([4, 0]))
    assert same(puzzles.take(np.arange(7) < 5), four())
    with pytest.raises(PuzzleError, match="one task can be joined, got sudoku4, sudoku9"):
        concat([four(), load("sudoku9_easy", "fit")])
    with pytest.raises(PuzzleError, match="got no sets"):
        concat([])


def test_a_sample_keeps_the_shares_of_joined_sets():
    sample = load("sudoku9", "fit").sample(30)
    kinds = [source.split("_")[2] for source in sample.sources]
    assert [kinds.count(kind) for kind in ("easy", "minimal", "hard")] == [10, 10, 10]


def test_sudoku9_joins_the_three_kinds():
    parts = [load(f"sudoku9_{kind}", "fit") for kind in ("easy", "minimal", "hard")]
    assert same(load("sudoku9", "fit"), concat(parts))


def test_unknown_names_are_answered_with_what_there_is():
    with pytest.raises(
        PuzzleError, match=r"one of maze8, sudoku4, sudoku6, sudoku9, sudoku9_easy, .*, got 'maze'"
    ):
        load("maze", "train")
    with pytest.raises(PuzzleError, match="split must be one of train, fit, test, got 'dev'"):
        load("sudoku4", "dev")


def test_shapes_must_agree():
    with pytest.raises(PuzzleError, match=r"inputs_PL of sudoku9 must have shape \(1, 81\)"):
        PuzzleSet("sudoku9", np.ones((1, 16)), np.ones((1, 16)), np.zeros(1), ("x",))
