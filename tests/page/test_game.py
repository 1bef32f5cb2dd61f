"""The game's rules in JavaScript against the library's, and numbers worked out by hand."""

from typing import Any

import numpy as np
import pytest
from javascript import ask, needs_node

from hrm_rl.puzzles import load
from hrm_rl.puzzles.sudoku.rules import Sudoku

pytestmark = needs_node


def game(size: int) -> dict[str, int]:
    rules = Sudoku(size)
    return {"size": size, "boxRows": rules.box_rows, "boxColumns": rules.box_cols}


def call(code: str, **value: Any) -> Any:
    return ask("game.js", code, value)


def said(text: str, size: int = 4) -> str:
    code = "try { page.parsed(value.text, value.game); } catch (e) { return e.message; }"
    return call(code, text=text, game=game(size))


def test_a_return_is_worth_what_it_should_be() -> None:
    code = "return value.list.map(([right, m]) => page.worth(right, m, 0.02))"
    found = call(code, list=[[True, 1], [True, 6], [False, 1], [False, 16]])
    assert found == pytest.approx([1.0, 0.9, 0.0, -0.3])


@pytest.mark.parametrize("size", [4, 6, 9])
def test_units_are_those_of_the_rules(size: int) -> None:
    found = call("return page.unitsOf(value.game)", game=game(size))
    assert {tuple(unit) for unit in found} == {tuple(sorted(u)) for u in Sudoku(size).units}
    assert len(found) == 3 * size


@pytest.mark.parametrize("size", [4, 6, 9])
def test_answers_are_judged_as_by_the_rules(size: int) -> None:
    """Right ones, and each with a cell changed: the givens and the units are looked at."""
    rules = Sudoku(size)
    puzzles = load("sudoku9_easy" if size == 9 else f"sudoku{size}", "test").take(range(6))
    random = np.random.default_rng(size)
    pairs = []
    for x_L, y_L in zip(puzzles.inputs_PL, puzzles.solutions_PL, strict=True):
        givens, answer = rules.values(x_L), rules.values(y_L)
        changed = answer.copy()
        cell = random.integers(len(answer))
        changed[cell] = changed[cell] % size + 1
        pairs += [(givens, answer), (givens, changed), (givens, givens)]
    found = call(
        "return value.pairs.map(([x, y]) => page.solves(x, y, value.game))",
        pairs=[[x.tolist(), y.tolist()] for x, y in pairs],
        game=game(size),
    )
    assert found == [bool(rules.is_solution(x, y)) for x, y in pairs]
    assert found[:2] == [True, False]


def test_conflicts_are_the_cells_that_repeat_a_digit() -> None:
    digits = [1, 0, 0, 1] + [0] * 4 + [0, 0, 2, 0] + [0, 0, 0, 2]
    found = call(
        "return [...page.conflicts(value.digits, value.game)]", digits=digits, game=game(4)
    )
    assert sorted(found) == [0, 3, 10, 15]


def test_text_is_read_as_people_write_it() -> None:
    code = "return page.parsed(value.text, value.game)"
    grid = "1.|.4\n0_|*2\n--+--\n34|..\n..|.1"
    expected = [1, 0, 0, 4, 0, 0, 0, 2, 3, 4, 0, 0, 0, 0, 0, 1]
    assert call(code, text=grid, game=game(4)) == expected


def test_what_is_no_puzzle_is_told_in_a_sentence() -> None:
    assert said("1..4") == (
        "A puzzle has 16 cells, and this text has 4: write . or 0 for each blank."
    )
    assert said("5" + "." * 15) == "“5” is no cell: write 1 to 4, and . or 0 for a blank."
    assert "has 81 cells, and this text has 0" in said("", 9)
    assert said("<b>", 9).startswith("“<” is no cell")


def test_rounds_repeat_and_hold_no_puzzle_twice() -> None:
    code = "return value.seeds.map((seed) => page.drawn(value.indices, 10, seed))"
    first, again, other = call(code, seeds=[7, 7, 8], indices=list(range(30)))
    assert first == again != other
    assert len(set(first)) == 10 and set(first) <= set(range(30))
    assert sorted(call(code, seeds=[1], indices=[4, 5])[0]) == [4, 5]


def test_every_puzzle_is_drawn_as_often_as_another() -> None:
    code = "return value.seeds.map((seed) => page.drawn([0, 1, 2, 3, 4], 1, seed)[0])"
    counts = np.bincount(call(code, seeds=list(range(2000))))
    assert counts.min() > 330 and counts.max() < 470  # 400, deviation 18


def test_predictions_are_the_most_likely_tokens() -> None:
    code = "return page.predicted(Float32Array.from(value.logits), 2)"
    found = call(code, logits=[0, 2, 0, 5, 5, -100])
    assert found["tokens"] == [1, 0]
    assert found["sure"] == pytest.approx([np.e**2 / (2 + np.e**2), 0.5], rel=1e-6)


@pytest.mark.parametrize(
    ("right", "words"),
    [
        ("0000", "it is never right within 4 segments"),
        ("0011", "it is right from segment 3 on"),
        ("0110", "it is right after segment 2, and loses the answer after segment 4"),
    ],
)
def test_it_is_said_when_the_answer_is_right(right: str, words: str) -> None:
    assert call("return page.whenRight(value.right)", right=right) == words
