"""Runs compared at equal budgets: train-time rule x inference-time rule, and who failed how.

Suffixes: S seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hrm_rl.agents.ablation.grid import Cell, Done
from hrm_rl.agents.ablation.member import Result
from hrm_rl.statistics.comparisons import Interval, over_seeds

Point = Mapping[str, Any]
"""What `member` found at one step of a run."""

BUDGETS = ("flops", "samples")
"""At equal amounts of which runs are compared: work, and puzzles dealt."""

# --- equal budgets --------------------------------------------------------------------------------


def common_budget(done: Done, key: str) -> float:
    """The most of a budget that every run has reached; runs that diverged do not count.

    Raises:
        ValueError: no run was finished.
    """
    reached = [run.points[-1][key] for run in done.values() if not run.failed]
    if not reached:
        raise ValueError(
            "no run was trained to its end, so there is no budget that all have reached"
        )
    return float(min(reached))


def spent(points: Sequence[Point], key: str, budget: float) -> Point | None:
    """A run when it had spent the budget, on a straight line between the points before and after.

    The last point if it never did; None if the first one had spent more.
    """
    before = next((point for point in reversed(points) if point[key] <= budget), None)
    after = next((point for point in points if point[key] > budget), None)
    if before is None or after is None:
        return before
    share = (budget - before[key]) / (after[key] - before[key])
    return {name: _between(before[name], after[name], share) for name in before}


def _between(a: Any, b: Any, share: float) -> Any:
    """Numbers between those of two points; later points may hold more of them."""
    if isinstance(a, dict):
        return {name: _between(a[name], b[name], share) for name in a}
    if isinstance(a, list):
        return [_between(x, y, share) for x, y in zip(a, b, strict=False)]
    return a if isinstance(a, str) else a + share * (b - a)


def at_budget(done: Done, key: str) -> dict[Cell, Point]:
    """Every run when it had spent the budget that all of them have reached."""
    budget = common_budget(done, key)
    found = {cell: spent(run.points, key, budget) for cell, run in done.items()}
    return {cell: point for cell, point in found.items() if point is not None}


def at_end(done: Done) -> dict[Cell, Point]:
    """Every run as it was at its last point, if it came to one."""
    return {cell: run.points[-1] for cell, run in done.items() if run.points}


def names_of(chosen: Mapping[Cell, Any]) -> list[str]:
    """The variants, in order."""
    return list(dict.fromkeys(cell.variant for cell in chosen))


class Crossed(NamedTuple):
    """A train-time rule with an inference-time rule, over the seeds."""

    variant: str
    rule: str
    seeds: int
    accuracy: Interval
    segments: Interval
    gain: Interval | None
    """Accuracy less the reference's by the same inference rule, paired by seed; None for itself."""


def cross(
    chosen: Mapping[Cell, Point], rules: Sequence[str], reference: str = "act_q"
) -> list[Crossed]:
    """The whole table: every variant with every rule that it was scored by.

    Args:
        chosen: one point of every run (`at_budget`).
        reference: the variant that others are held against, where it is there.
    """
    rows = []
    for variant in names_of(chosen):
        mine = {cell.seed: point for cell, point in chosen.items() if cell.variant == variant}
        other = {cell.seed: point for cell, point in chosen.items() if cell.variant == reference}
        for rule in rules:
            pairs = [point["rules"][rule] for point in mine.values() if rule in point["rules"]]
            if not pairs:  # a fixed number of segments beyond those it was trained with
                continue
            shared = [s for s in mine if s in other and rule in other[s]["rules"]]
            gains = [mine[s]["rules"][rule][0] - other[s]["rules"][rule][0] for s in shared]
            rows.append(
                Crossed(
                    variant,
                    rule,
                    len(pairs),
                    over_seeds([accuracy for accuracy, _ in pairs]),
                    over_seeds([segments for _, segments in pairs]),
                    over_seeds(gains) if gains and variant != reference else None,
                )
            )
    return rows


# --- what went wrong ------------------------------------------------------------------------------

COLLAPSED = 1.5
"""Mean segments in training below which a learner has collapsed to halting at once."""
ENDLESS = 0.25
"""... and, counted down from `max_segments`, above which it never halts."""
LOST = 0.05
"""Accuracy below the best point before: late instability."""


def failures(run: Result, max_segments: int) -> list[str]:
    """The failure modes of the literature that a run shows, in words; none if it shows none.

    Mean segments are those of training since the point before the last; accuracy is that of the
    run's own rule. A schedule that is given, "fixed" or "random", can neither collapse nor be endless.
    """
    if run.failed:
        return ["diverged"]
    last, found = run.points[-1], []
    scheduled = last["own_rule"].startswith("fixed")
    if not scheduled and last["training_segments"] < COLLAPSED:
        found.append("collapsed")
    if not scheduled and last["training_segments"] > max_segments - ENDLESS:
        found.append("endless")
    best = max(point["rules"]["own"][0] for point in run.points)
    if last["rules"]["own"][0] < best - LOST:
        found.append("unstable")
    return found
