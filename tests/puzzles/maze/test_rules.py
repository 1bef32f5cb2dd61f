"""The rules of mazes: text, tokens, right answers, broken cells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mazes import any_shortest, drawn, random_maze, right

from hrm_rl.puzzles import PuzzleError, read_csv, task_of, write_csv
from hrm_rl.puzzles.maze.rules import Maze

FOUR = Maze(4)
QUESTION = "S.#./..../#..#/##.G"


def test_a_maze_by_hand():
    maze_L = FOUR.parse("S #     ## ##  G")
    assert maze_L.tolist() == [3, 2, 1, 2, 2, 2, 2, 2, 1, 1, 2, 1, 1, 2, 2, 4]
    assert FOUR.format(maze_L) == "S #     ## ##  G"
    assert FOUR.pretty(maze_L).splitlines() == [
        "+---------+",
        "| S   #   |",
        "|         |",
        "| # #   # |",
        "| #     G |",
        "+---------+",
    ]
    assert (FOUR.task, FOUR.kind, FOUR.length, FOUR.vocab) == ("maze4", "maze", 16, 6)
    assert (FOUR.rows, FOUR.columns) == (4, 4) and task_of("maze4") == FOUR


def test_lines_may_be_written_one_below_the_other():
    assert Maze(2).parse("S#\r\n G\n").tolist() == Maze(2).parse("S# G").tolist()


@given(st.lists(st.integers(1, 5), min_size=16, max_size=16))
def test_parse_undoes_format_and_tokens_are_the_values(values):
    values_L = np.array(values, np.uint8)
    assert np.array_equal(FOUR.parse(FOUR.format(values_L)), values_L)
    assert np.array_equal(FOUR.values(FOUR.tokens(values_L)), values_L)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("S" * 15, "a maze of 4x4 has 16 characters, got 15; write it row by row"),
        ("S" + "." * 14 + "G", "character 2 must be one of '# SGo' .*, got '.'"),
    ],
)
def test_bad_text_is_told(text, message):
    with pytest.raises(PuzzleError, match=message):
        FOUR.parse(text)


@pytest.mark.parametrize("side", [1, 65])
def test_sides_are_two_to_sixty_four(side):
    with pytest.raises(PuzzleError, match=rf"side must lie in 2\.\.64, got {side}"):
        Maze(side)


@pytest.mark.parametrize(
    ("answer", "solved", "broken"),
    [
        ("S.#./oo../#oo#/##oG", True, []),
        ("So#./.oo./#.o#/##oG", True, []),
        ("S.#./..../#..#/##.G", False, []),
        ("S.#./oo../#o.#/##oG", False, [9, 14]),  # a gap
        ("So#./oo../#oo#/##oG", False, [0, 5]),  # a fork, from S on
        ("S.#./o.../ooo#/##oG", False, [4, 8, 9]),  # through a wall
        ("S##./oo../#oo#/##oG", False, [1]),  # a wall more
        ("S.../oo../#oo#/##oG", False, [2]),  # a wall less
        ("S.#./oo../#oo#/##oo", False, [15]),  # the goal walked over
        ("S.#./oo../#oo#/GSoG", False, [12, 13]),  # ends moved
    ],
)
def test_answers_and_broken_cells_by_hand(answer, solved, broken):
    puzzle_L, answer_L = drawn(QUESTION), drawn(answer)
    assert FOUR.solved(puzzle_L[None], answer_L[None]).tolist() == [solved]
    assert np.flatnonzero(FOUR.broken(puzzle_L, answer_L)).tolist() == broken


def test_a_detour_is_whole_but_no_answer():
    puzzle_L = drawn("S.G/.../...")
    short_L, long_L = drawn("SoG/.../..."), drawn("S.G/ooo/...")
    pair_PL = np.stack([puzzle_L, puzzle_L])
    assert Maze(3).solved(pair_PL, np.stack([short_L, long_L])).tolist() == [True, False]
    assert not Maze(3).broken(puzzle_L, long_L).any()


def test_no_prediction_breaks_nothing():
    assert not FOUR.broken(drawn(QUESTION), np.zeros(16, np.uint8)).any()


@pytest.mark.parametrize("puzzle", ["S./.S", "S./..", "../.G", "G./.G"])
def test_what_has_no_start_or_goal_has_no_answer(puzzle):
    puzzle_L = drawn(puzzle)
    assert Maze(2).solved(puzzle_L[None], puzzle_L[None]).tolist() == [False]


@given(st.integers(2, 8), st.integers(0, 2**32 - 1))
def test_every_shortest_way_is_an_answer_and_a_changed_one_is_judged_by_walking(side, seed):
    rng = np.random.default_rng(seed)
    maze_L = random_maze(side, rng)
    whole_L = any_shortest(maze_L, side, rng)
    changed_L = whole_L.copy()
    changed_L[rng.integers(side**2)] = rng.integers(1, 6)
    verdicts = Maze(side).solved(np.stack([maze_L] * 2), np.stack([whole_L, changed_L]))
    assert verdicts.tolist() == [True, right(maze_L, changed_L, side)]
    assert not Maze(side).broken(maze_L, whole_L).any()


def test_the_official_file_both_ways(tmp_path):
    """Spaces at the ends of a question count; the rating is the cells of the way."""
    path = tmp_path / "mazes.csv"
    row = "here, S #    #  ## G , S # o  #oo## G ,5"
    path.write_text(f"source,question,answer,rating\n{row}\n")
    puzzles = read_csv(path)
    assert puzzles.task == "maze4" and puzzles.ratings_P.tolist() == [5]
    assert np.array_equal(puzzles.inputs_PL[0], drawn(".S.#/..../#..#/#.G."))
    write_csv(tmp_path / "again.csv", puzzles)
    assert (tmp_path / "again.csv").read_text() == path.read_text()
    path.write_text(path.read_text().replace("oo", "o "))
    with pytest.raises(PuzzleError, match="line 2: the answer does not solve the question"):
        read_csv(path)
