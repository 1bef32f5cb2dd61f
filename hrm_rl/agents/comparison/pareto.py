"""The Pareto plot of a comparison: accuracy at halting against mean segments. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hrm_rl.agents.comparison import theme
from hrm_rl.agents.comparison.curves import swept
from hrm_rl.agents.comparison.rows import Row
from hrm_rl.agents.comparison.theme import BLACK, GREY, PALE
from hrm_rl.agents.rules import kind_of
from hrm_rl.agents.rules.basic import random_accuracy
from hrm_rl.banks.bank import Bank, play
from hrm_rl.halting import Halted
from hrm_rl.statistics import metrics

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("q", "trm", "confidence", "stable")
"""The rules whose whole curve is drawn unless others are named."""
_CUTS = {
    "q": "Q_halt - Q_continue > knob",
    "trm": "Q_halt > knob",
    "confidence": "least sure token > knob",
    "stable": "unchanged for knob segments",
    "two-sided": "sure, or hopeless",
    "rising": "sure, or hopeless by segment knob",
    "eat": "variance of entropy < knob",
}


def plot(
    rows: Sequence[Row],
    fit_bank: Bank,
    bank: Bank,
    path: str | Path,
    kinds: Sequence[str] = KINDS,
) -> Figure:
    """Draw rows, and the rules' curves over their knobs, on the bank that the rows were scored on.

    Args:
        fit_bank: where knobs are chosen: a curve goes through those that lie on the hull there.
        kinds: rules to sweep.

    Raises:
        ModuleNotFoundError: matplotlib, which comes with `hrm-rl[plots]`, is not installed.
        ValueError: it writes no such kind of file.
    """
    figure = theme.figure(11.6, 6.0)
    axes = figure.add_subplot()
    _frame(axes, bank)
    handles = [*_learners(axes, rows), *_rules(axes, rows, fit_bank, bank, kinds)]
    handles += _baselines(axes, fit_bank, bank)
    _oracles(axes, rows, bank)
    theme.legend(figure, handles)
    figure.savefig(path)
    return figure


def _frame(axes: Axes, bank: Bank) -> None:
    theme.dress(
        axes,
        f"When to stop thinking: {len(bank):,} puzzles, at most {bank.max_segments} segments",
        "mean segments at halting",
        "right at halting, %",
    )
    axes.set_xlim(0.6, bank.max_segments + 0.4)
    axes.set_xticks(theme.segment_ticks(bank.max_segments))


def _learners(axes: Axes, rows: Sequence[Row]) -> list[Artist]:
    """Crosses whose arms are the intervals."""
    handles: list[Artist] = []
    for i, row in enumerate(row for row in rows if row.kind == "learner"):
        x, y, colour = row.segments, row.accuracy, theme.learner_colour(i)
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


def _rules(
    axes: Axes, rows: Sequence[Row], fit_bank: Bank, bank: Bank, kinds: Sequence[str]
) -> list[Artist]:
    """A thin line for each rule over the knobs chosen for it, and squares for the rules compared."""
    handles: list[Artist] = []
    styles = {kind: theme.rule_style(i) for i, kind in enumerate(kinds)}
    for kind, style in styles.items():
        policies = swept(kind, fit_bank)
        hull = metrics.concave_hull(*_means([play(fit_bank, policy) for policy in policies]))
        x, y = _means([play(bank, policies[i]) for i in hull])
        label = f"{kind}: {_CUTS[kind]}" if kind in _CUTS else f"{kind}, over its knob"
        handles += axes.plot(x, 100 * y, linewidth=1.2, zorder=3, label=label, **style)
    square: dict[str, Any] = {
        "marker": "s",
        "markersize": 6,
        "markeredgecolor": "white",
        "linestyle": "none",
    }
    compared = [row for row in rows if row.kind == "rule"]
    for row in compared:
        colour = styles.get(kind_of(row.name), {"color": GREY})["color"]
        axes.plot(row.segments.mean, 100 * row.accuracy.mean, color=colour, zorder=5, **square)
    if compared:
        handles += axes.plot([], [], color=GREY, label="the rules compared", **square)
    for row in (row for row in rows if row.kind == "snell"):
        handles += axes.plot(
            row.segments.mean, 100 * row.accuracy.mean, "D",
            color="white", markeredgecolor=BLACK, markersize=6.5, zorder=6,
            label=f"{row.name}: optimal stopping, fitted",
        )  # fmt: skip
    return handles


def _means(halted: Sequence[Halted]) -> tuple[np.ndarray, np.ndarray]:
    """Mean segments and accuracy of each."""
    segments = [float(run.segment_P.double().mean()) for run in halted]
    return np.array(segments), np.array([float(run.correct_P.double().mean()) for run in halted])


def _baselines(axes: Axes, fit_bank: Bank, bank: Bank) -> list[Artist]:
    """Fixed numbers of segments with those chosen among them, and halting at random."""
    accuracy_M = bank.correct_MP.double().mean(1)
    m, y = np.arange(1, bank.max_segments + 1), 100 * accuracy_M.numpy()
    handles: list[Artist] = []
    handles += axes.plot(
        m, y, color=BLACK, linewidth=1.6, marker="o", markersize=4, zorder=4, label="fixed m"
    )
    hull = metrics.concave_hull(m, fit_bank.first(len(m)).correct_MP.double().mean(1).numpy())
    handles += axes.plot(
        m[hull], y[hull], color=BLACK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=2,
        label="mixing two m of the fit bank's hull",
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
        axes.plot(x, y, "*", color="white", markeredgecolor=BLACK, markersize=11, zorder=5)
        axes.annotate(
            f"{row.name}\n(sees the solution)", (x, y), xytext=(0, 9),
            textcoords="offset points", ha="center", va="bottom", color=GREY, fontsize=8.5,
        )  # fmt: skip
