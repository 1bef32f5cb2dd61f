"""What actor-critics share: decisions drawn by the policy, kept for T segments, with their advantages.

One rollout is filled while the one before it is learned from, so that every optimiser step of the
run, one per segment, can be an update of the head too. Vectors are kept as they were read: gradients
reach the head only. The gradient is a mean over slots, and that of a batch split over processes is
that of the whole; where advantages are normalised, it is by the moments of all slots.

Shapes: B slots, T segments of a rollout, D width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.statistics.survival import coin_entropy, log_probability
from hrm_rl.training.episode_losses import rare_halt
from hrm_rl.training.joint.learner import Draw, Memory, Seen, Segment, Terms


class Rollouts(NamedTuple):
    """The rollout being filled, and, as `old_*`, the last that was completed."""

    steps: Int[Tensor, ""]
    """Segments seen, from the first of the run."""
    z_BTD: Float[Tensor, "B T D"]
    halted_BT: Bool[Tensor, "B T"]
    free_BT: Bool[Tensor, "B T"]
    """Whether it was the policy that decided: not at the last segment, where all halt, nor before
    the minimum that was drawn to explore, where all go on."""
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

    A reward is 1{correct} for a halt and -price for a continue; gamma is 1. At the last segment
    both actions halt: the segment's value is learned there, and no policy. Before the minimum that
    was drawn for a puzzle all continue: nothing is learned there, and advantages end with the value
    of such a segment, as traces of Watkins's Q(lambda) do at an exploratory action.
    """

    max_segments: int
    length: int = 16
    """T."""
    decay: float = 0.95
    """Lambda of the generalised advantages."""
    value_weight: float = 0.5
    entropy: float = 0.0
    """Bonus per nat of a decision's entropy."""
    entropy_floor: float = 0.0
    """Entropy in nats below which no coin shall fall: what is missing of it, relu(floor - H), is a loss
    of every free decision. On a logit x its slope is |x| p (1 - p), that of the gain A p (1 - p): an
    exact penalty (Nocedal and Wright 2006, section 17.2), which wins where |x| > |A|. The whole return
    lies in [-price * M, 1], so that floors below 0.58, where |x| = 1, are held. SAC (Haarnoja et al.
    2018, arXiv 1812.05905) holds the mean entropy instead, by a multiplier; one sure coin in a
    hundred is enough to get stuck there."""
    normalise: bool = False
    """Whether advantages of free decisions are brought to mean 0 and deviation 1."""

    explores = True

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
        free_BT, advantage_BT = memory.old_free_BT, memory.old_advantage_BT
        if self.normalise:
            advantage_BT = normalised(advantage_BT, free_BT, segment.total)
        log_p_BT = log_probability(logit_BT, memory.old_halted_BT)
        log_p_BT = torch.where(free_BT, log_p_BT, memory.old_log_p_BT)  # no ratio that overflows
        gain_BT = self.surrogate(log_p_BT, memory.old_log_p_BT, advantage_BT)
        gain_BT = torch.where(free_BT, gain_BT + self.coin_bonus(logit_BT), 0)
        own_BT = _own(free_BT, memory.old_halted_BT)
        error_BT = torch.where(own_BT, (value_BT - memory.old_return_BT) ** 2, 0)
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

    def coin_bonus(self, logit_BT: Float[Tensor, "B T"]) -> Float[Tensor, "B T"]:
        """What a decision's entropy adds to its gain."""
        h_BT = coin_entropy(logit_BT)
        bonus_BT = self.entropy * h_BT
        return bonus_BT - (self.entropy_floor - h_BT).relu() if self.entropy_floor else bonus_BT

    def _complete(self, memory: Rollouts, value_B: Float[Tensor, " B"]) -> Rollouts:
        """At the first segment behind a rollout, whose value it ends with, it becomes the old one."""
        full = memory.steps % self.length == 0
        advantage_BT = advantages(
            memory.reward_BT, memory.halted_BT, memory.value_BT, value_B, self.decay,
            _own(memory.free_BT, memory.halted_BT),
        )  # fmt: skip
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
            "free_BT": segment.free_B,
            "log_p_BT": log_probability(q_B2[:, 0], halted_B),
            "reward_BT": torch.where(halted_B, segment.correct_B.to(q_B2.dtype), -segment.price),
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
    own_BT: Bool[Tensor, "B T"],
) -> Float[Tensor, "B T"]:
    """Generalised advantages at gamma = 1 (Schulman et al. 2016), up to where the episode halted.

    Args:
        own_BT: whether a decision tells what the policy is worth. One that was not the policy's has
            no advantage, and those before it take the value of its segment for what follows.
        last_value_B: value of the segment after the last; means nothing where that one halted.
    """
    advantage_B, next_B = torch.zeros_like(last_value_B), last_value_B
    found: list[Tensor] = []
    for t in reversed(range(reward_BT.shape[1])):
        goes_on_B = ~halted_BT[:, t]
        delta_B = reward_BT[:, t] + goes_on_B * next_B - value_BT[:, t]
        advantage_B = torch.where(own_BT[:, t], delta_B + decay * goes_on_B * advantage_B, 0)
        next_B = value_BT[:, t]
        found.append(advantage_B)
    return torch.stack(found[::-1], 1)


def normalised(
    advantage_BT: Float[Tensor, "B T"],
    free_BT: Bool[Tensor, "B T"],
    total: Callable[[Tensor], Tensor],
) -> Float[Tensor, "B T"]:
    """Less the mean, over the deviation, of the free decisions in all slots of all processes.

    So a batch that is split has the gradient of the whole. The common code normalises each minibatch
    of each worker by itself (a choice that hardly matters: Andrychowicz et al. 2020, arXiv 2006.05990).

    Args:
        total: sums over the processes.
    """
    count = total(free_BT.sum()).clamp(min=1)
    mean = total(torch.where(free_BT, advantage_BT, 0).sum()) / count
    square = total(torch.where(free_BT, advantage_BT - mean, 0).square().sum()) / count
    return (advantage_BT - mean) / (square.sqrt() + 1e-8)


def _own(free_BT: Bool[Tensor, "B T"], halted_BT: Bool[Tensor, "B T"]) -> Bool[Tensor, "B T"]:
    """Not before a minimum: a decision of the policy's, or the end, where there is none to make."""
    return free_BT | halted_BT
