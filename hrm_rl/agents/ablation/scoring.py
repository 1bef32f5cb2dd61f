"""One checkpoint, scored exactly by every inference rule, from one log of all its segments.

Shapes: M segments, P puzzles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hrm_rl.agents.comparison.compare import fixed_segments
from hrm_rl.agents.comparison.curves import swept
from hrm_rl.agents.rules import kind_of, rule
from hrm_rl.agents.rules.coins import Sampled
from hrm_rl.banks.bank import Bank, checked
from hrm_rl.halting import Policy
from hrm_rl.statistics import metrics
from hrm_rl.stopping.exact import Outcome, best_fixed, outcome
from hrm_rl.stopping.snell import fit_snell

SCORED = ("q", "trm", "sampled", "cumulative", "stable-1")
"""Rules scored on every checkpoint, whatever it was trained with, besides fixed numbers and its own."""
AREAS = ("fixed", "q", "trm", "confidence", "stable")
"""Rules whose whole curve over their knob is scored, besides its own."""
COSTS = (0.01, 0.05)
"""Step costs at which the model is scored by policies that are fitted when it is trained."""


def score(bank: Bank, own: str, max_segments: int, fit_bank: Bank | None = None) -> dict[str, Any]:
    """Accuracy at halting and mean segments of every rule.

    Args:
        bank: may hold more segments than the model was trained with.
        own: the rule that goes with the learner.
        fit_bank: other puzzles, for what has to be chosen; without it nothing is.

    Returns:
        `rules`: name -> [accuracy, mean segments] with at most `max_segments`, and `own` among
        them by that name; `beyond`: limit -> the same of `own`, for limits up to the whole bank;
        `accuracy_at`: of 1, 2, ... segments; `ever`: share of the puzzles that are right at some segment
        within the limit; with a `fit_bank`, `areas`: rule -> `area`, `curve`: of its own rule, and `frozen`:
        step cost -> `frozen`.
    """
    within = checked(bank).first(max_segments)
    names = [*SCORED, *(f"fixed-{m}" for m in fixed_segments(max_segments)), own]
    limits = [m for m in fixed_segments(bank.max_segments) if m > 1]
    found: dict[str, Any] = {
        "rules": {name: _pair(halting(within, name)) for name in dict.fromkeys(names)}
        | {"own": _pair(halting(within, own))},
        "beyond": {str(limit): _pair(halting(bank.first(limit), own)) for limit in limits},
        "accuracy_at": bank.correct_MP.double().mean(1).tolist(),
        "areas": {},
        "curve": [],
        "frozen": {},
        "ever": float(within.correct_MP.any(0).double().mean()),
    }
    if fit_bank is not None:
        fit = checked(fit_bank).first(max_segments)
        kinds = dict.fromkeys((*AREAS, kind_of(own)))
        curves = {kind: curve(fit, within, kind) for kind in kinds}
        curves["own"] = curves[kind_of(own)]
        found["areas"] = {name: area(*points, max_segments) for name, points in curves.items()}
        found["curve"] = np.stack(curves["own"], 1).tolist()
        found["frozen"] = {f"{cost:g}": frozen(fit, within, own, cost) for cost in COSTS}
    return found


def halting(bank: Bank, name: str) -> Outcome:
    """What the rule makes of a bank; of the one that tosses coins, its mean over the coins."""
    policy = rule(name)
    return outcome(bank, policy, 0.0, stochastic=isinstance(policy, Sampled))


def area(x: np.ndarray, y: np.ndarray, max_segments: int) -> float:
    """Mean accuracy over budgets of 1 to the last segment, between the points of a curve."""
    return float(metrics.path_area(x[:, None], y[:, None], max_segments)[0])


def curve(fit_bank: Bank, bank: Bank, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean segments and accuracy of a rule at the knobs on its hull on the fit bank.

    So the knobs, and which two are mixed for a budget, are those that are best there.
    """
    policies = swept(kind, fit_bank)
    hull = metrics.concave_hull(*_means(fit_bank, policies))
    return _means(bank, [policies[i] for i in hull])


def _means(bank: Bank, policies: Sequence[Policy]) -> tuple[np.ndarray, np.ndarray]:
    """Mean segments and accuracy of each."""
    found = [outcome(bank, policy, 0.0) for policy in policies]
    return np.array([one.segments for one in found]), np.array([one.accuracy for one in found])


def frozen(fit_bank: Bank, bank: Bank, own: str, step_cost: float) -> dict[str, float]:
    """What the model is worth at a step cost to policies that are fitted once it is trained.

    Returns:
        mean returns: `own` of the learner's own rule at the knob that is best on the fit bank, `snell`
        of backward induction from all scalars, which is alike for all models, and `fixed` of the best
        number of segments.
    """

    def value(bank: Bank, policy: Policy) -> float:
        return float(outcome(bank, policy, step_cost).value)

    best = max(swept(kind_of(own), fit_bank), key=lambda policy: value(fit_bank, policy))
    segments, _ = best_fixed(fit_bank, step_cost)
    return {
        "own": value(bank, best),
        "snell": value(bank, fit_snell(fit_bank, "scalars", step_cost)),
        "fixed": value(bank, rule(f"fixed-{segments}")),
    }


def _pair(found: Outcome) -> list[float]:
    return [found.accuracy, found.segments]
