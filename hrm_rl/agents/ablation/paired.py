"""Figures of runs at their end, held against those of a reference with the same seeds.

Suffixes: S seeds, K points of a curve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from hrm_rl.agents.ablation.cross import Point, names_of
from hrm_rl.agents.ablation.grid import Cell
from hrm_rl.statistics.comparisons import Difference, holm, paired_seeds

REFERENCES = {"random-drift-ppo": "ppo-budget", "fixed-2": "fixed-8"}
"""Variant -> what it is held against; the others against `REFERENCE`."""
REFERENCE = "act_q"

Figure = Callable[[Point], float | None]
"""A number of a run's point; None where it has none."""


def own_area(point: Point) -> float | None:
    """Pareto area of its own rule, knobs chosen on the fit split."""
    return point["areas"].get("own")


def run_to(segments: int) -> Figure:
    """Accuracy after so many segments."""
    return lambda point: point["accuracy_at"][segments - 1]


def settled(point: Point) -> float | None:
    """Accuracy at its own halting, less that of the best thresholds at as many segments.

    Thresholds of the same rule on the same model, chosen on the fit split when it is trained.
    """
    if not point["curve"]:
        return None
    x_K, y_K = np.array(point["curve"]).T
    accuracy, segments = point["rules"]["own"]
    order_K = np.argsort(x_K, kind="stable")
    return float(accuracy - np.interp(segments, x_K[order_K], y_K[order_K]))


def room(cost: str) -> Figure:
    """What backward induction, fitted on the trained model, is worth more than the own rule's best knob."""

    def found(point: Point) -> float | None:
        frozen = point["frozen"].get(cost)
        return frozen and frozen["snell"] - frozen["own"]

    return found


def against(
    chosen: Mapping[Cell, Point], figure: Figure, reference: str = ""
) -> dict[str, tuple[str, Difference, float]]:
    """Variant -> its reference, the paired difference, and its p-value by Holm over all of them.

    `reference` is that of all, in place of their own.
    """
    found = {}
    for name in names_of(chosen):
        other = reference or REFERENCES.get(name, REFERENCE)
        both = [
            (figure(point), figure(chosen[Cell(other, cell.seed)]))
            for cell, point in chosen.items()
            if cell.variant == name != other and Cell(other, cell.seed) in chosen
        ]
        differences = [a - b for a, b in both if a is not None and b is not None]
        if differences:
            found[name] = (other, paired_seeds(differences))
    adjusted = holm(np.array([difference.p for _, difference in found.values()]))
    return {
        name: (*what, float(p)) for (name, what), p in zip(found.items(), adjusted, strict=True)
    }


def within(chosen: Mapping[Cell, Point], figure: Figure) -> dict[str, Difference]:
    """Variant -> the mean of a figure that is a difference by itself."""
    found: dict[str, list[float]] = {}
    for cell, point in chosen.items():
        value = figure(point)
        if value is not None:
            found.setdefault(cell.variant, []).append(value)
    return {name: paired_seeds(values) for name, values in found.items()}
