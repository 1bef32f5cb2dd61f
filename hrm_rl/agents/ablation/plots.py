"""Learners side by side: accuracy against work and against samples, and their schedules. Needs matplotlib.

They return their figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """Small multiples, a column for each variant: accuracy by its own rule against FLOPs and against
    puzzles dealt, and the segments that a puzzle gets in training; the others' means in grey.

    Runs of a variant are put together point by point: they have the same FLOPs, and samples are
    their mean.
    """
    runs = {
        name: [run.points for cell, run in done.items() if cell.variant == name and run.points]
        for name in cross.names_of(cross.at_end(done))
    }
    figure = theme.figure(1.2 + 1.65 * max(4, len(runs)), 6.2)
    grid = figure.subplots(3, len(runs), sharex="row", sharey="row", squeeze=False)
    for axes_row, (_, x, _, _) in zip(grid, ROWS, strict=True):
        for axes in axes_row:
            theme.dress(axes, "", x, "")
            axes.set_xlabel(x, fontsize=8.5)
            axes.tick_params(labelsize=8)
    for i, (name, mine) in enumerate(runs.items()):
        style = {**look(i), "linewidth": 1.6, "markersize": 3.5, "label": name}
        style["linestyle"] = "--" if mine[0][0]["own_rule"].startswith("fixed") else "-"
        grid[0, i].set_title(name.replace("+", "\n+"), loc="left", color=style["color"], fontsize=9)
        for axes, (_, _, at, height) in zip(grid[:, i], ROWS, strict=True):
            for other in runs.values():
                if other is not mine:
                    columns = [*zip(*other, strict=False)]
                    behind = {"color": theme.PALE, "linewidth": 0.9, "zorder": 1}
                    axes.plot(_means(columns, at), _means(columns, height), **behind)
            band(axes, mine, at, height, style)
    for axes, (y, *_) in zip(grid[:, 0], ROWS, strict=True):
        axes.set_ylabel(y, color=theme.BLACK, fontsize=9)
    for axes in grid[1]:
        axes.set_xscale("log")
        axes.minorticks_off()
    grid[0, 0].set_ylim(0, 100)
    grid[1, 0].set_ylim(0, 100)
    top = max(point["training_segments"] for run in done.values() for point in run.points)
    grid[2, 0].set_ylim(0, 1.1 * top)
    note = NOTE.format("bands") + "; grey: the others; dashed: schedules that look at nothing"
    figure.supxlabel(note, fontsize=8.5, color=theme.GREY)
    figure.savefig(path)
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
    at = _means(columns, x)
    found = [over_seeds([y(point) for point in column]) for column in columns]
    if len(runs) > 1:
        low, high = zip(*((one.low, one.high) for one in found), strict=True)
        axes.fill_between(at, low, high, color=style["color"], alpha=0.12, linewidth=0)
    return axes.plot(at, [one.mean for one in found], **style)


def _means(columns: Sequence[Sequence[Point]], of: Callable[[Point], float]) -> list[float]:
    """Over runs, at each point."""
    return [sum(map(of, column)) / len(column) for column in columns]


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


ROWS: tuple[tuple[str, str, Callable[[Point], float], Callable[[Point], float]], ...] = (
    (RIGHT, "training FLOPs", lambda p: float(p["flops"]), _percent),
    (RIGHT, "puzzles dealt", lambda p: float(p["samples"]), _percent),
    (
        "mean segments in training",
        "optimiser steps",
        lambda p: float(p["step"]),
        lambda p: float(p["training_segments"]),
    ),
)
"""Of `learning`: what is drawn against what."""


def _finish(figure: Figure, handles: list[Any], note: str, path: str | Path) -> None:
    theme.legend(figure, handles)
    figure.supxlabel(note, fontsize=8.5, color=theme.GREY)
    figure.savefig(path)
