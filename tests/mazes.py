"""Mazes for tests, and the search of the textbook to check the quick ones against."""

from collections import deque

import numpy as np
from hypothesis import strategies as st

from hrm_rl.puzzles.maze.rules import FREE, GOAL, PATH, START, WALL, Maze


def search(free_L: np.ndarray, start: int, side: int) -> np.ndarray:
    """(L,) steps from cell `start` to each cell, -1 where none lead: a queue of single cells."""
    steps_L = np.full(side * side, -1)
    steps_L[start] = 0
    queue = deque([start])
    while queue:
        here = queue.popleft()
        for cell in beside(here, side):
            if free_L[cell] and steps_L[cell] < 0:
                steps_L[cell] = steps_L[here] + 1
                queue.append(cell)
    return steps_L


def beside(cell: int, side: int) -> list[int]:
    """The neighbours of a cell in the order down, left, right, up."""
    row, column = divmod(cell, side)
    near = [(row + 1, column), (row, column - 1), (row, column + 1), (row - 1, column)]
    return [r * side + c for r, c in near if 0 <= r < side and 0 <= c < side]


def right(puzzle_L: np.ndarray, answer_L: np.ndarray, side: int) -> bool:
    """A walk along the path, cell by cell, from start to goal, as short as the search says."""
    changed_L = answer_L != puzzle_L
    if not ((answer_L[changed_L] == PATH) & (puzzle_L[changed_L] == FREE)).all():
        return False
    (start,), (goal,) = np.flatnonzero(puzzle_L == START), np.flatnonzero(puzzle_L == GOAL)
    left, here, walked = set(np.flatnonzero(answer_L == PATH)) | {goal}, start, 0
    while here != goal:
        ahead = [cell for cell in beside(here, side) if cell in left]
        if len(ahead) != 1:
            return False
        here = ahead[0]
        left.remove(here)
        walked += 1
    return not left and walked == search(puzzle_L != WALL, start, side)[goal]


@st.composite
def grids(draw: st.DrawFn, sides: tuple[int, int] = (2, 7)) -> tuple[int, np.ndarray]:
    """A side, and which cells are free."""
    side = draw(st.integers(*sides))
    share = draw(st.sampled_from([0.5, 0.7, 0.9, 1.0]))
    seed = draw(st.integers(0, 2**32 - 1))
    return side, np.random.default_rng(seed).random(side * side) < share


def random_maze(side: int, rng: np.random.Generator, walls: float = 0.35) -> np.ndarray:
    """Values of a maze whose goal can be reached: start and goal are any two such cells."""
    while True:
        free_L = rng.random(side * side) >= walls
        start = int(rng.integers(side * side))
        ends = np.flatnonzero(free_L & (search(free_L, start, side) > 0))
        if free_L[start] and len(ends):
            maze_L = np.where(free_L, FREE, WALL).astype(np.uint8)
            maze_L[start], maze_L[rng.choice(ends)] = START, GOAL
            return maze_L


def any_shortest(maze_L: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """The maze with one of its shortest ways, each step of it drawn."""
    answer_L = maze_L.copy()
    (start,), (goal,) = np.flatnonzero(maze_L == START), np.flatnonzero(maze_L == GOAL)
    to_goal_L = search(maze_L != WALL, goal, side)
    here = start
    while to_goal_L[here] > 1:
        here = rng.choice([c for c in beside(here, side) if to_goal_L[c] == to_goal_L[here] - 1])
        answer_L[here] = PATH
    return answer_L


CROSSROADS = "#..../.S.#./..##./.###./....G"
"""Of all four steps from S a way of eight steps goes on to G."""


def drawn(text: str) -> np.ndarray:
    """Values of a maze in lines parted by "/", "." for free: `drawn("S./#G")`."""
    lines = text.split("/")
    return Maze(len(lines)).parse("".join(lines).replace(".", " "))
