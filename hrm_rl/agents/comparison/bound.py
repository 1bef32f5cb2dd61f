"""How much better than all that was compared a policy might be: the dual bound, with its interval."""

from __future__ import annotations

from typing import NamedTuple

from hrm_rl.banks.bank import Bank
from hrm_rl.banks.sampling import sampling
from hrm_rl.statistics.comparisons import Interval, mean_interval
from hrm_rl.stopping.dual import estimated_bound


class Bound(NamedTuple):
    """An upper bound on the value of policies that see `observation`, and how it was found."""

    observation: str
    step_cost: float
    upper: Interval
    """Estimated, and a bound only as far as `hrm_rl.stopping.dual` says; its interval is over the test
    puzzles, and leaves out that expectations come from those of the fit bank."""
    gap: Interval
    """The most that any of them gains over the policy of the values that were fitted."""
    drift: Interval
    """0 within its interval, or the estimate is off by as much."""

    def __str__(self) -> str:
        gap, drift = self.gap, self.drift
        return (
            f"Dual bound, estimated, at {self.step_cost:g}: of policies that see {self.observation} alone "
            f"none gains more than {gap.mean:.3f} ±{gap.half_width:.3f}\n"
            f"over Snell's of half the fit bank (its martingale drifts by {drift.mean:+.3f} "
            f"±{drift.half_width:.3f}, and should by 0)."
        )


def bound(fit: Bank, test: Bank, observation: str, step_cost: float) -> Bound | None:
    """The bound on the test bank, of martingales from halves of the fit bank; None of a single puzzle.

    Raises:
        ValueError: as `estimated_bound`.
    """
    if len(fit.cluster_P.unique()) < 2:
        return None
    found = estimated_bound(fit, test, observation, step_cost)
    sampled = sampling(test)
    upper, gap, drift = (mean_interval(part_P.numpy(), *sampled) for part_P in found)
    return Bound(observation, step_cost, upper, gap, drift)
