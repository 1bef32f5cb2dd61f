"""One checkpoint, scored exactly by every inference rule, from one log of all its segments.

Shapes: M segments, P puzzles.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hrm_rl.agents.comparison.compare import fixed_segments
from hrm_rl.agents.comparison.curves import swept
from hrm_rl.agents.rules import rule
from hrm_rl.agents.rules.coins import Sampled
from hrm_rl.banks.bank import Bank, checked
from hrm_rl.statistics import metrics
from hrm_rl.stopping.exact import Outcome, outcome

SCORED = ("q", "trm", "sampled", "cumulative", "stable-1")
"""Rules scored on every checkpoint, whatever it was trained with, besides fixed numbers and its own."""
AREAS = ("fixed", "q", "trm", "confidence", "stable")
"""Rules whose whole curve over their knob is scored."""


def score(bank: Bank, own: str, max_segments: int) -> dict[str, Any]:
    """Accuracy at halting and mean segments of every rule.

    Args:
        bank: may hold more segments than the model was trained with.
        own: the rule that goes with the learner.

    Returns:
        `rules`: name -> [accuracy, mean segments] with at most `max_segments`, and `own` among
        them by that name; `beyond`: limit -> the same of `own`, for limits up to the whole bank;
        `accuracy_at`: of 1, 2, ... segments; `areas`: rule -> area under its accuracy-segments
        hull; `ever`: share of the puzzles that are right at some segment within the limit.
    """
    within = checked(bank).first(max_segments)
    names = [*SCORED, *(f"fixed-{m}" for m in fixed_segments(max_segments)), own]
    limits = [m for m in fixed_segments(bank.max_segments) if m > 1]
    return {
        "rules": {name: _pair(halting(within, name)) for name in dict.fromkeys(names)}
        | {"own": _pair(halting(within, own))},
        "beyond": {str(limit): _pair(halting(bank.first(limit), own)) for limit in limits},
        "accuracy_at": bank.correct_MP.double().mean(1).tolist(),
        "areas": {kind: area(within, kind) for kind in AREAS},
        "ever": float(within.correct_MP.any(0).double().mean()),
    }


def halting(bank: Bank, name: str) -> Outcome:
    """What the rule makes of a bank; of the one that tosses coins, its mean over the coins."""
    policy = rule(name)
    return outcome(bank, policy, 0.0, stochastic=isinstance(policy, Sampled))


def area(bank: Bank, kind: str) -> float:
    """Mean accuracy over budgets of 1 to the last segment, the knob chosen best for each."""
    found = [outcome(bank, policy, 0.0) for policy in swept(kind, bank)]
    x, y = (np.array([getattr(one, name) for one in found]) for name in ("segments", "accuracy"))
    return metrics.pareto_area(x, y, bank.max_segments)


def _pair(found: Outcome) -> list[float]:
    return [found.accuracy, found.segments]
