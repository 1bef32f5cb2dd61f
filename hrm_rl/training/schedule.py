"""What grows along a run: how many segments a puzzle gets, and how many cycles a segment has.

A stage is named by the share of the run's steps at which it ends; what comes after the last one is
what the config says. Which stage a step is in follows from its number, so that nothing has to be saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hrm_rl.checks.numbers import real, whole
from hrm_rl.halting import MOST
from hrm_rl.models import AnyConfig
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.models.trm import TRMConfig

Segments = tuple[tuple[float, int], ...]
"""Share of the run at which a stage ends, and `max_segments` up to there."""
Cycles = tuple[tuple[float, int, int], ...]
"""Share of the run at which a stage ends, and `H_cycles` and `L_cycles` up to there."""


def growing_segments(stages: Any, most: int) -> Segments:
    """The stages, as Python's own numbers.

    Raises:
        ValueError: shares that do not rise between 0 and 1, or segments that fall.
    """
    name, found = "grow_segments", []
    for share, segments in _rising(name, stages, "a share and max_segments, as (0.3, 4)", 2):
        found.append((share, whole(f"max_segments of {name}", segments, low=1, high=MOST)))
    _refuse_falling(name, [(segments,) for _, segments in found] + [(most,)], "max_segments")
    return tuple(found)


def growing_cycles(stages: Any, model: AnyConfig) -> Cycles:
    """The stages, as Python's own numbers.

    Raises:
        ValueError: shares that do not rise between 0 and 1, cycles that fall, or a model without both
            kinds of cycles.
    """
    name, found = "grow_cycles", []
    form = "a share, H_cycles and L_cycles, as (0.3, 1, 2)"
    for share, *cycles in _rising(name, stages, form, 3):
        H_cycles, L_cycles = (
            whole(f"{kind} of {name}", count, low=1, high=MOST)
            for kind, count in zip(("H_cycles", "L_cycles"), cycles, strict=True)
        )
        found.append((share, H_cycles, L_cycles))
    if not found:
        return ()
    if not isinstance(model, HRMConfig | TRMConfig):
        raise ValueError(
            f"{name} is for HRM and TRM, whose segments have H_cycles of L_cycles, got "
            f"{type(model).__name__}; leave it out"
        )
    counts = [tuple(cycles) for _, *cycles in found] + [(model.H_cycles, model.L_cycles)]
    _refuse_falling(name, counts, "the model's H_cycles and L_cycles")
    return tuple(found)


def segments_at(stages: Segments, most: int, share: float) -> int:
    """`max_segments` after this share of the run's steps."""
    return next((segments for end, segments in stages if share < end), most)


def cycles_at(stages: Cycles, model: AnyConfig, share: float) -> AnyConfig:
    """The model's config, with the cycles that it has after this share of the run's steps."""
    for end, H_cycles, L_cycles in stages:
        if share < end:
            assert isinstance(model, HRMConfig | TRMConfig)
            return replace(model, H_cycles=H_cycles, L_cycles=L_cycles)
    return model


def _rising(name: str, stages: Any, form: str, parts: int) -> list[tuple[Any, ...]]:
    """The stages, which have so many parts each, the first of them a share that rises."""
    listed = list(stages) if _is_list(stages) else [stages]
    found: list[tuple[Any, ...]] = []
    for stage in listed:
        if not _is_list(stage) or len(stage) != parts:
            raise ValueError(f"{name} must be stages of {form}, got {stage!r:.60}")
        share = real(f"the share of {name}", stage[0], low=0, high=1, inside=True)
        if found and share <= found[-1][0]:
            raise ValueError(
                f"the shares of {name} must rise, got {share} after {found[-1][0]}; each says where "
                "its stage ends"
            )
        found.append((share, *stage[1:]))
    return found


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _refuse_falling(name: str, counts: Sequence[tuple[int, ...]], last: str) -> None:
    """Refuse counts that become less; the last are the config's own."""
    for before, after in pairwise(counts):
        if any(b > a for b, a in zip(before, after, strict=True)):
            got = [" and ".join(map(str, count)) for count in (before, after)]
            raise ValueError(
                f"{name} must not fall, nor end above {last}, got {got[0]} before {got[1]}; sort the "
                f"stages, or raise {last}"
            )
