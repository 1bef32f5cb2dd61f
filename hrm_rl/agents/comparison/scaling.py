"""What more segments buy at inference, with halting and without: figures and plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hrm_rl.agents.comparison import theme
from hrm_rl.agents.comparison.compare import always_at, check_ceiling
from hrm_rl.agents.comparison.theme import BLACK
from hrm_rl.banks.bank import Bank, checked, play
from hrm_rl.banks.sampling import sampling
from hrm_rl.checks.numbers import whole
from hrm_rl.halting import Policy
from hrm_rl.statistics.comparisons import Interval, mean_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HORIZONS = (1, 2, 4, 8, 16, 32, 64)


class ScalingRow(NamedTuple):
    """A policy that is allowed so many segments."""

    name: str
    max_segments: int
    accuracy: Interval
    segments: Interval


def inference_scaling(
    bank: Bank,
    policies: Mapping[str, Policy],
    horizons: Sequence[int] = HORIZONS,
) -> list[ScalingRow]:
    """Accuracy and mean segments as the limit grows, with halting and ("never early") without it.

    Limits that the bank was not logged for are left out. A policy that sees the segment number sees
    it as a share of the limit, as it would in an environment with that limit.
    """
    horizons = [whole("horizons", limit, low=1) for limit in horizons]
    rows = []
    for limit in (limit for limit in horizons if limit <= checked(bank).max_segments):
        within = bank.first(limit)
        runs = {name: play(within, policy) for name, policy in policies.items()}
        for name, halted in {"never early": always_at(within, limit), **runs}.items():
            check_ceiling(within, name, halted)
            accuracy, segments = (
                mean_interval(part_P.numpy(), *sampling(bank))
                for part_P in (halted.correct_P, halted.segment_P)
            )
            rows.append(ScalingRow(name, limit, accuracy, segments))
    return rows


def plot(rows: Sequence[ScalingRow], path: str | Path) -> Figure:
    """Accuracy against the limit on segments, and against the segments that were used."""
    figure = theme.figure(11.6, 4.6)
    left, right = figure.subplots(1, 2, sharey=True)
    theme.dress(
        left,
        "Allowed more segments (95 % intervals)",
        "at most so many segments",
        "right at halting, %",
    )
    theme.dress(right, "... and using so many", "mean segments at halting", "")
    names = list(dict.fromkeys(row.name for row in rows))
    handles: list[Any] = []
    for i, name in enumerate(names):
        mine = [row for row in rows if row.name == name]
        colour = BLACK if i == 0 else theme.RULE_COLOURS[(i - 1) % len(theme.RULE_COLOURS)]
        y = [100 * row.accuracy.mean for row in mine]
        style: dict[str, Any] = {"color": colour, "linewidth": 1.4, "marker": "o", "markersize": 4}
        limits = [row.max_segments for row in mine]
        handles += left.plot(limits, y, label=name, **style)
        for row in mine:
            at = row.max_segments * 1.035 ** (i - (len(names) - 1) / 2)  # arms side by side
            ends = [100 * row.accuracy.low, 100 * row.accuracy.high]
            left.plot([at, at], ends, color=colour, linewidth=0.8, alpha=0.7)
        right.plot([row.segments.mean for row in mine], y, **style)
    limits = sorted({row.max_segments for row in rows})
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.set_xticks(limits, [str(limit) for limit in limits])
        axes.minorticks_off()
    theme.legend(figure, handles)
    figure.savefig(path)
    return figure
