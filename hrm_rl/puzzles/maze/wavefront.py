"""Breadth-first search on square grids, each set of cells one Python integer.

Cell (row, column) is bit `row * (side + 1) + column`. The column too many is never free, so a step
is a shift of a whole wave, and nothing wraps around. Steps go up, down, left and right.

Shapes: S rows and columns, L cells read row by row.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool


def bits(cells_L: Bool[np.ndarray, " L"], side: int) -> int:
    """The marked cells as one integer."""
    wide_SS = np.zeros((side, side + 1), dtype=bool)
    wide_SS[:, :side] = cells_L.reshape(side, side)
    return int.from_bytes(np.packbits(wide_SS, bitorder="little").tobytes(), "little")


def cells(found: int, side: int) -> Bool[np.ndarray, " L"]:
    """The inverse of `bits`."""
    length = side * (side + 1)
    packed = np.frombuffer(found.to_bytes(-(-length // 8), "little"), np.uint8)
    wide = np.unpackbits(packed, count=length, bitorder="little").astype(bool)
    return wide.reshape(side, side + 1)[:, :side].ravel()


def single(found: int) -> Iterator[int]:
    """The cells of a set one by one, in reading order."""
    while found:
        first = found & -found
        yield first
        found ^= first


def nth(found: int, number: int) -> int:
    """Cell `number` of a set, counted from 0 in reading order."""
    for _ in range(number):
        found &= found - 1
    return found & -found


def waves(free: int, start: int, side: int) -> list[int]:
    """Element d: the free cells whose shortest way from `start` (a set, itself free) has d steps."""
    stride, left, wave = side + 1, free & ~start, start
    found = []
    while wave:
        found.append(wave)
        wave = (wave << 1 | wave >> 1 | wave << stride | wave >> stride) & left
        left ^= wave
    return found


def steps(free: int, start: int, goal: int, side: int) -> int:
    """Steps of a shortest way; -1 if there is none."""
    for distance, wave in enumerate(waves(free, start, side)):
        if wave & goal:
            return distance
    return -1


def way(free: int, start: int, goal: int, side: int) -> list[int]:
    """The cells of one shortest way, both ends included; empty if there is none.

    Of several it is the one that takes, at every cell from the start on, the first step that leads
    nearer to the goal in the order down, left, right, up: the public Maze-Hard set's, in all of its
    2,000 mazes.
    """
    stride = side + 1
    to_goal = waves(free, goal, side)
    distance = next((d for d, wave in enumerate(to_goal) if wave & start), -1)
    found = [start][: distance + 1]
    for wave in reversed(to_goal[: max(distance, 0)]):
        here = found[-1]
        nearer = (here << stride & wave, here >> 1 & wave, here << 1 & wave, here >> stride & wave)
        found.append(next(step for step in nearer if step))
    return found
