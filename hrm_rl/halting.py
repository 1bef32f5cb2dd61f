"""When to halt: the policy protocol, the paper's greedy rule, and the minimum number of segments.

Shapes: B slots, F features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.checks.numbers import real, whole

CONTINUE, HALT, RESTART = 0, 1, 2
"""The actions. RESTART, the next copy of the puzzle, is there where `restarts` are allowed."""
MOST: Final = 2**31 - 1
"""Segments, slots and the like are 32-bit numbers."""
MOST_SLOTS: Final = 2**20
"""The most puzzles side by side: more are a slip, and would fill the memory before anybody is told."""
SEEDS: Final = 2**63 - 1
"""The largest seed that every generator here takes."""


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

    Raises:
        ValueError: it is no policy.
    """
    begin = getattr(_a_policy(policy), "begin", None)
    return _a_policy(begin(rows)) if begin is not None else policy


def _a_policy(policy: Any) -> Policy:
    if isinstance(policy, str):
        raise ValueError(
            f'a policy is an object, got the name "{policy}"; hrm_rl.agents.rules.rule("{policy}") '
            "makes one of it"
        )
    if isinstance(policy, type) or not callable(policy):
        got = policy.__name__ if isinstance(policy, type) else type(policy).__name__
        raise ValueError(
            f"a policy is called with what is seen and the segment numbers, got {got}; "
            'hrm_rl.agents.rules.rule("q") makes one'
        )
    if not isinstance(observation := getattr(policy, "observation", None), str):
        raise ValueError(
            f"a policy says what it sees by an attribute `observation`, such as "
            f'"scalars", and that of {type(policy).__name__} is {observation!r}'
        )
    return policy


def decide(
    policy: Policy, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]
) -> Bool[Tensor, " B"]:
    """What a policy decides, one answer for each row: a shorter one would be stretched over all.

    Raises:
        ValueError: it does not answer with a bool tensor (B,) on the device of what it is shown.
    """
    halt_B = policy(obs_BF, m_B)
    _check_answer(policy, halt_B, obs_BF, floats=False)
    return halt_B


def chance(
    policy: Policy, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]
) -> Float[Tensor, " B"]:
    """P(halt) of each row by a policy with a method `probability`, in double precision.

    Raises:
        ValueError: it has none, or what it answers are no probabilities.
    """
    probability = getattr(policy, "probability", None)
    if not callable(probability):
        raise ValueError(
            f"the stochastic value needs a policy with a method `probability`, got "
            f"{type(policy).__name__}; ask for that of its decisions (stochastic=False)"
        )
    p_B = probability(obs_BF, m_B)
    _check_answer(policy, p_B, obs_BF, floats=True)
    wrong_B = ~((p_B >= 0) & (p_B <= 1))
    if wrong_B.any():
        raise ValueError(
            f"{type(policy).__name__}.probability must lie in [0, 1], got "
            f"{float(p_B[wrong_B][0]):g}; end it with .sigmoid() if these are logits"
        )
    double_B: Tensor = p_B.double()
    return double_B


def _check_answer(policy: Policy, answer: Any, obs_BF: Tensor, floats: bool) -> None:
    """Of the answer itself; its numbers are not looked at, so nothing waits for the device."""
    rows, device = len(obs_BF), obs_BF.device
    right = isinstance(answer, Tensor) and answer.shape == (rows,) and answer.device == device
    if right and (answer.is_floating_point() if floats else answer.dtype == torch.bool):
        return
    got, cure = f"{answer!r:.40} ({type(answer).__name__})", "give one answer for each row"
    if isinstance(answer, Tensor):
        got = f"{str(answer.dtype)[6:]} of shape {tuple(answer.shape)} on {answer.device}"
        if answer.shape == (rows,):
            cure = "compare (q > 0) for a bool, and .to(obs_BF.device) for the device"
    name = type(policy).__name__ + ".probability" * floats
    raise ValueError(
        f"{name} must answer with a {'float' if floats else 'bool'} tensor of shape ({rows},) on "
        f"{device}, got {got}; {cure}"
    )


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

    Raises:
        ValueError: no slots or segments, or no probability.
    """
    max_segments = whole("max_segments", max_segments, low=1, high=MOST)
    probability = real("probability", probability, low=0, high=1)
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


def free(
    m_B: Int[Tensor, " B"], min_B: Int[Tensor, " B"] | int, max_segments: int
) -> Bool[Tensor, " B"]:
    """Where `halts` does what is wanted, be it to halt or to continue."""
    return (m_B >= min_B) & (m_B < max_segments)


@dataclass(frozen=True)
class Halted:
    """Where a policy halted on each puzzle of a bank, and whether the answer was right there."""

    segment_P: Int[Tensor, " P"]
    correct_P: Bool[Tensor, " P"]

    def __post_init__(self) -> None:
        """Raises ValueError: not one segment and one verdict for each puzzle, or a segment below 1."""
        if self.segment_P.shape != self.correct_P.shape or self.segment_P.dim() != 1:
            raise ValueError(
                "there must be one segment and one verdict for each puzzle, got "
                f"{tuple(self.segment_P.shape)} and {tuple(self.correct_P.shape)}"
            )
        if self.segment_P.is_floating_point() or self.correct_P.dtype != torch.bool:
            raise ValueError(
                "segments are whole numbers and verdicts true or false, got "
                f"{str(self.segment_P.dtype)[6:]} and {str(self.correct_P.dtype)[6:]}"
            )
        if len(self.segment_P) and (first := int(self.segment_P.min())) < 1:
            raise ValueError(f"segments count from 1, got {first}")

    def value_P(self, step_cost: float) -> Float[Tensor, " P"]:
        """Return of each episode: 1{correct} - step_cost * (segments - 1).

        Raises:
            ValueError: a step cost below 0, or none.
        """
        step_cost = real("step_cost", step_cost, low=0)
        return self.correct_P.double() - step_cost * (self.segment_P - 1).double()


class Remembers:
    """A policy that looks back at earlier segments has to be told when episodes start."""

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        """Raises ValueError, always: `begin` makes what can be called."""
        raise ValueError(
            f"{type(self).__name__} remembers earlier segments and was not told that an episode "
            "starts: call begin(rows) and then what it returns, or let bank.play do so"
        )
