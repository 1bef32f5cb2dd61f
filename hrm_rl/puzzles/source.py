"""Puzzle sets by name: shipped, from a CSV, or generated on the spot."""

from pathlib import Path

from hrm_rl.puzzles.sets import PuzzleSet, load, read_csv
from hrm_rl.puzzles.sudoku import PuzzleError, for_length


def source(name: str, split: str = "train") -> PuzzleSet:
    """The puzzles that `name` stands for.

    Args:
        name: a shipped set ("sudoku9_hard"), the path of an official CSV (ending in .csv), or
            "minimal:100000:7": 100,000 generated puzzles of that kind (easy, minimal, hard), seed 7
        split: which split of a shipped set, or which stream of random numbers for a generated one.

    Raises:
        PuzzleError: no such set, file or kind.
    """
    if name.endswith(".csv"):
        return read_csv(Path(name))
    if ":" not in name:
        return load(name, split)
    from hrm_rl.puzzles import generate

    kinds = {"easy": generate.easy, "minimal": generate.minimal, "hard": generate.hard}
    kind, *numbers = name.split(":")
    if (
        kind not in kinds
        or len(numbers) != 2
        or not all(n.isdecimal() for n in numbers)
        or int(numbers[0]) < 1
    ):
        raise PuzzleError(
            'generated puzzles are named "kind:count:seed" '
            f'(kind: {", ".join(kinds)}), got "{name}"'
        )
    return kinds[kind](int(numbers[0]), seed=int(numbers[1]), split=split)


def for_model(length: int, name: str = "", split: str = "train", limit: int = 0) -> PuzzleSet:
    """Puzzles for a model that reads `length` cells: `source`, or the shipped set of that size.

    Args:
        limit: take only so many, evenly spread over the set (0: all).

    Raises:
        PuzzleError: there are none, or they have another size.
    """
    puzzles = source(name or for_length(length).task, split)
    if puzzles.length != length:
        raise PuzzleError(
            f"the puzzles have {puzzles.length} cells, the checkpoint was trained on {length}; "
            "choose puzzles of its size"
        )
    return puzzles.sample(limit) if 0 < limit < len(puzzles) else puzzles
