"""Tasks in the manner of ARC that we made up: each a rule, with as many pairs as one asks for.

They need nothing to be installed, and small models can learn them. Unlike ARC's own they are shown
in hundreds of pairs, so that nothing is said about learning from three.

Each pair is determined by (seed, split, its number, the side of the board) alone.
"""

import re
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np

from hrm_rl.puzzles.arc.format import ArcTask, Pair
from hrm_rl.puzzles.arc.rules import Arc, arc_of
from hrm_rl.puzzles.arc.sets import Collection, puzzle_set
from hrm_rl.puzzles.rng import below, shuffle, stream
from hrm_rl.puzzles.sets import PuzzleSet
from hrm_rl.puzzles.streams import ARC, STREAMS, check_knob, check_order
from hrm_rl.puzzles.task import PuzzleError

GREY, RED, YELLOW = 5, 2, 4
SMALLEST: Final = 4
"""Rows and columns that a question has at least."""
SHOWN: Final = 3
"""Pairs that show a rule to people."""


class Draw:
    """Random choices from a stream."""

    def __init__(self, rng: np.ndarray, largest: int) -> None:
        self.rng, self.largest = rng, largest

    def below(self, bound: int) -> int:
        return below(self.rng, bound)

    def colour(self, *but: int) -> int:
        """One of 1 to 9, other than these."""
        return [c for c in range(1, 10) if c not in but][self.below(9 - len(set(but)))]

    def shape(self, largest: int = 0) -> tuple[int, int]:
        """Rows and columns."""
        largest = largest or self.largest
        smallest = min(SMALLEST, largest)
        height, width = (smallest + self.below(largest - smallest + 1) for _ in range(2))
        return height, width

    def dots(self, grid: np.ndarray, share: int, *colours: int) -> None:
        """Colour every `share`-th free cell or so, and at least two, in these colours or any."""
        free = np.flatnonzero(grid == 0)
        shuffle(self.rng, free)
        for cell in free[: max(2, len(free) // share)]:
            grid.flat[cell] = colours[self.below(len(colours))] if colours else self.colour(GREY)


def fall(draw: Draw) -> Pair:
    """Everything falls to the bottom of its column."""
    question = np.zeros(draw.shape(), np.uint8)
    draw.dots(question, 4)
    answer = np.zeros_like(question)
    for column, old in zip(answer.T, question.T, strict=True):
        cells = old[old > 0]
        column[len(column) - len(cells) :] = cells
    return Pair(question, answer)


def rays(draw: Draw) -> Pair:
    """Every dot shines to the right until a grey wall or another dot."""
    question = np.zeros(draw.shape(), np.uint8)
    draw.dots(question, 7, GREY)
    draw.dots(question, 9)
    answer = question.copy()
    for row in answer:
        for i in range(1, len(row)):
            if row[i] == 0 and row[i - 1] not in (0, GREY):
                row[i] = row[i - 1]
    return Pair(question, answer)


def flood(draw: Draw) -> Pair:
    """The colour of the one dot flows over free cells, around the grey walls."""
    question = np.zeros(draw.shape(), np.uint8)
    draw.dots(question, 3, GREY)
    free = np.flatnonzero(question == 0)
    source, colour = free[draw.below(len(free))], draw.colour(GREY)
    question.flat[source] = colour
    answer, before = question.copy(), 0
    while before != (before := int((answer == colour).sum())):
        wet = np.pad(answer == colour, 1)
        beside = wet[:-2, 1:-1] | wet[2:, 1:-1] | wet[1:-1, :-2] | wet[1:-1, 2:]
        answer[beside & (answer == 0)] = colour
    return Pair(question, answer)


def rings(draw: Draw) -> Pair:
    """Every dot gets a ring of red around it."""
    question = np.zeros(draw.shape(), np.uint8)
    draw.dots(question, 16, draw.colour(GREY, RED))
    near = np.pad(question > 0, 1)
    height, width = question.shape
    ring = sum(near[i : i + height, j : j + width] for i in range(3) for j in range(3)) > 0
    return Pair(question, np.where(ring & (question == 0), RED, question).astype(np.uint8))


def mirror(draw: Draw) -> Pair:
    """The left half is mirrored into the right one."""
    height, width = draw.shape()
    half = np.zeros((height, width // 2), np.uint8)
    draw.dots(half, 2)
    middle = np.full((height, width % 2), GREY, np.uint8)
    question = np.hstack([half, middle, np.zeros_like(half)])
    return Pair(question, np.hstack([half, middle, half[:, ::-1]]))


def double(draw: Draw) -> Pair:
    """Every cell becomes two by two: the answer is larger than the question."""
    question = np.zeros(draw.shape(draw.largest // 2), np.uint8)
    draw.dots(question, 2)
    return Pair(question, question.repeat(2, axis=0).repeat(2, axis=1))


def cut(draw: Draw) -> Pair:
    """Only the coloured rectangle is kept: the answer is smaller than the question."""
    question = np.zeros(draw.shape(), np.uint8)
    height, width = (2 + draw.below(n - 2) for n in question.shape)
    top, left = (
        draw.below(n - m + 1) for n, m in zip(question.shape, (height, width), strict=True)
    )
    answer = np.full((height, width), draw.colour(YELLOW), np.uint8)
    answer[draw.below(height), draw.below(width)] = YELLOW
    question[top : top + height, left : left + width] = answer
    return Pair(question, answer)


def crossing(draw: Draw) -> Pair:
    """From the one dot lines of its colour run to all four sides; what they meet stays as it is."""
    question = np.zeros(draw.shape(), np.uint8)
    colour = draw.colour(GREY)
    draw.dots(question, 8, GREY)
    free = np.flatnonzero(question == 0)
    row, column = divmod(int(free[draw.below(len(free))]), question.shape[1])
    question[row, column] = colour
    answer = question.copy()
    answer[row, answer[row] == 0] = colour
    answer[answer[:, column] == 0, column] = colour
    return Pair(question, answer)


RULES: Final = MappingProxyType(
    {rule.__name__: rule for rule in (crossing, cut, double, fall, flood, mirror, rays, rings)}
)
"""Every rule by name, in the order of identifiers. A new one changes the identifiers of all after it."""


def made(rule: str, board: Arc, seed: int, split: str, index: int, largest: int = 0) -> Pair:
    """Pair number `index` of a rule."""
    kind = ARC + len(STREAMS) * list(RULES).index(rule) + STREAMS[split]
    draw = Draw(stream(seed, kind, index), largest or board.side)
    while True:
        pair = RULES[rule](draw)
        if not np.array_equal(*pair):
            return pair


def generate(
    task: Arc,
    count: int,
    *,
    seed: int,
    split: str = "train",
    first: int = 0,
    knob: int | None = None,
) -> PuzzleSet:
    """`count` pairs, the rules taking turns.

    Args:
        knob: rows and columns of the largest questions and answers; the board's if left out.
    """
    check_order(count, seed, split, first)
    check_knob(task.task, "the largest side of a grid", knob, SMALLEST, task.side)
    tasks, rules = shown(task), list(RULES)
    pairs, sources, ids = [], [], []
    for p in range(first, first + count):
        rule = rules[p % len(rules)]
        pairs.append(made(rule, task, seed, split, p // len(rules), knob or 0))
        sources.append(f"{rule} {split} {p // len(rules)}")
        ids.append(tasks.identifier(rule))
    return puzzle_set(task, pairs, sources, ids, tasks.shown())


@lru_cache(maxsize=4)
def shown(board: Arc, count: int = 8, seed: int = 0) -> Collection:
    """The rules as tasks of ARC: a few pairs that show each, and `count` asked pairs in all.

    These are the puzzles of the split "test".
    """
    tasks = [
        ArcTask(
            rule,
            tuple(made(rule, board, seed, "train", i) for i in range(SHOWN)),
            tuple(made(rule, board, seed, "test", i) for i in range(-(-(count - n) // len(RULES)))),
        )
        for n, rule in enumerate(RULES)
    ]
    return Collection(board, (), tuple(tasks))


def in_order(name: str) -> Collection:
    """The tasks of "arc6x7:200:0": 200 asked pairs with seed 0."""
    match = re.fullmatch(r"(arc\d+(?:x\d+)?):(\d+):(\d+)", name)
    if match is None:
        raise PuzzleError(f'made-up ARC tasks are named as in "arc6x7:200:0", got "{name}"')
    return shown(arc_of(match[1]), int(match[2]), int(match[3]))
