"""Schedules: when to halt is settled before anything is seen, and nothing is learned.

Fixed numbers of segments are the baseline of every comparison. Random lengths drawn by the histogram
of another learner's are the control for it: what is left of the difference is adaptivity, and what
both gain over a fixed number is the schedule alone. A histogram for each part of the run copies how
those lengths drift, too.

Shapes: B slots, K parts of the run, M segments.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.training.joint.learner import Draw, Memory, Memoryless, Seen, Segment, Terms


@dataclass(frozen=True)
class Fixed(Memoryless):
    """Halt after `segments`, always."""

    segments: int

    explores = False

    def decide(self, memory: Memory, seen: Seen, draw: Draw) -> tuple[Bool[Tensor, " B"], Memory]:
        return seen.m_B >= self.segments, memory

    def learn(self, memory: Memory, segment: Segment) -> tuple[Terms, Memory]:
        return {}, memory


class Lengths(NamedTuple):
    """What `Random` remembers."""

    length_B: Int[Tensor, " B"]
    """Segments that the slot's present puzzle is given."""


@dataclass(frozen=True)
class Random:
    """Halt after a number of segments that is drawn when a puzzle is dealt."""

    weights: tuple[float, ...]
    """How often 1, 2, ... segments are to be drawn; any scale."""

    explores = False
    bias = Memoryless.bias

    def begin(
        self, slots: int, width: int, device: torch.device, dtype: torch.dtype = torch.float32
    ) -> Memory:
        return Lengths(torch.ones(slots, dtype=torch.int32, device=device))

    def decide(self, memory: Lengths, seen: Seen, draw: Draw) -> tuple[Bool[Tensor, " B"], Memory]:
        # Drawn at every segment, and kept at the first: a branch would have to ask the device.
        drawn_B = self.length(draw())
        length_B = torch.where(seen.m_B == 1, drawn_B, memory.length_B)
        return seen.m_B >= length_B, Lengths(length_B)

    def length(self, uniform_B: Float[Tensor, " B"]) -> Int[Tensor, " B"]:
        """The length at each place of [0, 1): the inverse of the histogram's distribution."""
        return inverted(uniform_B, bounds((self.weights,), uniform_B.device)[0])

    def learn(self, memory: Memory, segment: Segment) -> tuple[Terms, Memory]:
        return {}, memory


class Drift(NamedTuple):
    """What `Drifting` remembers."""

    length_B: Int[Tensor, " B"]
    """Segments that the slot's present puzzle is given."""
    step: Int[Tensor, ""]
    """Steps of the run so far."""


@dataclass(frozen=True)
class Drifting(Memoryless):
    """As `Random`, by another histogram in each of K equal parts of the run."""

    parts: tuple[tuple[float, ...], ...]
    steps: int
    """Of the run; those beyond belong to the last part."""

    explores = False

    def begin(
        self, slots: int, width: int, device: torch.device, dtype: torch.dtype = torch.float32
    ) -> Memory:
        length_B = torch.ones(slots, dtype=torch.int32, device=device)
        return Drift(length_B, torch.zeros((), dtype=torch.int64, device=device))

    def decide(self, memory: Drift, seen: Seen, draw: Draw) -> tuple[Bool[Tensor, " B"], Memory]:
        drawn_B = self.length(draw(), memory.step)
        length_B = torch.where(seen.m_B == 1, drawn_B, memory.length_B)
        return seen.m_B >= length_B, Drift(length_B, memory.step + 1)

    def length(self, uniform_B: Float[Tensor, " B"], step: Int[Tensor, ""]) -> Int[Tensor, " B"]:
        """The length at each place of [0, 1) by the histogram of this step, counted from 0."""
        bounds_KM = bounds(self.parts, uniform_B.device)
        part = (step * len(bounds_KM) // self.steps).clamp(max=len(bounds_KM) - 1)
        # No index that the host would have to know.
        return inverted(uniform_B, bounds_KM.index_select(0, part[None])[0])

    def learn(self, memory: Memory, segment: Segment) -> tuple[Terms, Memory]:
        return {}, memory


# --- pure functions -------------------------------------------------------------------------------


@cache
def bounds(parts: tuple[tuple[float, ...], ...], device: torch.device) -> Float[Tensor, "K M"]:
    """Where the distribution of each histogram ends its lengths: copied to the device once."""
    sums = [list(accumulate(weights)) for weights in parts]
    shares = [[bound / row[-1] for bound in row] for row in sums]
    return torch.tensor(shares, dtype=torch.float32, device=device)


def inverted(uniform_B: Float[Tensor, " B"], bounds_M: Float[Tensor, " M"]) -> Int[Tensor, " B"]:
    """The length at each place of [0, 1)."""
    return 1 + (uniform_B[:, None] >= bounds_M[:-1]).sum(1).to(torch.int32)
