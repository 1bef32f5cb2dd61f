"""Decisions made elsewhere: the halting of a model in training as an environment (`envs.training`).

Shapes: B slots, T tokens, L positions, D width, V vocabulary, F features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.features import SCALARS
from hrm_rl.models import AnyConfig
from hrm_rl.training.joint.learner import Draw, Memory, Memoryless, Seen, Segment, Terms


class LastSeen(NamedTuple):
    """What the next segment is compared with: `features.Seen` without the carry, which slots have."""

    prediction_BT: Int[Tensor, "B T"]
    log_p_BTV: Float[Tensor, "B T V"]
    scalars_BF: Float[Tensor, "B F"]
    change_BLD: Float[Tensor, "B L D"]


@dataclass(frozen=True)
class External(Memoryless):
    """Decides nothing, loses nothing; its memory is what observations need of the last segment.

    So the model's own head is not trained, and nothing but the sequence loss shapes the trunk.
    """

    model: AnyConfig

    explores = False  # whoever decides explores

    def begin(
        self, slots: int, width: int, device: torch.device, dtype: torch.dtype = torch.float32
    ) -> Memory:
        """What was seen of a first segment's past is not looked at: zeros are in its place."""
        c = self.model

        def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(slots, *shape, dtype=dtype, device=device)

        return LastSeen(
            prediction_BT=zeros(c.length, dtype=torch.int64),
            log_p_BTV=zeros(c.length, c.vocab),
            scalars_BF=zeros(len(SCALARS)),
            change_BLD=zeros(c.prefix + c.length, c.width),
        )

    def decide(self, memory: Memory, seen: Seen, draw: Draw) -> tuple[Bool[Tensor, " B"], Memory]:
        """Raises ValueError: `train` has nobody else to ask."""
        raise ValueError(
            'halting="external" waits for decisions from outside, and this loop has none; make the '
            "environment HRMSudokuTrain-v0, or name a learner"
        )

    def learn(self, memory: Memory, segment: Segment) -> tuple[Terms, Memory]:
        return {}, memory
