"""What a halting learner of the joint regime is: the trainer knows no other thing about one.

A learner is a frozen dataclass of numbers. What it remembers is a flat named tuple of tensors that
the trainer hands it, saves and restores, so that a run resumes exactly.

Shapes: B slots, D width, M segments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Memory = Any
"""A flat named tuple of tensors, slots as first axis."""


Draw = Callable[[], Float[Tensor, " B"]]
"""Numbers drawn uniformly from [0, 1), one for each slot; each call draws anew."""


Price = float | Float[Tensor, ""]
"""What a continue costs in a step: a number where it is known beforehand, else one on the device."""


class Nothing(NamedTuple):
    """The memory of what has none."""


class Seen(NamedTuple):
    """What a decision may look at, without gradients: nothing here knows the solution."""

    q_B2: Float[Tensor, "B 2"]
    """The two outputs of the halting head."""
    z_BD: Float[Tensor, "B D"]
    """The vector that the head reads."""
    m_B: Int[Tensor, " B"]
    """Segments run, from 1."""
    residual_B: Callable[[], Float[Tensor, " B"]]
    """Norm of the last change of z_H over the norm of z_H."""


class Segment(NamedTuple):
    """One segment of all slots, as the trainer offers it: a transition to learn from."""

    seen: Seen
    q_B2: Float[Tensor, "B 2"]
    """`seen.q_B2` with gradients, into the trunk too where the run says so."""
    last_z_BD: Float[Tensor, "B D"]
    """The vector read a segment ago; means nothing at m = 1."""
    correct_B: Bool[Tensor, " B"]
    lm_B: Float[Tensor, " B"]
    """Sequence loss of each slot, without gradients."""
    halted_B: Bool[Tensor, " B"]
    """What was decided: the slot is dealt another puzzle after this."""
    free_B: Bool[Tensor, " B"]
    """Whether the learner's wish decided: it was neither before the minimum that was drawn for the slot,
    where all go on, nor at `max_segments`, where all halt."""
    max_segments: int
    """Where all halt at present: the learner's own `max_segments`, or fewer early in a run that grows."""
    head: Callable[[Float[Tensor, "*B D"]], Float[Tensor, "*B 2"]]
    """Reads vectors again, with gradients into the head only."""
    peek: Callable[[], Float[Tensor, "B 2"]]
    """Runs one more segment without gradients, with the same weights, and returns its outputs."""
    price: Price = 0.0
    """What a continue costs in this step."""
    total: Callable[[Tensor], Tensor] = lambda part: part
    """Sums over the processes of the run, all of which have to ask."""


Terms = dict[str, Float[Tensor, " B"]]
"""Named losses of each slot; the trainer adds their means times `q_weight`."""


class JointLearner(Protocol):
    @property
    def explores(self) -> bool:
        """Whether the trainer is to draw minimum numbers of segments (the paper's epsilon)."""

    @property
    def bias(self) -> tuple[float, float]:
        """What the two outputs of a new head start from."""

    def begin(
        self, slots: int, width: int, device: torch.device, dtype: torch.dtype = torch.float32
    ) -> Memory:
        """The memory of slots that were just dealt their first puzzles, in a model's `dtype`."""

    def decide(self, memory: Memory, seen: Seen, draw: Draw) -> tuple[Bool[Tensor, " B"], Memory]:
        """Which slots it wants to halt. The trainer halts all at `max_segments`."""

    def learn(self, memory: Memory, segment: Segment) -> tuple[Terms, Memory]:
        """What it makes of the segment: losses, and the memory that the next one comes with."""


class Memoryless:
    """What most learners have in common."""

    explores = True
    bias = (-5.0, -5.0)
    """Both near 0 as probabilities: nobody halts early (the public code)."""

    def begin(
        self, slots: int, width: int, device: torch.device, dtype: torch.dtype = torch.float32
    ) -> Memory:
        return Nothing()
