"""Puzzle sets, names and sizes: what no set can be made of is refused in one sentence, at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hrm_rl.models.hrm import HRMConfig
from hrm_rl.puzzles import PuzzleError, PuzzleSet, load, task_of
from hrm_rl.puzzles.answer import answer
from hrm_rl.puzzles.source import for_model, source, splits
from hrm_rl.puzzles.sudoku.solver import count, only

FOUR = load("sudoku4", "fit").take(range(4))
NAMES = ("inputs_PL", "solutions_PL", "ratings_P", "ids_P")
HARD = ".....5.8....6.1.43..........1.5........1.6...3.......553.....61........4........."


def with_(name: str, array: object) -> PuzzleSet:
    parts = {field: getattr(FOUR, field) for field in NAMES} | {name: array}
    return PuzzleSet("sudoku4", sources=FOUR.sources, **parts)


@given(data=st.data())
def test_any_arrays_are_a_set_or_one_sentence(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(NAMES))
    shape = getattr(FOUR, name).shape if data.draw(st.booleans()) else (4, 2)
    dtypes = hnp.integer_dtypes() | hnp.floating_dtypes() | hnp.boolean_dtypes()
    array = data.draw(hnp.arrays(data.draw(dtypes), shape))
    try:
        made = getattr(with_(name, array), name)
    except PuzzleError as error:
        assert name in str(error) and "\n" not in str(error)
    else:
        assert np.array_equal(made, array), "nothing is cut or cast"
        assert made.dtype == getattr(FOUR, name).dtype
        assert name not in NAMES[:2] or made.max() < 6


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("inputs_PL", FOUR.inputs_PL.astype(float), "whole numbers, got dtype float64"),
        ("inputs_PL", FOUR.inputs_PL > 1, "whole numbers, got dtype bool"),
        ("solutions_PL", FOUR.solutions_PL + np.uint8(4), r"0 to 5, got [6-9] in row 0"),
        ("ratings_P", np.array([0, 1, 2, 2**40]), "got 1099511627776 in row 3"),
        ("ratings_P", np.array([0, -1, 2, 3]), "got -1 in row 1"),
        ("ids_P", np.array([0, 1, -1, 3]), "ids_P of sudoku4 must be 0 to .*, got -1 in row 2"),
        ("ids_P", np.zeros((4, 1), int), r"must have shape \(4,\)"),
    ],
)
def test_what_is_wrong_in_an_array_is_named(name: str, array: np.ndarray, message: str) -> None:
    with pytest.raises(PuzzleError, match=message):
        with_(name, array)


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([4], "there are 4 puzzles, numbered from 0, got index 4"),
        ([0, -5], "got index -5"),
        ([0.0], "by whole numbers, or by a mask of 4"),
        ([True], "by a mask of 4"),
        (["0"], "by whole numbers"),
        ([[0]], "by whole numbers"),
        (2, "by whole numbers"),
    ],
)
def test_indices_that_take_nothing(indices: object, message: str) -> None:
    with pytest.raises(PuzzleError, match=message):
        FOUR.take(indices)  # type: ignore[arg-type]
    assert len(FOUR.take([])) == 0 and len(FOUR.take([-1, 0])) == 2


@pytest.mark.parametrize("count", [-1, 1.5, "3", True, None])
def test_a_number_of_puzzles_that_is_none(count: object) -> None:
    with pytest.raises(ValueError, match="must be a whole number"):
        FOUR.sample(count)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="limit must be a whole number >= 0"):
        config = HRMConfig(6, 16, width=8, heads=1, task="sudoku4")
        for_model(config, limit=count)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("maze8:1000000000000:7", "at most are made at once, got 1000000000000"),
        ("easy:1000000000000:7", "10000000 puzzles of 81 cells at most"),
        ("maze64:1000000:0", "524288 puzzles of 4096 cells at most"),
        ("maze8:9" + "9" * 100 + ":7", "kind:count:seed"),
        ("maze8:9" + "9" * 5000 + ":7", "1 to 200 characters, got 'maze8:99"),
        ("", "1 to 200 characters, got ''"),
        ("a\0b", "1 to 200 characters"),
        ("maze8:-5:7", "kind:count:seed"),
        ("maze8:nan:7", "kind:count:seed"),
        ("maze8:10:7:nan", "kind:count:seed"),
        ("maze8:1.5:7", "kind:count:seed"),
        ("maze8:10:4294967296", r"seed must be in \[0, 2\*\*32\)"),
        ("maze8:10:7:20:1", "kind:count:seed"),
        ("maze8::7", "kind:count:seed"),
        ("maz8:10:7", 'did you mean "maze"'),
        ("eassy:10:7", 'did you mean "easy"'),
        ("queens1000000:1:0", "size of queens1000000 must be at most 64"),
        ("life999999999:1:0", "must be at most 64"),
        ("parity99999:1:0", "must be at most 4096"),
        ("maze9999:1:0", "side must lie in 2..64"),
        ("maze99999999999:1:0", "named by its kind"),
        ("queens8:1:0:99", "1 to 7, got 99"),
        ("sudoko9", "got 'sudoko9'; did you mean \"sudoku9\""),
        ("sudoku9-hard", 'did you mean "sudoku9_hard"'),
        ("nowhere.txt", "'nowhere.txt' cannot be read: no such file"),
        ("nowhere/set", "no such file: 'nowhere/set'"),
        ("tasks.json", 'named "arc:FILE"'),
    ],
)
def test_names_that_stand_for_nothing(name: str, message: str) -> None:
    with pytest.raises(PuzzleError, match=message) as error:
        source(name, "test")
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


def test_splits_by_name() -> None:
    assert (
        splits("sudoku4") == splits("maze9:10:0") == splits("parity8") == ("train", "test", "fit")
    )
    assert splits("arc1:side=10") == splits("demos:arc1") == ("train", "test")
    with pytest.raises(PuzzleError, match="got 'tset'; did you mean \"test\""):
        source("sudoku4", "tset")
    with pytest.raises(PuzzleError, match="got 'tets'; did you mean \"test\""):
        source("maze9:10:0", "tets")
    with pytest.raises(PuzzleError, match="puzzles must be one of"):
        splits("chess")


def test_tasks_with_a_slip_in_their_name() -> None:
    with pytest.raises(PuzzleError, match='got "suduko9"; did you mean "sudoku"'):
        task_of("suduko9")
    for name in ("sudoku", "sudoku99999999999", "sudoku٩", "", "x"):
        with pytest.raises(PuzzleError, match="named by its kind"):
            task_of(name)


def test_a_search_that_has_to_end() -> None:
    """The first two have very many solutions, the last none, which a search takes hours to prove."""
    sudoku = task_of("sudoku9")
    for text in ("." * 81, "1" + "." * 79 + "2"):
        assert count(sudoku.parse(text), 9) == 2
        with pytest.raises(PuzzleError, match="several solutions"):
            answer(sudoku, text)
    from hrm_rl.puzzles.sudoku import solver

    with pytest.raises(PuzzleError, match="given up after 200 guesses, with no solution found"):
        solver.solve(sudoku.parse(HARD), 9, most=200)
    with pytest.raises(PuzzleError, match="contradict each other"):
        only(sudoku.parse("11" + "." * 79))
    for name in ("queens4", "queens24"):
        queens = task_of(name)
        empty_L = queens.parse("." * queens.length)
        assert queens.solved(empty_L[None], answer(queens, queens.format(empty_L))[None]).all()
    maze = task_of("maze20")
    empty = "S" + " " * 398 + "G"
    assert (answer(maze, empty) == 5).sum() == 37


@given(
    name=st.sampled_from(["sudoku4", "maze3", "queens4", "parity9", "life5", "arc4", "demos3x1"]),
    text=st.text(alphabet="0123456789.|+-#SGoOQx \n\r\ufeff\u0661", max_size=60),
)
def test_any_text_is_a_puzzle_or_one_sentence(name: str, text: str) -> None:
    game = task_of(name)
    try:
        values_L = game.parse(text)
    except PuzzleError as error:
        assert "\n" not in str(error)
    else:
        assert values_L.shape == (game.length,) and game.tokens(values_L).max() < game.vocab


def test_printed_grids_are_read_back() -> None:
    for name in ("maze8", "queens6:4:0", "parity9:4:0", "life5:4:0"):
        puzzles = source(name, "test").take(range(4))
        game = task_of(puzzles.task)
        for values_L in game.values(np.concatenate([puzzles.inputs_PL, puzzles.solutions_PL])):
            for text in (
                game.pretty(values_L),
                "\ufeff" + game.pretty(values_L).replace("\n", "\r\n"),
            ):
                assert np.array_equal(game.parse(text), values_L)
    arc = task_of("arc5")
    grid = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    assert np.array_equal(arc.parse(arc.pretty(arc.board(grid))), arc.board(grid))
