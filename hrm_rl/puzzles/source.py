"""Puzzle sets by name: shipped, from a CSV, or generated on the spot."""

from pathlib import Path

from hrm_rl.puzzles.sets import PuzzleSet, load, read_csv
from hrm_rl.puzzles.sudoku import PuzzleError


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
