"""Mazes made to order after Lehnert et al. 2024 ("Beyond A*", the procedure that the paper adopts).

A layout has between 30 and 50 % of its cells walled (a number drawn evenly, then that many cells),
start and goal are two of the free cells, and a maze is kept if its shortest way has enough cells,
ends included: as many as the grid has rows for Lehnert et al., and 110 on 30x30 for Maze-Hard, whose
difficulty "exceeds 110" (paper, "Benchmarks") and whose shortest ways have 110 cells, 109 steps.
Which of several shortest ways is stored is that set's law too (`wavefront.way`); how its other laws
compare is in docs/mazes.md. Lehnert et al. draw up to 100 pairs in a layout and keep them all; here
each maze has a layout of its own, and a layout comes up as often as it does there.

On one core 10x10 mazes take half a millisecond each, those of Maze-Hard a third of a second.

Puzzle i of a call with `first=k` is puzzle k + i of a call with `first=0`, and determined by (seed,
split, its number) alone. A layout and what symmetries make of it belong to one split for ever,
whatever the seed (`split_of`).
"""

from collections.abc import Iterator
from functools import cache

import numpy as np

from hrm_rl.puzzles.maze import wavefront
from hrm_rl.puzzles.maze.rules import FREE, GOAL, PATH, START, WALL, Maze
from hrm_rl.puzzles.sets import PuzzleSet
from hrm_rl.puzzles.streams import STREAMS, check_order
from hrm_rl.puzzles.task import PuzzleError

SHARES = ("train", "train", "test", "fit")
"""To which split a quarter of all layouts belongs."""
RARE = 3.5
"""Ways of more than `RARE` sides are so rare that layouts are looked through for them."""
CAP = 0.05
"""A layout with rare ways is taken with a probability in proportion to the share of its pairs of
cells that have one, which is what drawing a pair comes to. Shares above `CAP` count as `CAP`: for
Maze-Hard that takes 0.02 % of the weight away (79,501 layouts), on smaller grids up to 0.7 %."""
PATIENCE = 1_000_000
"""Layouts looked at for one maze before it is called impossible."""


def generate(
    task: Maze,
    count: int,
    *,
    seed: int,
    split: str = "train",
    knob: int | None = None,
    first: int = 0,
    unique: bool = False,
) -> PuzzleSet:
    """`count` mazes whose shortest way has at least `knob` cells (None: the side); rated by them.

    Args:
        unique: wall off the other shortest ways until the stored one is the only one. Without it
            the stored one of many is that of `wavefront.way`.

    Raises:
        PuzzleError: an argument is out of range, or there seem to be no such mazes.
    """
    least = task.side if knob is None else knob
    check_order(count, seed, split, first)
    _check(task, least)
    questions, answers, ratings = [], [], []
    for index in range(first, first + count):
        question_L, answer_L, cells = _maze(task, _Draws(seed, split, index), split, least, unique)
        questions.append(question_L)
        answers.append(answer_L)
        ratings.append(cells)
    shape = (count, task.length)
    source = "hrm_rl_maze" + "_unique" * unique
    return PuzzleSet(
        task.task,
        task.tokens(np.array(questions, dtype=np.uint8).reshape(shape)),
        task.tokens(np.array(answers, dtype=np.uint8).reshape(shape)),
        np.array(ratings, dtype=np.int32),
        (source,) * count,
    )


def _check(task: Maze, least: int) -> None:
    if task.length < 10:
        raise PuzzleError(f"a maze made to order has 4 rows or more, got {task.side}")
    if not 2 <= least <= task.length:
        raise PuzzleError(
            f"the least number of cells of a way must lie in 2..{task.length} on a {task.side}x"
            f"{task.side} maze, got {least}"
        )


class _Draws:
    """Random numbers of one puzzle: the raw bits of PCG64, which are the same in every numpy."""

    def __init__(self, seed: int, split: str, index: int) -> None:
        self.bits = np.random.PCG64(np.random.SeedSequence([seed, STREAMS[split], index]))

    def below(self, bound: int) -> int:
        """In [0, bound), bound < 2**32 (bias below bound / 2**32)."""
        return (int(self.bits.random_raw()) >> 32) * bound >> 32

    def all_but(self, chosen: int, count: int) -> np.ndarray:
        """(count,) bool: false at `chosen` places, any of them as likely as any others."""
        keys = self.bits.random_raw(count)
        return keys >= np.partition(keys, chosen)[chosen]


def _maze(
    task: Maze, draws: _Draws, split: str, least: int, unique: bool
) -> tuple[np.ndarray, np.ndarray, int]:
    """Question and answer (L,), and the cells of the way."""
    pair_of = _rare_pair if least > RARE * task.side else _pair
    for _ in range(PATIENCE):
        free_L = _layout(task, draws)
        if not unique and split_of(free_L, task.side) != split:
            continue
        free = wavefront.bits(free_L, task.side)
        pair = pair_of(draws, free, task.side, least - 1)
        if pair is None:
            continue
        way = wavefront.way(free, *pair, task.side)
        if unique:
            free = wall_off(free, way, task.side)
            if split_of(wavefront.cells(free, task.side), task.side) != split:
                continue
        return _written(task, free, way)
    raise PuzzleError(
        f"no {task.task} of {PATIENCE:,} had a shortest way of {least} cells or more; ask for less"
    )


def _layout(task: Maze, draws: _Draws) -> np.ndarray:
    """(L,) bool: the free cells."""
    tenth = task.length // 10
    walls = 3 * tenth + draws.below(2 * tenth + 1)
    return draws.all_but(walls, task.length)


def split_of(free_L: np.ndarray, side: int) -> str:
    """The split of a layout: the sum of its free cells' marks, a random number, decides."""
    return SHARES[int(_marks(side)[free_L].sum()) >> 62]


@cache
def _marks(side: int) -> np.ndarray:
    """(L,) uint64 at random, but equal for cells that a symmetry of the square swaps."""
    from_edge_S = np.minimum(np.arange(side), np.arange(side)[::-1])
    near_SS = np.minimum(from_edge_S[:, None], from_edge_S)
    far_SS = np.maximum(from_edge_S[:, None], from_edge_S)
    marks_L = np.random.PCG64(side).random_raw(side * side)
    return marks_L[near_SS * side + far_SS].ravel()


def _pair(draws: _Draws, free: int, side: int, far: int) -> tuple[int, int] | None:
    """Two free cells at random, if they are at least `far` steps apart."""
    count = free.bit_count()
    start, goal = draws.below(count), draws.below(count - 1)
    goal += goal >= start
    pair = wavefront.nth(free, start), wavefront.nth(free, goal)
    return pair if wavefront.steps(free, *pair, side) >= far else None


def _rare_pair(draws: _Draws, free: int, side: int, far: int) -> tuple[int, int] | None:
    """What `_pair` finds, as likely in one layout as compared to another, but `1 / CAP` times more.

    (But for layouts whose share of such pairs is above `CAP`.)
    """
    found = list(long_pairs(free, side, far))
    pairs = sum(goals.bit_count() for _, goals in found)
    count = free.bit_count()
    if draws.below(2**31) >= pairs / (count * (count - 1)) / CAP * 2**31:
        return None
    number = draws.below(pairs)
    for start, goals in found:
        if number < goals.bit_count():
            return start, wavefront.nth(goals, number)
        number -= goals.bit_count()
    return None


def long_pairs(free: int, side: int, far: int) -> Iterator[tuple[int, int]]:
    """Every free cell with cells at least `far` steps away, and these cells.

    Two cells are no farther apart than they are by way of a third. So if the farthest cell from a
    middle one is r steps away, only cells at least far - r steps from the middle can be ends of a
    long way, and if 2 r < far there are none: most layouts are done after one to four searches.
    """
    middle = side // 2 * (side + 2)
    while free.bit_count() > far:
        right = free >> middle << middle or free
        waves = wavefront.waves(free, right & -right, side)
        part = sum(waves)
        free ^= part
        if part.bit_count() <= far or 2 * (len(waves) - 1) < far:
            continue
        waves = wavefront.waves(part, _middle(part, waves[-1], side), side)
        radius = len(waves) - 1
        for distance in range(max(far - radius, 0), radius + 1):
            for start in wavefront.single(waves[distance]):
                goals = sum(wavefront.waves(part, start, side)[far:])
                if goals:
                    yield start, goals


def _middle(part: int, corner: int, side: int) -> int:
    """A cell half-way between two cells far apart: the farthest from anywhere, and its farthest."""
    there = wavefront.waves(part, corner & -corner, side)
    back = wavefront.waves(part, there[-1] & -there[-1], side)
    half = (len(there) - 1) // 2
    middle = there[half] & back[len(there) - 1 - half]
    return middle & -middle


def wall_off(free: int, way: list[int], side: int) -> int:
    """Free cells when every other shortest way is walled off, each at its first own cell.

    A walker on a shortest way steps nearer to the goal each time; wherever he is on `way`, the
    other such steps are walls now.
    """
    stride = side + 1
    to_goal = wavefront.waves(free, way[-1], side)
    for here, kept, nearer in zip(way, way[1:], reversed(to_goal[: len(way) - 1]), strict=False):
        beside = here >> stride | here << stride | here >> 1 | here << 1
        free &= ~(beside & nearer & ~kept)
    return free


def _written(task: Maze, free: int, way: list[int]) -> tuple[np.ndarray, np.ndarray, int]:
    question_L = np.where(wavefront.cells(free, task.side), FREE, WALL)
    question_L[wavefront.cells(way[0], task.side)] = START
    question_L[wavefront.cells(way[-1], task.side)] = GOAL
    answer_L = question_L.copy()
    answer_L[wavefront.cells(sum(way[1:-1]), task.side)] = PATH
    return question_L, answer_L, len(way)
