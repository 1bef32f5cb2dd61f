"""scripts/maze_laws.py: laws of mazes counted by hand, and what it says of files it cannot use."""

import sys
from pathlib import Path

import numpy as np
import pytest
from loading import module_of
from mazes import CROSSROADS, drawn

from hrm_rl.puzzles.answer import solution
from hrm_rl.puzzles.maze.rules import Maze

SCRIPT = Path(__file__).parents[2] / "scripts" / "maze_laws.py"


@pytest.fixture(scope="module")
def script():
    return module_of("maze_laws")


@pytest.mark.parametrize(
    ("maze", "expected"),
    [
        ("S../.../..G", 6),  # four steps, two of them down
        (CROSSROADS, 4),  # two by the left edge, two by the top
        ("G.S", 1),
        ("S#./##./..G", 0),
    ],
)
def test_ways_by_hand(script, maze, expected):
    rows = maze.split("/")
    text = "/".join(row.ljust(3, "#") for row in [*rows, "###", "###"][: max(len(rows), 3)])
    maze_L = drawn(text)
    assert script.ways(maze_L, round(len(maze_L) ** 0.5)) == expected


def test_laws_by_hand(script):
    maze_L = drawn(CROSSROADS)
    answer_L = solution(Maze(5), maze_L)
    found = script.laws(Maze(5), np.stack([maze_L, maze_L]), np.stack([answer_L, maze_L]))
    assert found.walls_P.tolist() == [7 / 25] * 2
    assert found.cells_P.tolist() == [9, 9] and found.ways_P.tolist() == [4, 4]
    assert found.apart_P.tolist() == [6, 6]
    assert found.start_P.tolist() == [1, 1] and found.goal_P.tolist() == [0, 0]
    assert found.above_P.all() and found.first_P.tolist() == [True, False]
    assert "| share of walls, mean ± deviation | 0.280 ± 0.000 |" in script.table({"ours": found})


def test_a_file_stands_beside_ours(script, tmp_path, monkeypatch, capsys):
    mazes_PL = np.stack([drawn(CROSSROADS)] * 3)
    np.savez(tmp_path / "set.npz", fit_inputs=mazes_PL, fit_labels=mazes_PL)
    command = ["maze_laws.py", "--ours", "maze8:4:0", "--theirs", str(tmp_path / "set.npz")]
    monkeypatch.setattr(sys, "argv", command)
    script.main()
    assert capsys.readouterr().out.startswith("| law | theirs (3) | ours (4) |")


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"inputs": np.zeros((2, 9))}, "it holds inputs"),
        ({"a_inputs": np.zeros((2, 9))}, "it holds a_inputs"),
        ({"a_inputs": np.zeros((2, 9)), "a_labels": np.zeros((1, 9))}, r"\(2, 9\) and \(1, 9\)"),
        ({"a_inputs": np.array([{}]), "a_labels": np.array([{}])}, "Object arrays cannot"),
        (None, "No such file"),
    ],
)
def test_other_files_are_refused(script, tmp_path, arrays, reason):
    if arrays is not None:
        np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(ValueError, match=rf"set.npz cannot be read \(.*{reason}.*give arrays NAME"):
        script.read_npz(tmp_path / "set.npz")
