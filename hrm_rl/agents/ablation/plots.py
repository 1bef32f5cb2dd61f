"""Learners side by side: accuracy against work and against samples, and their schedules. Needs matplotlib.

They return their figure.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrm_rl.agents.ablation import cross
from hrm_rl.agents.ablation.cross import Point
from hrm_rl.agents.ablation.grid import Cell, Done
from hrm_rl.agents.comparison import theme
from hrm_rl.statistics.comparisons import over_seeds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RIGHT = "right at halting, %"
NOTE = "each by its own rule; means over seeds, {}: 95 % t intervals"


def learning(done: Done, path: str | Path) -> Figure:
    """Three panels: accuracy by each run's own rule against FLOPs and samples; segments in training.

    Runs of a variant are put together point by point: they have the same FLOPs, and samples are
    their mean.
    """
    figure = theme.figure(13.6, 4.8)
    flops, samples, schedule = figure.subplots(1, 3)
    theme.dress(flops, "Accuracy against work", "training FLOPs (matrix products)", RIGHT)
    theme.dress(samples, "Accuracy against puzzles seen", "puzzles dealt", "")
    theme.dress(schedule, "Segments a puzzle gets in training", "optimiser steps", "mean segments")
    samples.set_xscale("log")
    samples.minorticks_off()
    handles: list[Any] = []
    for i, name in enumerate(cross.names_of(cross.at_end(done))):
        runs = [run.points for cell, run in done.items() if cell.variant == name and run.points]
        dashes = "--" if runs[0][0]["own_rule"].startswith("fixed") else "-"
        style = {**look(i), "linestyle": dashes, "linewidth": 1.5, "markersize": 4, "label": name}
        handles += band(flops, runs, lambda p: p["flops"], _percent, style)
        band(samples, runs, lambda p: p["samples"], _percent, style)
        band(schedule, runs, lambda p: p["step"], lambda p: p["training_segments"], style)
    for axes in (flops, samples):
        axes.set_ylim(0, 100)
    top = max(point["training_segments"] for run in done.values() for point in run.points)
    schedule.set_ylim(0, 1.1 * top)
    dashed = "; dashed: schedules that look at nothing"
    _finish(figure, handles, NOTE.format("bands") + dashed, path)
    return figure


def look(i: int) -> dict[str, Any]:
    """Colour and marker of the i-th variant; either of them tells it from the others."""
    return {"color": theme.RULE_COLOURS[i % len(theme.RULE_COLOURS)], "marker": "os^DvPX<>"[i % 9]}


def band(
    axes: Axes,
    runs: list[list[dict[str, Any]]],
    x: Callable[[Point], float],
    y: Callable[[Point], float],
    style: dict[str, Any],
) -> list[Any]:
    """Mean over runs at each point that all of them reached, and its interval."""
    columns = list(zip(*runs, strict=False))
    at = [sum(map(x, column)) / len(column) for column in columns]
    found = [over_seeds([y(point) for point in column]) for column in columns]
    if len(runs) > 1:
        low, high = zip(*((one.low, one.high) for one in found), strict=True)
        axes.fill_between(at, low, high, color=style["color"], alpha=0.12, linewidth=0)
    return axes.plot(at, [one.mean for one in found], **style)


def pairs(chosen: dict[Cell, Point], path: str | Path, title: str) -> Figure:
    """Accuracy against mean segments by each variant's own rule, with arms."""
    figure = theme.figure(8.6, 5.2)
    axes = figure.add_subplot()
    theme.dress(axes, title, "mean segments at halting", RIGHT)
    rows = cross.cross(chosen, ["own"])
    handles: list[Any] = []
    for i, row in enumerate(rows):
        x, y, style = row.segments, row.accuracy, look(i)
        arm: dict[str, Any] = {"color": style["color"], "linewidth": 1.4}
        if row.seeds > 1:
            axes.plot([x.low, x.high], [100 * y.mean] * 2, **arm)
            axes.plot([x.mean] * 2, [100 * y.low, 100 * y.high], **arm)
        handles += axes.plot(
            x.mean, 100 * y.mean, markersize=7, markeredgecolor="white", linestyle="none",
            label=row.variant, zorder=3, **style,
        )  # fmt: skip
    axes.set_xlim(0, 1.08 * max(row.segments.mean for row in rows))
    axes.set_ylim(-2, 102)
    _finish(figure, handles, NOTE.format("arms"), path)
    return figure


def _percent(point: Point) -> float:
    return 100 * float(point["rules"]["own"][0])


def _finish(figure: Figure, handles: list[Any], note: str, path: str | Path) -> None:
    theme.legend(figure, handles)
    figure.supxlabel(note, fontsize=8.5, color=theme.GREY)
    figure.savefig(path)
