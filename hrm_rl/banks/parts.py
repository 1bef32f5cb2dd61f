"""What a bank is made of: parts of one length, finite numbers, and what can be logged at all.

Shapes: M segments, P puzzles, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from hrm_rl import features
from hrm_rl.checks.numbers import choice, whole
from hrm_rl.halting import MOST
from hrm_rl.loop import check_reads


def check_part(
    name: str, part: Tensor, starts: tuple[int, ...], kind: str, inner: bool = False
) -> None:
    """Refuse a part of another shape or dtype than the rest of the bank asks for.

    Args:
        starts: the lengths of its first axes.
        kind: "bools", "whole numbers" or "floats".
        inner: whether one more axis follows, of any length but 0.

    Raises:
        ValueError: in one sentence.
    """
    shape, axes = tuple(part.shape), len(starts) + inner
    if len(shape) != axes or shape[: len(starts)] != starts or 0 in shape:
        wanted = ", ".join([*map(str, starts), *["at least 1"] * inner])
        raise ValueError(
            f"{name} must have shape ({wanted}), as the other parts of the bank, got {shape}"
        )
    if _kind(part) != kind:
        raise ValueError(f"{name} must hold {kind}, got {str(part.dtype)[6:]}")


def _kind(part: Tensor) -> str:
    if part.dtype == torch.bool:
        return "bools"
    return "floats" if part.is_floating_point() else "whole numbers"


def finite(part: Tensor) -> bool:
    """Whether all numbers are. A sum tells in one pass, 30 times as fast as looking at each."""
    total = part.sum(dtype=torch.float64 if part.dtype == torch.float64 else torch.float32)
    return bool(total.isfinite()) or bool(part.isfinite().all())


def check_finite(name: str, part_MPF: Tensor) -> None:
    """Refuse a column with nan or infinity in it.

    Raises:
        ValueError: it says where the first one is.
    """
    if not finite(part_MPF):
        m, p, f = (~part_MPF.isfinite()).nonzero()[0].tolist()
        raise ValueError(
            f'number {f} of "{name}" is {float(part_MPF[m, p, f])} after segment {m + 1} of puzzle '
            f"{p}; a bank of such numbers says nothing: log it again with finite weights"
        )


def check_log(
    model: Any, puzzles: Any, max_segments: int, observations: Sequence[str], batch_size: int
) -> tuple[int, int]:
    """Both numbers, Python's own; what cannot be logged is refused before any segment is run.

    Raises:
        ValueError: no model, no puzzles that it reads, a number out of range, or an observation set
            that is none.
    """
    check_reads(model, puzzles)
    if not len(puzzles):
        raise ValueError("a bank holds at least one puzzle, got a set of none")
    for name in observations:
        choice("observation", name, features.OBSERVATIONS)
    return (
        whole("max_segments", max_segments, low=1, high=MOST),
        whole("batch_size", batch_size, low=1, high=MOST),
    )


def check_shown(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """A batch that was logged just now, whose columns are finite.

    Raises:
        ValueError: they are not.
    """
    for key, part in batch.items():
        if key.startswith("columns.") and not finite(part):
            segment = int((~part.isfinite()).flatten(1).any(1).int().argmax()) + 1
            raise ValueError(
                f'the model shows nan or infinity in "{key[8:]}" after segment {segment}; its weights '
                "are not finite, or it overflows: train it again, or run it in float32"
            )
    return batch
