"""What each continue costs the learners that pay, and when: a constant, or a price that knows when.

A schedule is a frozen dataclass of numbers. What it remembers is a flat named tuple of 0-d tensors,
the same in all processes, that the trainer saves and restores. It is told which puzzles halted, and
nothing is read from the device.

Shapes: one number for all slots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.checks.numbers import real, whole
from hrm_rl.halting import MOST
from hrm_rl.training.joint.learner import Nothing, Price

Priced = Any
"""What a schedule remembers: a flat named tuple of 0-d tensors."""


class Ended(NamedTuple):
    """Sums over the puzzles that halted in a step, in the slots of all processes."""

    halted: Int[Tensor, ""]
    exact: Int[Tensor, ""]
    """How many of them were right."""
    segments: Int[Tensor, ""]


class Schedule(Protocol):
    """When a continue costs what."""

    def begin(self, device: torch.device) -> Priced:
        """What it remembers before the first step."""

    def price(self, priced: Priced, step: int) -> Price:
        """Of a continue in this step, counted from 1."""

    def after(self, priced: Priced, ended: Ended) -> Priced:
        """What it remembers of a step."""


class Known:
    """A price that follows from the number of the step: nothing to remember."""

    def begin(self, device: torch.device) -> Priced:
        return Nothing()

    def after(self, priced: Priced, ended: Ended) -> Priced:
        return priced


@dataclass(frozen=True)
class Constant(Known):
    """The same from the first step on."""

    step_cost: float

    def price(self, priced: Priced, step: int) -> Price:
        return self.step_cost


@dataclass(frozen=True)
class Ramp(Known):
    """0 up to step `first`, `step_cost` from step `last` on, a straight line between them."""

    step_cost: float
    first: int
    last: int
    """The same as `first` for a jump after that step."""

    def price(self, priced: Priced, step: int) -> Price:
        if step <= self.first:
            return 0.0
        return self.step_cost * min((step - self.first) / max(self.last - self.first, 1), 1.0)


class Reached(NamedTuple):
    """What `AfterAccuracy` remembers."""

    accuracy: Float[Tensor, ""]
    """Running."""
    passed: Bool[Tensor, ""]


@dataclass(frozen=True)
class AfterAccuracy:
    """0 until the running accuracy has passed a threshold, `step_cost` ever after.

    It stays on: a price shortens episodes, which can lower the accuracy, and one that went out
    again would switch to and fro at the threshold.
    """

    step_cost: float
    threshold: float
    horizon: float = 1000.0
    """Puzzles that "running" reaches back (`running`)."""

    def begin(self, device: torch.device) -> Priced:
        return Reached(
            torch.zeros((), dtype=torch.float32, device=device),
            torch.zeros((), dtype=torch.bool, device=device),
        )

    def price(self, priced: Reached, step: int) -> Price:
        return self.step_cost * priced.passed.to(torch.float32)

    def after(self, priced: Reached, ended: Ended) -> Priced:
        accuracy = running(priced.accuracy, ended.exact, ended.halted, self.horizon)
        return Reached(accuracy, priced.passed | (accuracy > self.threshold))


class Multiplier(NamedTuple):
    """What `Budget` remembers."""

    price: Float[Tensor, ""]


@dataclass(frozen=True)
class Budget:
    """A Lagrange multiplier that holds the mean segments of the puzzles that halt at `target`.

    Source: Altman 1999, "Constrained Markov Decision Processes"; the multiplier learned beside the
    policy, on a slower time scale, as in Tessler et al. 2018 (RCPO, arXiv 1805.11074). What it would
    come to on a bank is the slope that `stopping.budget` finds.

    All segments that were run count, those before a minimum drawn to explore too.
    """

    target: float
    slots: int
    """Of all processes."""
    start: float = 0.0
    """The price in the first step."""
    rate: float = 1e-3
    """What is added to the price when one puzzle a slot was one segment too long."""

    def begin(self, device: torch.device) -> Priced:
        return Multiplier(torch.full((), self.start, dtype=torch.float32, device=device))

    def price(self, priced: Multiplier, step: int) -> Price:
        return priced.price

    def after(self, priced: Multiplier, ended: Ended) -> Priced:
        share, excess = self.rate / self.slots, ended.segments - self.target * ended.halted
        return Multiplier(ascended(priced.price, excess, share))


# --- pure functions -------------------------------------------------------------------------------


def running(
    accuracy: Float[Tensor, ""], exact: Int[Tensor, ""], halted: Int[Tensor, ""], horizon: float
) -> Float[Tensor, ""]:
    """An exponential average over puzzles, of which each fades by 1 - 1 / horizon with each new one.

    Those of one step come together, as their mean. It starts at 0, so that a few lucky puzzles at
    the start are not taken for an accuracy.
    """
    keep = (1 - 1 / horizon) ** halted
    return keep * accuracy + (1 - keep) * exact / halted.clamp(min=1)


def ascended(price: Float[Tensor, ""], excess: Float[Tensor, ""], rate: float) -> Float[Tensor, ""]:
    """One step of dual ascent: `price + rate * excess`, put back into [0, 1].

    At a price of 1 no right answer is worth another segment, so that a higher one would change
    nothing but the time that it takes to come down.

    Args:
        excess: what was spent above the budget, in segments: sum of (m - target) over puzzles.
    """
    return (price + rate * excess).clamp(0, 1)


# --- by name --------------------------------------------------------------------------------------

FORMS = '"constant", "after-accuracy:0.5", "ramp:800:1600" or "budget:4.0"'


def schedule(price: Any, step_cost: float, max_segments: int, slots: int) -> Schedule:
    """The schedule that a run's `price` names.

    Raises:
        ValueError: there is none of that name, or its numbers make no sense.
    """
    kind, *words = price.split(":") if isinstance(price, str) else [""]
    if kind not in _MAKERS or len(words) != _MAKERS[kind][0]:
        raise ValueError(f"price must be {FORMS}, got {price!r:.60}")
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise ValueError(f"price must be {FORMS}, in numbers, got {price!r:.60}") from None
    if kind in ("after-accuracy", "ramp") and not step_cost:
        raise ValueError(
            f'price "{price}" says when step_cost is charged, and step_cost is 0; give one, such as 0.01'
        )
    return _MAKERS[kind][1](numbers, step_cost, max_segments, slots)


def _after_accuracy(numbers: list[float], step_cost: float, M: int, slots: int) -> Schedule:
    name = 'the accuracy of price "after-accuracy"'
    return AfterAccuracy(step_cost, real(name, numbers[0], low=0, high=1, inside=True))


def _ramp(numbers: list[float], step_cost: float, M: int, slots: int) -> Schedule:
    steps = [int(n) if n.is_integer() else n for n in numbers]
    first = whole('the first step of price "ramp"', steps[0], low=0, high=MOST)
    return Ramp(step_cost, first, whole('the last step of price "ramp"', steps[1], low=first))


def _budget(numbers: list[float], step_cost: float, M: int, slots: int) -> Schedule:
    cure = "mean segments lie between 1 and max_segments"
    target = real('the target of price "budget"', numbers[0], low=1, high=M, cure=cure)
    return Budget(target, slots, real("step_cost", step_cost, low=0, high=1))


_Maker = Callable[[list[float], float, int, int], Schedule]
_MAKERS: Mapping[str, tuple[int, _Maker]] = MappingProxyType(
    {
        "constant": (0, lambda numbers, step_cost, M, slots: Constant(step_cost)),
        "after-accuracy": (1, _after_accuracy),
        "ramp": (2, _ramp),
        "budget": (1, _budget),
    }
)
"""Kind of schedule -> how many numbers it takes, and its maker."""
