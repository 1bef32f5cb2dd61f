"""What statistics are computed of: numbers that are numbers, and columns of one length.

A nan would be ranked highest, or spread over every figure; so it is refused where it comes in.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def finite(name: str, values: Any, length: int | None = None) -> None:
    """Refuse an array that holds nan or infinity, or that has another length along its last axis.

    Raises:
        ValueError: in one sentence.
    """
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be a numpy array of numbers, got {_got(values)}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        wrong = values[~np.isfinite(values)]
        raise ValueError(
            f"{name} must be finite numbers, got {wrong[0]} ({wrong.size} of {values.size} are not)"
        )
    _length(name, values, length)


def truths(name: str, values: Any, length: int | None = None) -> None:
    """Refuse an array that is not of bools, or that has another length along its last axis.

    Raises:
        ValueError: in one sentence.
    """
    if not isinstance(values, np.ndarray) or values.dtype != bool:
        raise ValueError(f"{name} must be a numpy array of bools, got {_got(values)}")
    _length(name, values, length)


def segments(values: Any, correct_MP: np.ndarray) -> None:
    """Refuse segments that are not one for each puzzle in 1 .. M.

    Raises:
        ValueError: in one sentence.
    """
    truths("correct_MP", correct_MP)
    M, P = correct_MP.shape
    finite("segment_P", values, P)
    if P and not 1 <= values.min() <= values.max() <= M:
        raise ValueError(f"segments must be in 1..{M}, got {values.min()} to {values.max()}")


def _length(name: str, values: np.ndarray, length: int | None) -> None:
    if length is not None and (not values.ndim or values.shape[-1] != length):
        raise ValueError(f"{name} must have one value for each of {length}, got {values.shape}")


def _got(values: Any) -> str:
    return f"one of {values.dtype}" if isinstance(values, np.ndarray) else type(values).__name__
