"""Plots of a comparison: when policies halt on easy and hard puzzles, value against step cost.

They need matplotlib, and return their figure.

Suffixes: M segments, P puzzles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hrm_rl.agents.comparison import theme
from hrm_rl.agents.comparison.curves import ValueCurves
from hrm_rl.agents.comparison.theme import BLACK, GREY, PALE
from hrm_rl.banks.bank import Bank
from hrm_rl.halting import Halted
from hrm_rl.statistics.metrics import RATING_BANDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# --- when do policies halt? -----------------------------------------------------------------------


def halting_times(
    bank: Bank, halted: Mapping[str, Halted], path: str | Path, bands: Sequence[int] = RATING_BANDS
) -> Figure:
    """Histograms of halting times, a row for each policy, a column for each rating band.

    Right answers are dark, wrong ones pale; the line is the first right segment (the oracle).
    """
    rating_P, M = bank.rating_P.numpy(), bank.max_segments
    ends = zip(bands, [*bands[1:], None], strict=True)
    columns = [
        (_band(low, high), inside_P)
        for low, high in ends
        if (inside_P := (rating_P >= low) & (high is None or rating_P < high)).any()
    ]
    figure = theme.figure(11.6, 0.9 + 1.5 * len(halted))
    grid = figure.subplots(len(halted), len(columns), sharex=True, sharey=True, squeeze=False)
    first_P = torch.where(bank.correct_MP.any(0), bank.correct_MP.int().argmax(0) + 1, 0).numpy()
    top, last = 20.0, {}  # forced halts may reach beyond, and then it is said how far
    for axes_row, (name, run) in zip(grid, halted.items(), strict=True):
        axes_row[0].set_ylabel(f"{name}\n% of puzzles", color=BLACK, fontsize=9)
        for axes, (_, inside_P) in zip(axes_row, columns, strict=True):
            theme.dress(axes, "", "", axes.get_ylabel())
            highest, last[axes] = _histogram(axes, run, inside_P, first_P, M)
            top = max(top, highest)
    for axes, (title, inside_P) in zip(grid[0], columns, strict=True):
        axes.set_title(f"{title}: {inside_P.sum():,} puzzles", loc="left", color=BLACK, fontsize=10)
    for axes in grid[-1]:
        axes.set_xlabel("halts after segment", color=BLACK, fontsize=9)
    grid[0, 0].set_xticks([m for m in (1, 4, 8, 12, 16, 24, 32, 48, 64) if m <= M])
    grid[0, 0].set_ylim(0, 1.1 * top)
    for axes, height in last.items():
        if height > 1.1 * top:
            axes.text(
                M - 0.7, 1.06 * top, f"{height:.0f} %",
                color=GREY, fontsize=8.5, ha="right", va="top",
            )  # fmt: skip
    figure.legend(
        handles=_halting_handles(), loc="outside lower right", ncols=3, frameon=False,
        labelcolor=BLACK, fontsize=9,
    )  # fmt: skip
    figure.savefig(path)
    return figure


def _band(low: int, high: int | None) -> str:
    if high is None:
        return f"rating {low} and more"
    return f"rating {low}" if high == low + 1 else f"rating {low} to {high - 1}"


def _histogram(
    axes: Axes, run: Halted, inside_P: np.ndarray, first_P: np.ndarray, M: int
) -> tuple[float, float]:
    """Bars of one policy in one band, in % of its puzzles; the highest, and the last."""
    segment_P, right_P = run.segment_P.numpy()[inside_P], run.correct_P.numpy()[inside_P]
    m, share = np.arange(1, M + 1), 100 / len(segment_P)
    right_M, wrong_M, first_M = (
        share * np.bincount(at, minlength=M + 1)[1:]
        for at in (segment_P[right_P], segment_P[~right_P], first_P[inside_P])
    )
    axes.bar(m, right_M, width=0.82, color=theme.RIGHT, zorder=2)
    axes.bar(m, wrong_M, bottom=right_M, width=0.82, color=theme.WRONG, zorder=2)
    axes.stairs(first_M, np.arange(M + 1) + 0.5, color=BLACK, linewidth=0.9, zorder=3)
    *others, last = right_M + wrong_M
    return max([*others, float(first_M.max())]), float(last)


def _halting_handles() -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Patch(color=theme.RIGHT, label="right where it halts"),
        Patch(color=theme.WRONG, label="wrong where it halts"),
        Line2D([], [], color=BLACK, linewidth=0.9, label="first right (oracle)"),
    ]


# --- what is thinking on worth? -------------------------------------------------------------------


def value(curves: ValueCurves, path: str | Path, fitted_at: float, puzzles: int) -> Figure:
    """Value against step cost, and the same less the best fixed number of segments."""
    figure = theme.figure(11.6, 5.2)
    left, right = figure.subplots(1, 2)
    theme.dress(
        left, f"Value on {puzzles:,} puzzles", "step cost", "right - step cost x (segments - 1)"
    )
    theme.dress(right, "... less that of the best fixed number", "step cost", "value gained")
    base_C, cost_C = curves.best_fixed_C, curves.cost_C
    handles: list[Any] = []

    def line(values_C: np.ndarray, label: str, **style: Any) -> None:
        handles.extend(left.plot(cost_C, values_C, label=label, **style))
        right.plot(cost_C, values_C - base_C, **style)

    line(
        curves.prophet_C,
        "prophet (sees the solution)",
        color=GREY,
        linewidth=1,
        linestyle=(0, (1, 1.5)),
    )
    line(base_C, "best fixed number, chosen anew", color=BLACK, linewidth=1.8)
    for i, (name, values_C) in enumerate(curves.as_fitted.items()):
        colour = theme.learner_colour(i)
        line(values_C, f"{name}, as fitted at {fitted_at:g}", color=colour, linewidth=1.6)
    for i, (name, values_C) in enumerate(curves.tuned.items()):
        line(values_C, f"{name}, knob chosen anew", linewidth=1.2, **theme.rule_style(i))
    gains = [*curves.as_fitted.values(), *curves.tuned.values(), base_C]
    spread = np.concatenate([values_C - base_C for values_C in gains])
    low, high = float(spread.min()), float(spread.max())
    right.set_ylim(max(low, -0.15) - 0.01, max(high + 0.02, 0.02))  # the prophet leaves the panel
    left.set_ylim(min(-0.02, *(float(v[0]) for v in gains)) - 0.02, None)
    for axes in (left, right):
        axes.set_xlim(0, cost_C[-1])
        axes.axvline(fitted_at, color=PALE, linewidth=1, zorder=1)
    right.text(
        fitted_at,
        right.get_ylim()[1],
        " learners were fitted here",
        color=GREY,
        fontsize=8.5,
        va="top",
    )
    theme.legend(figure, handles)
    figure.supxlabel(
        '"chosen anew": at every step cost the knob that is best on the puzzles for fitting',
        fontsize=8.5, color=GREY,
    )  # fmt: skip
    figure.savefig(path)
    return figure
