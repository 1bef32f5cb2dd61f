"""When to halt: the policy protocol, the paper's greedy rule, and the minimum number of segments.

Shapes: B slots, F features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

CONTINUE, HALT = 0, 1


class Policy(Protocol):
    """A halting policy: what is seen, and the segment number, to halt (True) or continue (False)."""

    @property
    def observation(self) -> str:
        """Name of the observation set that it reads (`features.columns`)."""

    def __call__(
        self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]
    ) -> Bool[Tensor, " B"]: ...


def begun(policy: Policy, rows: int) -> Policy:
    """The policy at the start of `rows` episodes, which are then shown to it segment by segment.

    A policy that remembers has a method `begin(rows)` for that; others are as they are. To go on
    while rows leave and others are dealt new puzzles (`evaluate`), what it returns takes a row whose
    m is 1 for a new episode, and has a method `keep(index_K)`: the rows that stay.
    """
    begin = getattr(policy, "begin", None)
    return begin(rows) if begin is not None else policy


def greedy_q(q_B2: Float[Tensor, "B 2"], tie: str = "continue") -> Bool[Tensor, " B"]:
    """Halt where Q_halt > Q_continue (the paper, and the public code); `tie="halt"` halts at equality too.

    Raises:
        ValueError: unknown `tie`.
    """
    if tie == "continue":
        return q_B2[:, 0] > q_B2[:, 1]
    if tie == "halt":
        return q_B2[:, 0] >= q_B2[:, 1]
    raise ValueError(f'tie must be "continue" or "halt", got "{tie}"')


def draw_min_segments(
    slots: int,
    max_segments: int,
    probability: float,
    generator: torch.Generator | None,
    device: torch.device,
) -> Int[Tensor, " B"]:
    """M_min of each slot: 1, or with `probability` uniform over {2 .. max_segments} (paper).

    Drawn when a puzzle is dealt (`explore="episode"`, the paper) or afresh at every segment
    (`explore="segment"`, the public code, which then hardly ever explores deeply: a policy that always
    wants to halt runs 1.11 segments on average in place of 1.80 at 16 and 0.1).
    """
    explore_B = torch.rand(slots, generator=generator, device=device) < probability
    longer_B = (
        2 + (torch.rand(slots, generator=generator, device=device) * (max_segments - 1)).int()
    )
    return torch.where(explore_B, longer_B.clamp(max=max_segments), 1).int()


def halts(
    wants_B: Bool[Tensor, " B"],
    m_B: Int[Tensor, " B"],
    min_B: Int[Tensor, " B"] | int,
    max_segments: int,
) -> Bool[Tensor, " B"]:
    """Who halts after segment m: who wants to and may (m >= min), and everyone at `max_segments`."""
    return (wants_B & (m_B >= min_B)) | (m_B >= max_segments)


@dataclass(frozen=True)
class Halted:
    """Where a policy halted on each puzzle of a bank, and whether the answer was right there."""

    segment_P: Int[Tensor, " P"]
    correct_P: Bool[Tensor, " P"]

    def value_P(self, step_cost: float) -> Float[Tensor, " P"]:
        """Return of each episode: 1{correct} - step_cost * (segments - 1)."""
        return self.correct_P.double() - step_cost * (self.segment_P - 1).double()


class Remembers:
    """A policy that looks back at earlier segments has to be told when episodes start."""

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        """Raises ValueError, always: `begin` makes what can be called."""
        raise ValueError(
            f"{type(self).__name__} remembers earlier segments and was not told that an episode "
            "starts: call begin(rows) and then what it returns, or let bank.play do so"
        )
