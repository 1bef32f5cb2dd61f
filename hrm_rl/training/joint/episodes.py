"""What learners share that judge a whole episode: the vectors read in it, and what each was worth.

Such a learner halts a slot when hardly any of its halting probability is left, as PonderNet does in
training. Then the loss of the episode is taken, with the head as it is now on the vectors as they
were read: its gradient reaches the head only. The trunk's own rule, the sequence loss of every
segment with weight 1, is the same for all learners.

Shapes: B slots, M segments, D width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from hrm_rl.training.joint.learner import Memory, Seen, Segment


class Episode(NamedTuple):
    """Every slot's present episode. What is beyond its last segment is of an older one."""

    z_BMD: Float[Tensor, "B M D"]
    """The vectors that the head read."""
    cost_BM: Float[Tensor, "B M"]
    """What halting at each segment costs."""
    spent_B: Float[Tensor, " B"]
    """Halting probability used up when the decisions were made, by the heads of then."""


class Episodes:
    """A learner with an `Episode` as memory."""

    max_segments: int
    explores = False

    def begin(
        self, slots: int, width: int, device: torch.device, dtype: torch.dtype = torch.float32
    ) -> Memory:
        M = self.max_segments
        return Episode(
            torch.zeros(slots, M, width, dtype=dtype, device=device),
            torch.zeros(slots, M, dtype=dtype, device=device),
            torch.zeros(slots, dtype=dtype, device=device),
        )


def spent_before(memory: Episode, seen: Seen) -> Float[Tensor, " B"]:
    """What the present puzzle has used up before this segment."""
    return torch.where(seen.m_B == 1, 0, memory.spent_B)


def record(memory: Episode, segment: Segment, cost_B: Float[Tensor, " B"]) -> Episode:
    """The episode with this segment in its place."""
    at_BM = (
        torch.arange(1, memory.cost_BM.shape[1] + 1, device=cost_B.device)
        == (segment.seen.m_B[:, None])
    )
    return memory._replace(
        z_BMD=torch.where(at_BM[..., None], segment.seen.z_BD[:, None], memory.z_BMD),
        cost_BM=torch.where(at_BM, cost_B[:, None], memory.cost_BM),
    )
