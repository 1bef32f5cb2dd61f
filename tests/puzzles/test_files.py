"""Files of puzzles as people have them: tables and texts, answers solved for, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.puzzles import PuzzleError, PuzzleSet, load, read, read_csv, task_of
from hrm_rl.puzzles.answer import MANY
from hrm_rl.puzzles.files import SOLVED_FOR, SUFFIXES
from hrm_rl.puzzles.source import source, splits

SET = load("sudoku4", "fit").take(range(3))
GAME = task_of("sudoku4")
QUESTIONS, ANSWERS = (
    [GAME.format(values_L) for values_L in GAME.values(tokens_PL)]
    for tokens_PL in (SET.inputs_PL, SET.solutions_PL)
)


def same(one: PuzzleSet, other: PuzzleSet = SET) -> bool:
    return np.array_equal(one.inputs_PL, other.inputs_PL) and np.array_equal(
        one.solutions_PL, other.solutions_PL
    )


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("puzzle,solution", "{q},{a}"),
        ("quizzes,solutions", "{q},{a}"),
        ("id,puzzle,solution,clues,difficulty", "7,{q},{a},5,2.2"),
        ("Solution;Puzzle", "{a};{q}"),
        ("solution\tpuzzle\trating", "{a}\t{q}\t3"),
        ("rating,answer,question,source", "0,{a},{q},me"),
        ('"question","answer"', '"{q}","{a}"'),
        ("", "{q},{a}"),
        ("", "{q} {a}"),
        ("source,question,answer,rating", "x,{q},,"),
        ("puzzle", "{q}"),
        ("", "{q}"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_by_their_names_in_any_order(
    tmp_path: Path, header: str, row: str, end: str
) -> None:
    rows = [row.format(q=q, a=a) for q, a in zip(QUESTIONS, ANSWERS, strict=True)]
    path = tmp_path / "set.csv"
    path.write_bytes(("\ufeff" + end.join([header, *rows] if header else rows) + end).encode())
    puzzles = read_csv(path)
    assert same(puzzles) and puzzles.task == "sudoku4"
    solved_for = [name.endswith(SOLVED_FOR) for name in puzzles.sources]
    assert solved_for == [("{a}" not in row)] * 3
    rating = {"id,puzzle,solution,clues,difficulty": 2, "solution\tpuzzle\trating": 3}
    assert puzzles.ratings_P.tolist() == [rating.get(header, 0)] * 3


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".SDM", ".sudoku", ""])
def test_every_suffix_names_a_file_without_splits(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mine{suffix}"
    path.write_text("\n".join(QUESTIONS))
    assert same(source(str(path), "test")) and splits(str(path)) == ()


@pytest.mark.slow
def test_many_are_solved_for_by_the_compiled_solver_too(tmp_path: Path) -> None:
    hard = load("sudoku9_minimal", "fit").take(range(MANY))
    game = task_of("sudoku9")
    path = tmp_path / "many.sdm"
    lines = [game.format(values_L) for values_L in game.values(hard.inputs_PL)]
    path.write_text("\n".join(lines))
    assert same(read(path), hard)
    path.write_text("\n".join([*lines, "12345678." + "." * 8 + "9" + "." * 63]))
    with pytest.raises(PuzzleError, match=rf"line {MANY + 1}: the puzzle has no solution"):
        read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{QUESTIONS[0]}\n{'.' * 16}\n", "line 2: the puzzle has several solutions"),
        (f"{QUESTIONS[0]}\n123....4........\n", "line 2: the puzzle has no solution"),
        (f"{QUESTIONS[0]}\n{QUESTIONS[1]},{ANSWERS[0]}\n", "line 2: the answer does not solve"),
        ("puzzle,solution\n" + f"{QUESTIONS[0]},{ANSWERS[0]},1\n", "line 2: a row has 2 fields"),
        (f"puzzle,rating\n{QUESTIONS[0]},nan\n", "line 2: the rating must be a whole number"),
        (f"puzzle,rating\n{QUESTIONS[0]},1e300\n", "line 2: the rating must be a whole number"),
        ("", "is empty; give a file"),
        ("hello\nworld\n", "line 1: the header must be .* got 'hello'"),
    ],
)
def test_what_cannot_be_used_is_named_by_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(PuzzleError, match=message) as error:
        read(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_other_puzzles_stand_apart_by_lines_or_empty_lines(tmp_path: Path) -> None:
    for name in ("maze8", "queens6:4:0", "parity9:4:0", "life5:4:0"):
        wanted = source(name, "test").take(range(3))
        game = task_of(wanted.task)
        questions = [game.values(tokens_L) for tokens_L in wanted.inputs_PL]
        path = tmp_path / "mine.txt"
        for text in (
            "\n\n".join(game.pretty(question_L) for question_L in questions),
            "\n".join(game.format(question_L) for question_L in questions),
        ):
            path.write_text(text)
            found = read(path, wanted.task)
            assert np.array_equal(found.inputs_PL, wanted.inputs_PL)
    (tmp_path / "maze.txt").write_text("S #\n # \n  G\n")
    assert read(tmp_path / "maze.txt").task == "maze3"


@given(
    text=st.text(alphabet="0123456789.,;\t\n\r\"'#SGo |+-puzleqstionrag\x00\ufeff", max_size=120)
)
def test_any_file_is_a_set_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    for beginning in ("", "puzzle,solution\n", "source,question,answer,rating\n"):
        path.write_bytes((beginning + text).encode())
        try:
            assert len(read(path)) > 0
        except PuzzleError as error:
            assert "\n" not in str(error) and "any.csv" in str(error)


@given(data=st.binary(max_size=60))
def test_any_bytes_are_a_set_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.sdm"
    path.write_bytes(data)
    with pytest.raises(PuzzleError) as error:
        read(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("coding", ["utf-16", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("name", ["p.txt", "p.csv"])
def test_a_byte_order_mark_says_how_a_text_was_saved(
    tmp_path: Path, coding: str, name: str
) -> None:
    head = "puzzle\r\n" if name.endswith("csv") else ""
    (tmp_path / name).write_bytes((head + "\r\n".join(QUESTIONS)).encode(coding))
    assert same(read(tmp_path / name))


@pytest.mark.parametrize("coding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_without_the_mark_it_is_said_what_it_may_be(tmp_path: Path, coding: str) -> None:
    (tmp_path / "p.txt").write_bytes("\n".join(QUESTIONS).encode(coding))
    with pytest.raises(PuzzleError, match=r"UTF-16 without its byte order mark.*save it as UTF-8"):
        read(tmp_path / "p.txt")


def test_half_a_character_behind_the_mark_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_bytes(QUESTIONS[0].encode("utf-16") + b"1")
    with pytest.raises(PuzzleError, match=r"is not UTF-16 text; save it as UTF-8$"):
        read(tmp_path / "p.txt")


@pytest.mark.parametrize("cell", ["x", "1", "*", "X"])
def test_a_mask_says_what_it_lacks(tmp_path: Path, cell: str) -> None:
    rows = ["".join(cell if (i + j) % 3 else "." for i in range(9)) for j in range(9)]
    (tmp_path / "p.msk").write_text("\n".join(rows))
    with pytest.raises(
        PuzzleError, match=r"is a mask: it says which cells.*give a file of puzzles"
    ):
        read(tmp_path / "p.msk")
    (tmp_path / "p.msk").write_text("\n".join(QUESTIONS))
    assert same(read(tmp_path / "p.msk")), "one whose cells have digits is a file of puzzles"


def test_spaces_for_blanks_in_a_file(tmp_path: Path) -> None:
    lines = [question.replace(".", " ") for question in QUESTIONS]
    (tmp_path / "p.txt").write_text("\n".join(lines))
    assert same(read(tmp_path / "p.txt"))
    (tmp_path / "p.csv").write_text("puzzle\n" + "\n".join(lines))
    assert same(read(tmp_path / "p.csv"))
