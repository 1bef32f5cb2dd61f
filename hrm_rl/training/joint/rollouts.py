"""What actor-critics share: decisions drawn by the policy, kept for T segments, with their advantages.

One rollout is filled while the one before it is learned from, so that every optimiser step of the
run, one per segment, can be an update of the head too. Vectors are kept as they were read: gradients
reach the head only. Advantages are not normalised: the gradient is a mean over slots, and that of a
batch split over processes is that of the whole.

Shapes: B slots, T segments of a rollout, D width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.statistics.survival import coin_entropy, log_probability
from hrm_rl.training.halting_losses import rare_halt
from hrm_rl.training.joint.learner import Draw, Memory, Seen, Segment, Terms


class Rollouts(NamedTuple):
    """The rollout being filled, and, as `old_*`, the last that was completed."""

    steps: Int[Tensor, ""]
    """Segments seen, from the first of the run."""
    z_BTD: Float[Tensor, "B T D"]
    halted_BT: Bool[Tensor, "B T"]
    free_BT: Bool[Tensor, "B T"]
    """Whether there was a choice: at the last segment there is none."""
    log_p_BT: Float[Tensor, "B T"]
    """Of the action, by the policy that drew it."""
    reward_BT: Float[Tensor, "B T"]
    value_BT: Float[Tensor, "B T"]
    old_z_BTD: Float[Tensor, "B T D"]
    old_halted_BT: Bool[Tensor, "B T"]
    old_free_BT: Bool[Tensor, "B T"]
    old_log_p_BT: Float[Tensor, "B T"]
    old_advantage_BT: Float[Tensor, "B T"]
    old_return_BT: Float[Tensor, "B T"]
    """Advantage plus value: what the value is to become."""


@dataclass(frozen=True)
class ActorCritic(ABC):
    """The head's outputs are the logit of P(halt) and the value of the segment.

    A reward is 1{correct} for a halt and -step_cost for a continue; gamma is 1. At the last
    segment both actions halt: the segment's value is learned there, and no policy.
    """

    max_segments: int
    step_cost: float = 0.0
    length: int = 16
    """T."""
    decay: float = 0.95
    """Lambda of the generalised advantages."""
    value_weight: float = 0.5
    entropy: float = 0.0
    """Bonus per nat of a decision's entropy."""

    explores = False

    @property
    def bias(self) -> tuple[float, float]:
        return rare_halt(self.max_segments), 0.0

    def begin(
        self, slots: int, width: int, device: torch.device, dtype: torch.dtype = torch.float32
    ) -> Memory:
        z_BTD = torch.zeros(slots, self.length, width, dtype=dtype, device=device)
        number_BT = torch.zeros(slots, self.length, dtype=dtype, device=device)
        flag_BT = torch.zeros(slots, self.length, dtype=torch.bool, device=device)
        return Rollouts(
            torch.zeros((), dtype=torch.int64, device=device),
            z_BTD, flag_BT, flag_BT, number_BT, number_BT, number_BT,
            z_BTD, flag_BT, flag_BT, number_BT, number_BT, number_BT,
        )  # fmt: skip

    def decide(self, memory: Rollouts, seen: Seen, draw: Draw) -> tuple[Bool[Tensor, " B"], Memory]:
        return draw() < seen.q_B2[:, 0].sigmoid(), memory

    def learn(self, memory: Rollouts, segment: Segment) -> tuple[Terms, Memory]:
        due = self.due(memory.steps)
        memory = self._put(self._complete(memory, segment.seen.q_B2[:, 1]), segment)
        logit_BT, value_BT = segment.head(memory.old_z_BTD).unbind(-1)
        log_p_BT = log_probability(logit_BT, memory.old_halted_BT)
        gain_BT = self.surrogate(log_p_BT, memory.old_log_p_BT, memory.old_advantage_BT)
        gain_BT = torch.where(
            memory.old_free_BT, gain_BT + self.entropy * coin_entropy(logit_BT), 0
        )
        error_BT = (value_BT - memory.old_return_BT) ** 2
        return {
            "policy": torch.where(due, -gain_BT.mean(1), 0),
            "value": torch.where(due, self.value_weight * error_BT.mean(1), 0),
        }, memory

    @abstractmethod
    def due(self, steps: Int[Tensor, ""]) -> Bool[Tensor, ""]:
        """Whether the last complete rollout is learned from after so many segments."""

    @abstractmethod
    def surrogate(self, log_p_BT: Tensor, old_log_p_BT: Tensor, advantage_BT: Tensor) -> Tensor:
        """What is to grow at each decision."""

    def _complete(self, memory: Rollouts, value_B: Float[Tensor, " B"]) -> Rollouts:
        """At the first segment behind a rollout, whose value it ends with, it becomes the old one."""
        full = memory.steps % self.length == 0
        advantage_BT = advantages(
            memory.reward_BT, memory.halted_BT, memory.value_BT, value_B, self.decay
        )
        new = {
            "z_BTD": memory.z_BTD,
            "halted_BT": memory.halted_BT,
            "free_BT": memory.free_BT,
            "log_p_BT": memory.log_p_BT,
            "advantage_BT": advantage_BT,
            "return_BT": advantage_BT + memory.value_BT,
        }
        old = {f"old_{name}": value for name, value in new.items()}
        return memory._replace(
            **{name: torch.where(full, old[name], getattr(memory, name)) for name in old}
        )

    def _put(self, memory: Rollouts, segment: Segment) -> Rollouts:
        """The rollout being filled, with this segment in its place."""
        q_B2, halted_B = segment.seen.q_B2, segment.halted_B
        now = {
            "z_BTD": segment.seen.z_BD,
            "halted_BT": halted_B,
            "free_BT": segment.seen.m_B < segment.max_segments,
            "log_p_BT": log_probability(q_B2[:, 0], halted_B),
            "reward_BT": torch.where(halted_B, segment.correct_B.to(q_B2.dtype), -self.step_cost),
            "value_BT": q_B2[:, 1],
        }
        at_T = torch.arange(self.length, device=halted_B.device) == memory.steps % self.length

        def put(name: str, value: Tensor) -> Tensor:
            there = at_T[:, None] if value.dim() == 2 else at_T
            return torch.where(there, value[:, None], getattr(memory, name))

        return memory._replace(
            steps=memory.steps + 1, **{name: put(name, value) for name, value in now.items()}
        )


def advantages(
    reward_BT: Float[Tensor, "B T"],
    halted_BT: Bool[Tensor, "B T"],
    value_BT: Float[Tensor, "B T"],
    last_value_B: Float[Tensor, " B"],
    decay: float,
) -> Float[Tensor, "B T"]:
    """Generalised advantages at gamma = 1 (Schulman et al. 2016), up to where the episode halted.

    Args:
        last_value_B: value of the segment after the last; means nothing where that one halted.
    """
    advantage_B, next_B = torch.zeros_like(last_value_B), last_value_B
    found: list[Tensor] = []
    for t in reversed(range(reward_BT.shape[1])):
        goes_on_B = ~halted_BT[:, t]
        delta_B = reward_BT[:, t] + goes_on_B * next_B - value_BT[:, t]
        advantage_B = delta_B + decay * goes_on_B * advantage_B
        next_B = value_BT[:, t]
        found.append(advantage_B)
    return torch.stack(found[::-1], 1)
