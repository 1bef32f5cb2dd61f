"""What `hrm-rl solve` shows: givens, changes and conflicts, worked out by hand on small boards."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from hrm_rl.cli.grid import Sheet, coloured
from hrm_rl.puzzles import Sudoku
from hrm_rl.puzzles.kinds import task_of

GAME = Sudoku(4)
QUESTION = GAME.parse("1...|..1.|.2..|...4")
ANSWER = GAME.parse("1342" + "2413" + "4231" + "3124")


def sheet(colour: bool = False) -> Sheet:
    return Sheet.of(GAME, QUESTION, ANSWER, colour)


def test_the_question_has_its_givens_marked() -> None:
    assert sheet().question() == [
        "  1  1' .  | .  .",
        "  2  .  .  | 1' .",
        "    -------+-------",
        "  3  .  2' | .  .",
        "  4  .  .  | .  4'",
    ]
    assert sheet().legend() == "' given, * changed, ! breaks a rule"


def test_only_rows_that_changed_are_shown() -> None:
    """The new 1 of row 4 meets those of row 4, of column 3 (a given) and of its box (row 3)."""
    after = ANSWER.copy()
    after[14] = 1
    assert sheet().changes(ANSWER, after) == ["  4  3  1! | 1! 4'"]
    assert sheet().summary(ANSWER, after) == "1 changed, 4 in conflict"
    after[14], after[2] = 3, 2
    assert [line[:3] for line in sheet().changes(ANSWER, after)] == ["  1", "   ", "  4"]


def test_what_is_filled_and_what_is_changed() -> None:
    first, then = ANSWER, ANSWER.copy()
    then[1], then[2] = 4, 3
    assert sheet().summary(QUESTION, first) == "12 filled"
    assert sheet().summary(first, then) == "2 changed, 5 in conflict"
    assert sheet().summary(then, then) == "nothing changed, 5 in conflict"
    assert sheet().summary(first, first) == "nothing changed"
    assert sheet().changes(then, then) == []


def test_colours_take_the_place_of_marks() -> None:
    first, *_ = sheet(colour=True).question()
    assert first == "  1  \x1b[1m1\x1b[0m  .  | .  ."
    assert sheet(colour=True).legend() == ""
    after = ANSWER.copy()
    after[1] = 1
    (line,) = sheet(colour=True).changes(ANSWER, after)
    assert "\x1b[31m1\x1b[0m" in line and "!" not in line and "*" not in line


def test_a_maze_has_no_givens_to_mark_and_its_way_is_what_changed() -> None:
    game = task_of("maze4")
    question = game.parse("S  #" + "## #" + "#  #" + "# G#")
    answer = game.parse("Soo#" + "##o#" + "# o#" + "# G#")
    shown = Sheet.of(game, question, answer, False)
    assert shown.legend() == "* changed, ! breaks a rule"
    assert shown.changes(question, answer) == [
        "  1  S  o* o* #",
        "  2  #  #  o* #",
        "  3  #     o* #",
    ]


def test_an_arc_answer_is_shown() -> None:
    game = task_of("arc3")
    question, answer = np.full(9, 2, np.uint8), np.full(9, 3, np.uint8)
    assert len(Sheet.of(game, question, answer, False).changes(question, answer)) == 3


@pytest.mark.parametrize(
    ("terminal", "environment", "expected"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {}, False),
        (False, {"TERM": "xterm"}, False),
    ],
)
def test_colour_is_for_terminals_that_have_it(
    terminal: bool, environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert coloured() is expected
