"""Which random numbers a puzzle made to order is drawn from: those of its split, kind and number."""

from collections.abc import Sequence
from typing import Final

from hrm_rl.checks.numbers import did_you_mean
from hrm_rl.puzzles.task import PuzzleError

STREAMS: Final = {"train": 0, "test": 1, "fit": 2}
"""What a split adds to the number of a kind: no two splits draw the same random numbers."""

PARITY: Final = 1 << 16
LIFE: Final = 2 << 16
QUEENS: Final = 3 << 16
ARC: Final = 4 << 16
"""Kinds of streams (`rng.stream`), to which the split's is added; Sudoku has those below 1,000."""


MOST: Final = 10_000_000
"""Puzzles that can be ordered at once."""


def check_split(split: str, splits: Sequence[str]) -> None:
    """Refuse a split that is not there.

    Raises:
        PuzzleError: it names those that are.
    """
    if split not in splits:
        hint = did_you_mean(split, splits)
        raise PuzzleError(
            f"split must be one of {', '.join(splits)}, got {split!r}" + (hint and f"; {hint}")
        )


def check_order(count: int, seed: int, split: str, first: int = 0) -> None:
    """Refuse an order of puzzles that cannot be made.

    Raises:
        PuzzleError: no such split, a seed out of range, or a number of puzzles that is negative
            or huge.
    """
    check_split(split, tuple(STREAMS))
    if not 0 <= seed < 2**32:
        raise PuzzleError(f"seed must be in [0, 2**32), got {seed}")
    if count < 0 or first < 0:
        raise PuzzleError(f"count and first must be >= 0, got {count} and {first}")
    if count > MOST or first + count >= 2**32:
        raise PuzzleError(
            f"{MOST} puzzles at most are made at once, of the first 2**32, got {count} from {first} "
            "on; order fewer"
        )


def check_knob(task: str, meaning: str, knob: int | None, low: int, high: int) -> None:
    """Refuse a difficulty that puzzles of the task cannot have; None leaves it to chance.

    Raises:
        PuzzleError: the knob is not in low..high.
    """
    if knob is not None and not low <= knob <= high:
        raise PuzzleError(
            f"the knob of {task} is {meaning}, {low} to {high}, got {knob}; or leave it out"
        )
