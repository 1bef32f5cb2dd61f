"""What a bank on disk holds: which arrays, of which number format and shape."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from hrm_rl.models import ModelConfig

TIERS: Final = MappingProxyType(
    {
        "lite": ("scalars",),
        "head": ("scalars", "z_H"),
        "pool": ("scalars", "z_H", "z_H_pool"),
        "full": ("scalars", "z_H", "z_H_pool", "full"),
    }
)
"""Observation sets that a bank holds; "q" is a part of "scalars"."""
STATES: Final = ("float32", "float16")
"""Number formats of the states; all other floats are float32."""

Arrays = dict[str, tuple[str, list[int]]]
"""Name -> number format and shape without the puzzles."""


def arrays_of(
    config: ModelConfig, length: int, max_segments: int, tier: str, states: str, scalars: int
) -> Arrays:
    """The arrays of a bank of puzzles of `length` tokens; so many `scalars` are seen of a segment."""
    T, M, D = length, max_segments, config.width
    arrays: Arrays = {
        "inputs": ("uint8", [T]),
        "solutions": ("uint8", [T]),
        "rating": ("int32", []),
        "cluster": ("int64", []),
        "source": ("int32", []),
        "correct": ("bool", [M]),
        "cells": ("float32", [M]),
        "predictions": ("uint8", [M, T]),
    }
    positions = config.prefix + config.cells
    widths = {"scalars": scalars, "z_H": D, "z_H_pool": D, "full": 2 * positions * D}
    for name in TIERS[tier]:
        arrays[f"columns.{name}"] = ("float32" if name == "scalars" else states, [M, widths[name]])
    return arrays
