"""Arrays that are handed out: those of many slots come back when nobody holds them any more.

The C library gives blocks of a megabyte back to the system, which clears every page again at the next
step: at N = 65,536 half of the time of a step.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

import numpy as np

Empty = Callable[[tuple[int, ...], Any], np.ndarray]
"""Makes an array of a shape and number format, of any numbers, that is the caller's own."""
_FEW: Final = 1024
"""Slots whose arrays are small enough for the C library to keep."""
_SPARE: Final = 4
"""Arrays of one kind that are kept at most: those of a step, of the last one, and of an end."""


def _unheld() -> int:
    """References to an array of a list that nobody else holds, counted in a loop over the list.

    They are the list's, the loop's and the call's own, of which interpreters count more or fewer.
    """
    for array in [np.empty(0)]:
        count = sys.getrefcount(array)
    return count


_NOBODY: Final = _unheld()


def maker(slots: int) -> Empty:
    """What makes the arrays of so many slots."""
    if slots < _FEW:
        return np.empty
    known: dict[tuple[Any, Any], list[np.ndarray]] = {}

    def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """One that was handed out, if no reference to it is left: of a view or a tensor neither."""
        kept = known.setdefault((shape, dtype), [])
        for array in kept:
            if sys.getrefcount(array) == _NOBODY:
                return array
        array = np.empty(shape, dtype)
        if len(kept) < _SPARE:
            kept.append(array)
        return array

    return empty
