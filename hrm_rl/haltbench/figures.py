"""What an entry says of a track: values at step costs, accuracies within budgets, the area, regrets.

All that is chosen, a knob, a fit, a mixture, is chosen on the fit bank. Halting at once is always
among the choices, so that every budget can be met. Intervals are of 95 %, over puzzles and seeds.

Suffixes: P puzzles, S seeds, K policies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from hrm_rl.agents.comparison.compare import always_at, score, yardsticks
from hrm_rl.agents.comparison.curves import pareto_table
from hrm_rl.agents.comparison.rows import Yardstick
from hrm_rl.agents.rules.basic import FixedSegments
from hrm_rl.banks.bank import Bank, play
from hrm_rl.banks.sampling import sampling
from hrm_rl.haltbench.families import Curves
from hrm_rl.halting import Halted
from hrm_rl.statistics import comparisons as statistics
from hrm_rl.statistics.comparisons import Interval
from hrm_rl.stopping.budget import best_mixture
from hrm_rl.stopping.exact import best_fixed, outcome_of_halted
from hrm_rl.stopping.snell import fit_snell

DIGITS = 5
"""Of the numbers in an entry."""


class Played(NamedTuple):
    """A policy on both banks."""

    fit: Halted
    test: Halted


def references(
    fit: Bank, test: Bank, larger: Bank, observation: str, costs: Sequence[float]
) -> dict[float, Yardstick]:
    """What values are held against at each step cost: fixed numbers, Snell envelope, the prophet of `test`.

    Args:
        fit: where the best fixed number of segments is found.
        larger: where the Snell envelope of an observation set is fitted.
    """
    best = {cost: best_fixed(fit, cost)[0] for cost in costs}
    snell = {cost: fit_snell(larger, observation, cost) for cost in costs}
    return yardsticks(test, costs, best, snell)


def figures(
    curves: Curves,
    fit: Bank,
    test: Bank,
    sticks: dict[float, Yardstick],
    budgets: Sequence[float],
) -> dict[str, Any]:
    """All that an entry says of a track, ready for JSON.

    Args:
        fit, test: of as many segments as a policy may run.
    """
    seeds = [
        [
            Played(always_at(fit, 1), always_at(test, 1)),
            *(Played(play(fit, policy), play(test, policy)) for policy in curve),
        ]
        for curve in curves
    ]
    return {
        "costs": [at_cost(seeds, test, cost, stick) for cost, stick in sticks.items()],
        "budgets": [within(seeds, fit, test, budget) for budget in budgets],
        "area": _area(curves, fit, test),
    }


def at_cost(
    seeds: Sequence[Sequence[Played]], test: Bank, cost: float, stick: Yardstick
) -> dict[str, Any]:
    """Value at a step cost of the policy that is best on the fit bank, seed by seed."""
    best = [max(curve, key=lambda one: float(one.fit.value_P(cost).mean())) for curve in seeds]
    runs = [one.test for one in best]
    (row,) = score(test, [("entry", "rule", runs)], {cost: stick})
    return {
        "step_cost": cost,
        "value": _plain(row.value[cost]),
        "gain": _plain(row.gain[cost]),
        "regret_snell": _plain(row.snell_regret[cost]),
        "regret_prophet": _plain(row.regret[cost]),
        "score": _number(row.score[cost]),
        "accuracy": _plain(row.accuracy),
        "segments": _plain(row.segments),
    }


def within(
    seeds: Sequence[Sequence[Played]], fit: Bank, test: Bank, budget: float
) -> dict[str, Any]:
    """Accuracy of the mixture of two policies that is most accurate on the fit bank within a budget.

    Its coins are summed out. On the test bank the mean segments may be a little more or less; they
    stand beside.
    """
    right, segments = [], []
    for curve in seeds:
        plan = best_mixture([outcome_of_halted(fit, one.fit, 0.0) for one in curve], budget)
        one, other = curve[plan.shorter].test, curve[plan.longer].test
        right.append(_mixed(one.correct_P, other.correct_P, plan.weight))
        segments.append(_mixed(one.segment_P, other.segment_P, plan.weight))
    sampled = sampling(test)
    return {
        "budget": budget,
        "accuracy": _plain(statistics.mean_interval(np.stack(right), *sampled)),
        "segments": _plain(statistics.mean_interval(np.stack(segments), *sampled)),
    }


def _mixed(a_P: Tensor, b_P: Tensor, weight: float) -> np.ndarray:
    """The mean of a coin that chooses b by `weight`, puzzle by puzzle."""
    return np.asarray((1 - weight) * a_P.double() + weight * b_P.double())


def _area(curves: Curves, fit: Bank, test: Bank) -> list[float | None]:
    """Mean accuracy over budgets from 1 to the last segment."""
    family = {"entry": [[*curve, FixedSegments(1)] for curve in curves]}
    row = next(row for row in pareto_table(fit, test, family) if row.name == "entry")
    return _plain(row.area)


def _plain(interval: Interval | statistics.Difference) -> list[float | None]:
    """Mean, low and high."""
    return [_number(interval.mean), _number(interval.low), _number(interval.high)]


def _number(value: float) -> float | None:
    """Rounded; None where it is endless or none."""
    return round(float(value), DIGITS) if np.isfinite(value) else None
