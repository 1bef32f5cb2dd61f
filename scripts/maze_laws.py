"""The laws of mazes made here beside those of the public Maze-Hard set: walls, lengths, ways, ends.

    python scripts/maze_laws.py                              # 100 of ours; half a minute of one core
    python scripts/maze_laws.py --theirs FILE.npz            # and the public set

A .npz file holds pairs of arrays NAME_inputs and NAME_labels, (P, L) uint8, in the public tokens. It is
not part of this repository, and nothing else needs it.

Suffixes: P mazes, L cells read row by row.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hrm_rl.checks.reading import Unfit, told
from hrm_rl.puzzles import PuzzleError, task_of
from hrm_rl.puzzles.answer import solution
from hrm_rl.puzzles.maze import wavefront
from hrm_rl.puzzles.maze.rules import GOAL, PATH, START, WALL, Maze
from hrm_rl.puzzles.source import source


class Laws(NamedTuple):
    """What is measured of each maze."""

    walls_P: np.ndarray
    """Share of the cells."""
    cells_P: np.ndarray
    """Of a shortest way, both ends included."""
    ways_P: np.ndarray
    """How many shortest ways there are."""
    apart_P: np.ndarray
    """Rows and columns from start to goal."""
    start_P: np.ndarray
    """Cells from the start to the nearest edge."""
    goal_P: np.ndarray
    above_P: np.ndarray
    """Whether the start comes before the goal, read row by row."""
    first_P: np.ndarray
    """Whether the stored way is that of `wavefront.way`."""


def laws(task: Maze, inputs_PL: np.ndarray, answers_PL: np.ndarray) -> Laws:
    """The laws of a set, one number a maze.

    Raises:
        PuzzleError: there is no S, no G, or no way between.
    """
    rows = [_of_one(task, *pair) for pair in zip(inputs_PL, answers_PL, strict=True)]
    return Laws(*(np.array(column) for column in zip(*rows, strict=True)))


def _of_one(task: Maze, maze_L: np.ndarray, answer_L: np.ndarray) -> tuple[float, ...]:
    own_L, side = solution(task, maze_L), task.side
    start, goal = (int(np.flatnonzero(maze_L == end)[0]) for end in (START, GOAL))
    (y, x), (v, u) = divmod(start, side), divmod(goal, side)
    return (
        float((maze_L == WALL).mean()),
        int((own_L == PATH).sum()) + 2,
        float(ways(maze_L, side)),
        abs(y - v) + abs(x - u),
        min(y, x, side - 1 - y, side - 1 - x),
        min(v, u, side - 1 - v, side - 1 - u),
        start < goal,
        np.array_equal(own_L, answer_L),
    )


def ways(maze_L: np.ndarray, side: int) -> int:
    """How many shortest ways lead from start to goal: a sum over the cells before, wave by wave."""
    free, start, goal = (
        wavefront.bits(cells_L, side)
        for cells_L in (maze_L != WALL, maze_L == START, maze_L == GOAL)
    )
    stride, count = side + 1, {start: 1}
    for wave in wavefront.waves(free, start, side)[1:]:
        count = {
            cell: sum(
                count.get(before, 0)
                for before in (cell << 1, cell >> 1, cell << stride, cell >> stride)
            )
            for cell in wavefront.single(wave)
        }
        if goal in count:
            return count[goal]
    return 0


def spread(form: str) -> Callable[[np.ndarray], str]:
    return lambda x_P: f"{format(x_P.mean(), form)} ± {format(x_P.std(), form)}"


def percentiles(*at: int) -> Callable[[np.ndarray], str]:
    return lambda x_P: " / ".join(f"{value:.3g}" for value in np.percentile(x_P, at))


def share(x_P: np.ndarray) -> str:
    return f"{x_P.mean():.1%}"


LINES: tuple[tuple[str, str, Callable[[np.ndarray], str]], ...] = (
    ("share of walls, mean ± deviation", "walls_P", spread(".3f")),
    ("the same, least / 5 % / half / 95 % / most", "walls_P", percentiles(0, 5, 50, 95, 100)),
    ("cells of a shortest way, mean ± deviation", "cells_P", spread(".1f")),
    ("the same, least / half / 90 % / most", "cells_P", percentiles(0, 50, 90, 100)),
    ("shortest ways, 10 % / half / 90 %", "ways_P", percentiles(10, 50, 90)),
    ("rows and columns between S and G", "apart_P", spread(".1f")),
    ("cells from S to the edge", "start_P", spread(".2f")),
    ("cells from G to the edge", "goal_P", spread(".2f")),
    ("S is read before G", "above_P", share),
    ("the stored way is the first one: down, left, right, up", "first_P", share),
)


def table(columns: dict[str, Laws]) -> str:
    """Of one or more sets, as Markdown."""
    heads = [f"{name} ({len(found.walls_P)})" for name, found in columns.items()]
    lines = ["| law | " + " | ".join(heads) + " |", "| --- |" + " --- |" * len(heads)]
    for title, name, written in LINES:
        cells = [written(getattr(found, name)) for found in columns.values()]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def read_npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Questions and answers (P, L) of all splits of a file.

    Raises:
        PuzzleError: it cannot be read, or holds other arrays.
    """
    with (
        told(path, "give arrays NAME_inputs and NAME_labels, (P, L) uint8", PuzzleError),
        np.load(path, allow_pickle=False) as file,
    ):
        if not hasattr(file, "files"):
            raise Unfit("it is no .npz file")
        names = [name.removesuffix("_inputs") for name in file.files if name.endswith("_inputs")]
        if not names or {f"{name}_labels" for name in names} - {*file.files}:
            raise Unfit(f"it holds {', '.join(file.files) or 'nothing'}")
        inputs_PL, answers_PL = (
            np.concatenate([file[f"{name}_{part}"] for name in names])
            for part in ("inputs", "labels")
        )
        if inputs_PL.ndim != 2 or inputs_PL.shape != answers_PL.shape:
            raise Unfit(f"the shapes are {inputs_PL.shape} and {answers_PL.shape}")
    return inputs_PL, answers_PL


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ours", default="maze30:100:1:110", help="default: %(default)s")
    parser.add_argument("--theirs", type=Path, help="the public set, if it is there")
    options = parser.parse_args()
    try:
        ours = source(options.ours, "train")
        task = task_of(ours.task)
        if not isinstance(task, Maze):
            raise PuzzleError(f"--ours must be mazes, got {ours.task}")
        columns = {"ours": laws(task, ours.inputs_PL, ours.solutions_PL)}
        if options.theirs:
            inputs_PL, answers_PL = read_npz(options.theirs)
            side = Maze(round(inputs_PL.shape[1] ** 0.5))
            columns = {"theirs": laws(side, inputs_PL, answers_PL)} | columns
    except ValueError as error:
        parser.error(str(error))
    print(table(columns))


if __name__ == "__main__":
    main()
