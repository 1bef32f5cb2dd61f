"""Figure 5 of the paper (Wang et al. 2025), at the scale of the base config.

A model for each M_max and each of two rules, ACT and a fixed number of segments: (a) the mean
segments they run at inference, (b) their accuracy there, (c) their accuracy when they are given another
limit than the one they were trained with. The paper does not say whether its evaluation halts early;
here ACT halts by its own rule in (a) and (b), and (c) shows both: halting with that limit, and not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hrm_rl.agents.ablation import cross, tables
from hrm_rl.agents.ablation.cross import Point
from hrm_rl.agents.ablation.grid import Done
from hrm_rl.agents.comparison import theme
from hrm_rl.models.checkpoint import write_atomically
from hrm_rl.statistics.comparisons import Interval, over_seeds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LIMITS = (2, 4, 8)
"""M_max of the paper's figure."""
SHADES = ("#79b8ff", "#1f6feb", "#0a3069")
"""Their colours: the darker, the longer."""


def variants(max_segments: int) -> list[str]:
    """The runs that it needs; those at `max_segments`, the base's own, have the ablation's names."""
    ends = {m: "" if m == max_segments else f"@{m}" for m in LIMITS}
    return [f"{kind}{end}" for m, end in ends.items() for kind in ("act_q", f"fixed-{m}")]


class Bar(NamedTuple):
    """One model of panels (a) and (b), over its seeds."""

    rule: str
    limit: int
    seeds: int
    segments: Interval
    accuracy: Interval


class Curve(NamedTuple):
    """One line of panel (c)."""

    rule: str
    trained: int
    halting: bool
    """False: it never halts early."""
    accuracy: Mapping[int, Interval]
    """Limit at inference -> accuracy."""


def numbers(done: Done, max_segments: int) -> tuple[list[Bar], list[Curve]]:
    """What the figure shows."""
    ends = cross.at_end(done)
    bars, curves = [], []
    for name, limit in zip(
        variants(max_segments), (m for m in LIMITS for _ in range(2)), strict=True
    ):
        mine = [point for cell, point in ends.items() if cell.variant == name]
        if not mine:
            continue
        rule = "ACT" if name.startswith("act_q") else "fixed"
        accuracy, segments = zip(*(point["rules"]["own"] for point in mine), strict=True)
        bars.append(Bar(rule, limit, len(mine), over_seeds(segments), over_seeds(accuracy)))
        curves.append(Curve(rule, limit, False, _never_early(mine)))
        if rule == "ACT":
            curves.append(Curve(rule, limit, True, _with_limit(mine)))
    return bars, curves


def _never_early(points: Sequence[Point]) -> dict[int, Interval]:
    at_MS = list(zip(*(point["accuracy_at"] for point in points), strict=False))
    return {m: over_seeds(at_S) for m, at_S in enumerate(at_MS, start=1)}


def _with_limit(points: Sequence[Point]) -> dict[int, Interval]:
    limits = points[0]["beyond"]
    return {int(m): over_seeds([point["beyond"][m][0] for point in points]) for m in limits}


def write(done: Done, max_segments: int, folder: Path) -> None:
    """`figure5.md` in the folder."""
    write_atomically(folder / "figure5.md", report(*numbers(done, max_segments)).encode())


def report(bars: Sequence[Bar], curves: Sequence[Curve]) -> str:
    """The numbers beside the figure, as Markdown."""
    lines = [
        [
            f"{bar.rule}, M_max {bar.limit}",
            str(bar.seeds),
            tables.number(bar.segments, 2),
            tables.percent(bar.accuracy),
        ]
        for bar in bars
    ]
    heads = ["model", "seeds", "mean segments (a)", "accuracy % (b)"]
    text = ["# Figure 5 at this scale", tables.grid(heads, lines)]
    limits = sorted({m for curve in curves if curve.halting for m in curve.accuracy})
    lines = [
        [f"{curve.rule}, trained with {curve.trained}", "yes" if curve.halting else "no"]
        + [tables.percent(curve.accuracy[m]) if m in curve.accuracy else "" for m in limits]
        for curve in curves
    ]
    heads = ["model", "halts early", *(f"limit {m}" for m in limits)]
    text += ["Accuracy in % with another limit at inference (c):", tables.grid(heads, lines)]
    return "\n\n".join(text) + "\n"


def headline(bars: Sequence[Bar]) -> str:
    """What the figure shows at the largest limit at which there are both rules, in a sentence."""
    there = {(bar.rule, bar.limit): bar for bar in bars}
    limits = [m for m in LIMITS if ("ACT", m) in there and ("fixed", m) in there]
    if not limits:
        return ""
    act, fixed = there["ACT", limits[-1]], there["fixed", limits[-1]]
    return (
        f"ACT runs {act.segments.mean:.1f} of {limits[-1]} segments and is right on "
        f"{act.accuracy.mean:.0%}; a fixed number is on {fixed.accuracy.mean:.0%}"
    )


def draw(bars: Sequence[Bar], curves: Sequence[Curve], path: str | Path) -> Figure:
    """Three panels, as in the paper."""
    figure = theme.figure(13.6, 4.6)
    mean, right, beyond = figure.subplots(1, 3)
    theme.dress(mean, "(a) Segments run at inference", "M_max in training", "mean segments")
    theme.dress(right, "(b) Accuracy", "M_max in training", "right at halting, %")
    theme.dress(beyond, "(c) Accuracy given another limit", "M_max at inference", "right, %")
    handles: list[Any] = []
    for i, rule in enumerate(("ACT", "fixed")):
        style: dict[str, Any] = {**theme.rule_style(2 * i), "marker": "o", "linewidth": 1.6}
        mine = [bar for bar in bars if bar.rule == rule]
        x = [bar.limit for bar in mine]
        handles += mean.plot(x, [bar.segments.mean for bar in mine], label=rule, **style)
        right.plot(x, [100 * bar.accuracy.mean for bar in mine], **style)
        for bar in (bar for bar in mine if bar.seeds > 1):
            at, arm = [bar.limit] * 2, {"color": style["color"], "linewidth": 1.0}
            mean.plot(at, [bar.segments.low, bar.segments.high], **arm)
            right.plot(at, [100 * bar.accuracy.low, 100 * bar.accuracy.high], **arm)
    for curve in (curve for curve in curves if curve.rule == "ACT"):
        x, y = list(curve.accuracy), [100 * value.mean for value in curve.accuracy.values()]
        style = {"color": SHADES[LIMITS.index(curve.trained)], "linewidth": 1.5}
        style["linestyle"] = "-" if curve.halting else ":"
        label = f"ACT trained with {curve.trained}, " + (
            "halting" if curve.halting else "never early"
        )
        handles += beyond.plot(x, y, label=label, **style)
        trained_at = curve.accuracy.get(curve.trained)
        if trained_at is not None and curve.halting:
            beyond.plot(
                curve.trained, 100 * trained_at.mean, "o", color=style["color"], markersize=6
            )
    for axes, ticks in ((mean, LIMITS), (right, LIMITS), (beyond, (1, 2, 4, 8, 16))):
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [str(m) for m in ticks])
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
    theme.legend(figure, handles)
    note = (
        "means over seeds; arms: 95 % t intervals; dots in (c): the limit that it was trained with"
    )
    figure.supxlabel(note, fontsize=8.5, color=theme.GREY)
    figure.suptitle(headline(bars), x=0.01, ha="left", color=theme.BLACK, fontsize=13)
    figure.savefig(path)
    return figure
