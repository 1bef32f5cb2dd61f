"""The budgeted problem: the highest accuracy with at most so many segments on average, exactly.

Accuracy and mean segments are both linear in a mixture of policies, so that the answer lies on the
upper concave hull of what single policies reach: two neighbours on it and a coin. The slope between
them is the step cost at which both are best, the Lagrange multiplier (Altman 1999, "Constrained
Markov Decision Processes").

Shapes: N policies, B rows, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.checks.numbers import real, whole
from hrm_rl.halting import SEEDS, Policy, decide
from hrm_rl.statistics import metrics
from hrm_rl.stopping.exact import Outcome

P = TypeVar("P", bound=Policy)


class BestMixture(NamedTuple):
    """The best mixture of a family within a budget."""

    shorter: int
    """Index of the policy with fewer segments."""
    longer: int
    """Index of the one with more; the same if one policy is enough."""
    weight: float
    """Share of the puzzles that the longer one plays."""
    accuracy: float
    segments: float
    step_cost: float
    """What another mean segment would buy: the Lagrange multiplier; 0 if the budget isn't used up."""


def best_mixture(outcomes: Sequence[Outcome], limit: float) -> BestMixture:
    """The most accurate mixture of these policies with at most `limit` mean segments.

    Raises:
        ValueError: all of them need more, there are none, or the limit is no number.
    """
    limit = real("limit", limit)
    if not outcomes:
        raise ValueError("outcomes must not be empty; give those of one policy at least")
    x_N = np.array([one.segments for one in outcomes])
    y_N = np.array([one.accuracy for one in outcomes])
    hull = metrics.concave_hull(x_N, y_N)
    if x_N[hull[0]] > limit:
        raise ValueError(
            f"the cheapest policy runs {x_N[hull[0]]:.3f} segments on average, more than "
            f"{limit}; raise the limit or add a policy that halts at once"
        )
    after = int(np.searchsorted(x_N[hull], limit, side="right"))
    shorter = int(hull[after - 1])
    if after == len(hull):
        return BestMixture(shorter, shorter, 1.0, float(y_N[shorter]), float(x_N[shorter]), 0.0)
    longer = int(hull[after])
    weight = float((limit - x_N[shorter]) / (x_N[longer] - x_N[shorter]))
    slope = float((y_N[longer] - y_N[shorter]) / (x_N[longer] - x_N[shorter]))
    accuracy = float(y_N[shorter] + weight * (y_N[longer] - y_N[shorter]))
    return BestMixture(shorter, longer, weight, accuracy, float(limit), slope)


class Plan(NamedTuple, Generic[P]):
    """The best mixture of all policies within a budget."""

    shorter: P
    longer: P
    mixture: BestMixture


def solve(best: Callable[[float], tuple[P, Outcome]], limit: float) -> Plan[P]:
    """The budgeted problem of a whole class of policies, given its best one at any step cost.

    Walks the hull: what is best at the slope between two known policies either lies above their
    line, and takes the place of one of them, or proves that nothing does. Exact after finitely many
    calls.

    Args:
        best: of a step cost the policy of highest value, and its outcome; with the fewest segments
            if several are best, or a limit above the cheapest of them is not used up in vain.

    Raises:
        ValueError: a limit below 1 segment.
    """
    known = [best(1.0), best(0.0)]  # from a cost of 1 on, nothing is worth another segment
    while True:
        mixture = best_mixture([one for _, one in known], limit)
        plan = Plan(known[mixture.shorter][0], known[mixture.longer][0], mixture)
        if mixture.shorter == mixture.longer:
            return plan
        policy, found = best(mixture.step_cost)
        line = known[mixture.shorter][1]
        gain = found.accuracy - line.accuracy
        if gain - mixture.step_cost * (found.segments - line.segments) <= 1e-12:
            return plan
        known.append((policy, found))


def mixed(shorter: Outcome, longer: Outcome, weight: float) -> Outcome:
    """Exact outcome of a mixture, where `longer` plays a share `weight` of the puzzles.

    Raises:
        ValueError: a weight outside [0, 1], or outcomes of different numbers of segments.
    """
    weight = real("weight", weight, low=0, high=1)
    if len(shorter.halting_M) != len(longer.halting_M):
        raise ValueError(
            f"both outcomes must be of one horizon, got {len(shorter.halting_M)} and "
            f"{len(longer.halting_M)} segments"
        )
    return Outcome(
        (1 - weight) * shorter.value + weight * longer.value,
        (1 - weight) * shorter.accuracy + weight * longer.accuracy,
        (1 - weight) * shorter.segments + weight * longer.segments,
        (1 - weight) * shorter.halting_M + weight * longer.halting_M,
    )


@dataclass(frozen=True)
class Mixture:
    """Plays each puzzle by one of two policies, chosen by a coin when it is dealt.

    The coins of the rows are remembered from segment 1 on, so that rows have to keep their puzzle,
    as in `bank.play` and in environments. Draws go on from call to call; two mixtures made alike
    decide alike. `mixed` is the exact outcome, without coins.
    """

    shorter: Policy
    longer: Policy
    weight: float
    """P(`longer` plays the puzzle)."""
    seed: int = 0
    _generator: torch.Generator = field(
        default_factory=torch.Generator, init=False, repr=False, compare=False
    )
    _coins: list[Tensor] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        cure = "it is a probability in [0, 1]"
        real("weight", self.weight, low=0, high=1, cure=cure)
        seen = [(one.observation, getattr(one, "time_aware", True)) for one in self._both]
        if seen[0] != seen[1]:
            raise ValueError(
                f"both policies have to read the same (observation, time_aware), got {seen[0]} "
                f"and {seen[1]}"
            )
        self._generator.manual_seed(whole("seed", self.seed, low=0, high=SEEDS))

    @property
    def _both(self) -> tuple[Policy, Policy]:
        return self.shorter, self.longer

    @property
    def observation(self) -> str:
        return self.shorter.observation

    @property
    def time_aware(self) -> bool:
        return getattr(self.shorter, "time_aware", True)

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        fresh_B = m_B == 1
        longer_B = (torch.rand(len(m_B), generator=self._generator) < self.weight).to(m_B.device)
        if not fresh_B.all():
            if not self._coins or len(self._coins[0]) != len(m_B):
                raise ValueError(
                    f"a mixture follows its puzzles from segment 1, row by row; got {len(m_B)} "
                    f"rows that it did not see there"
                )
            longer_B = torch.where(fresh_B, longer_B, self._coins[0])
        self._coins[:] = [longer_B]
        return torch.where(
            longer_B, decide(self.longer, obs_BF, m_B), decide(self.shorter, obs_BF, m_B)
        )
