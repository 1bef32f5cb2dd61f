"""The Pareto plot of a comparison: accuracy at halting against mean segments. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hrm_rl import metrics
from hrm_rl.agents.compare import Row
from hrm_rl.agents.rules import random_accuracy, sweep
from hrm_rl.bank import Bank, play

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

INK, GREY, PALE = "#1f2328", "#6e7781", "#c4cbd3"
RULE_COLOURS = {"q": "#0550ae", "trm": "#54aeff", "confidence": "#d4861a", "stable": "#8250df"}
RULE_LABELS = {
    "q": "q: Q_halt - Q_continue > knob",
    "trm": "trm: Q_halt > knob",
    "confidence": "confidence: least sure token > knob",
    "stable": "stable: unchanged for knob segments",
}
"""The rules whose whole curve is drawn."""
LEARNER_COLOURS = ("#cf222e", "#1a7f37", "#bf3989", "#7d4e00", "#0a3069", "#57606a")


def plot(rows: Sequence[Row], bank: Bank, path: str | Path) -> None:
    """Draw rows, and the rules' curves over their knobs, on the bank that the rows were scored on.

    Raises:
        ModuleNotFoundError: matplotlib, which comes with `hrm-rl[plots]`, is not installed.
        ValueError: it writes no such kind of file.
    """
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(11.6, 6.0), dpi=150, layout="constrained"
    )  # needs no pyplot, no display
    axes = figure.add_subplot()
    _frame(axes, bank)
    handles = [*_learners(axes, rows), *_rules(axes, rows, bank), *_baselines(axes, bank)]
    _oracles(axes, rows, bank)
    figure.legend(
        handles=handles, loc="outside right upper", frameon=False, labelcolor=INK, fontsize=9
    )
    figure.savefig(path)


def _frame(axes: Axes, bank: Bank) -> None:
    axes.set_xlabel("mean segments at halting", color=INK)
    axes.set_ylabel("right at halting, %", color=INK)
    axes.set_title(
        f"When to stop thinking: {len(bank):,} puzzles, at most {bank.max_segments} segments",
        color=INK, loc="left", fontsize=11.5, pad=12,
    )  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    axes.tick_params(color=PALE, labelcolor=GREY)
    axes.set_xlim(0.6, bank.max_segments + 0.4)
    ticks = range(1, bank.max_segments + 1, max(1, bank.max_segments // 16))
    axes.set_xticks(list(ticks))


def _learners(axes: Axes, rows: Sequence[Row]) -> list[Artist]:
    """Crosses whose arms are the intervals."""
    handles: list[Artist] = []
    for i, row in enumerate(row for row in rows if row.kind == "learner"):
        x, y, colour = row.segments, row.accuracy, LEARNER_COLOURS[i % len(LEARNER_COLOURS)]
        arms: dict[str, Any] = {
            "color": colour,
            "linewidth": 1.6,
            "zorder": 6,
            "solid_capstyle": "round",
        }
        axes.plot([x.low, x.high], [100 * y.mean] * 2, **arms)
        axes.plot([x.mean] * 2, [100 * y.low, 100 * y.high], **arms)
        seeds = f"{row.seeds} seed{'s' * (row.seeds > 1)}"
        handles += axes.plot(
            x.mean, 100 * y.mean, "o",
            color=colour, markersize=7, markeredgecolor="white", zorder=7,
            label=f"{row.name}: {100 * y.mean:.1f} % at {x.mean:.1f} ({seeds})",
        )  # fmt: skip
    return handles


def _rules(axes: Axes, rows: Sequence[Row], bank: Bank) -> list[Artist]:
    """A thin line for each rule over its knob, and squares for the rules that are compared."""
    handles: list[Artist] = []
    for kind, label in RULE_LABELS.items():
        if kind in ("confidence", "stable") and "scalars" not in bank.columns:
            continue
        halted = [play(bank, policy) for policy in sweep(kind, bank)]
        x = np.array([float(run.segment_P.double().mean()) for run in halted])
        y = np.array([100 * float(run.correct_P.double().mean()) for run in halted])
        order = np.lexsort((y, x))
        colour = RULE_COLOURS[kind]
        handles += axes.plot(x[order], y[order], color=colour, linewidth=1.2, zorder=3, label=label)
    square: dict[str, Any] = {
        "marker": "s",
        "markersize": 6,
        "markeredgecolor": "white",
        "linestyle": "none",
    }
    compared = [row for row in rows if row.kind == "rule"]
    for row in compared:
        colour = RULE_COLOURS.get(row.name.partition("-")[0], GREY)
        axes.plot(row.segments.mean, 100 * row.accuracy.mean, color=colour, zorder=5, **square)
    if compared:
        handles += axes.plot([], [], color=GREY, label="the rules compared", **square)
    return handles


def _baselines(axes: Axes, bank: Bank) -> list[Artist]:
    """Fixed numbers of segments with their hull, and halting at random."""
    accuracy_M = bank.correct_MP.double().mean(1)
    m, y = np.arange(1, bank.max_segments + 1), 100 * accuracy_M.numpy()
    handles: list[Artist] = []
    handles += axes.plot(
        m, y, color=INK, linewidth=1.6, marker="o", markersize=4, zorder=4, label="fixed m"
    )
    hull = metrics.concave_hull(m, y)
    handles += axes.plot(
        m[hull], y[hull], color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=2,
        label="its concave hull: mixing two m",
    )  # fmt: skip
    means = np.linspace(1, bank.max_segments, 60)
    random = [100 * random_accuracy(accuracy_M, mean) for mean in means]
    handles += axes.plot(
        means, random, color=GREY, linewidth=1, linestyle=":", zorder=2, label="random halting"
    )
    return handles


def _oracles(axes: Axes, rows: Sequence[Row], bank: Bank) -> None:
    """The ceiling that no policy can pass, and on it the oracles, which see the solution."""
    ever = 100 * float(bank.correct_MP.any(0).double().mean())
    low, high = axes.get_ylim()
    axes.set_ylim(low, max(high, ever) + 0.12 * (ever - low))
    axes.axhspan(ever, axes.get_ylim()[1], color=PALE, alpha=0.25, linewidth=0, zorder=0)
    axes.axhline(ever, color=GREY, linewidth=1, zorder=1)
    axes.text(
        0.995, 0.985, f"ceiling on these puzzles: {ever:.1f} % are ever right",
        transform=axes.transAxes, ha="right", va="top", color=GREY, fontsize=8.5,
    )  # fmt: skip
    for row in (row for row in rows if row.kind == "oracle"):
        x, y = row.segments.mean, 100 * row.accuracy.mean
        axes.plot(x, y, "*", color="white", markeredgecolor=INK, markersize=11, zorder=5)
        axes.annotate(
            f"{row.name}\n(sees the solution)", (x, y), xytext=(0, 9),
            textcoords="offset points", ha="center", va="bottom", color=GREY, fontsize=8.5,
        )  # fmt: skip
