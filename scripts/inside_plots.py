"""Plots of scripts/inside.py. Needs matplotlib, and Pillow for pictures.

Shapes: H and W pixels, S states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hrm_rl.agents.comparison import theme
from hrm_rl.inside.depth import DEPTHS, MIDDLE, WIDTHS, Point
from hrm_rl.inside.participation import KINDS, Dimensions
from hrm_rl.inside.predictions import Moment
from hrm_rl.inside.residuals import Residuals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"z_H": "#cf222e", "z_L": "#0550ae", "passes": "#8250df", "layers": "#57606a"}
WORDS = {
    "z_H": "z_H, at its updates",
    "z_L": "z_L, every step",
    "passes": "state, every pass",
    "layers": "state, every layer",
}


def save_picture(pixels_HW3: np.ndarray, path: Path) -> None:
    from PIL import Image

    Image.fromarray(pixels_HW3).save(path)


def predictions(moments: Sequence[Moment], path: Path) -> Figure:
    """Figure 7 in numbers."""
    figure = theme.figure(11.6, 4.2)
    right, changes = figure.subplots(1, 2)
    x = range(1, len(moments) + 1)
    theme.dress(right, "What is right", "low-level step", "%")
    theme.dress(changes, "What changes at a step", "low-level step", "% of open cells")
    for i, (name, words) in enumerate(
        (("solved", "puzzles solved"), ("right", "open cells right"), ("broken", "break a rule"))
    ):
        y = [100 * getattr(at, name) for at in moments]
        right.plot(x, y, label=words, marker=".", **theme.rule_style(2 * i))
    for i, (name, words) in enumerate(
        (("changed", "changed"), ("undone", "right before, wrong now"), ("returned", "tried again"))
    ):
        y = [100 * getattr(at, name) for at in moments[1:]]
        changes.plot(x[1:], y, label=words, marker=".", **theme.rule_style(2 * i))
    for axes in (right, changes):
        axes.set_ylim(bottom=0)
        _segment_lines(axes, [i for i, at in enumerate(moments, start=1) if at.step == 1])
        axes.legend(frameon=False, labelcolor=theme.BLACK, fontsize=9)
    return _saved(figure, "vertical lines: a segment begins", path)


def residuals(found: Mapping[str, Mapping[str, Residuals]], norm: str, path: Path) -> Figure:
    """A column for each model: residuals above, the first puzzle's trajectory below."""
    figure = theme.figure(4.6 * max(len(found), 2), 7.4)
    panels = figure.subplots(2, len(found), squeeze=False)
    for (name, lines), above, below in zip(found.items(), *panels, strict=True):
        theme.dress(above, name, "layer" if "layers" in lines else "step", f"residual ({norm})")
        theme.dress(below, "one puzzle's trajectory", "first component", "second")
        for module, line in lines.items():
            style: dict[str, Any] = {"color": COLOURS[module], "linewidth": 1.2, "marker": "."}
            above.plot(line.step_I, line.residual_I, label=WORDS[module], **style)
            x, y = zip(*line.points_S2, strict=True)
            below.plot(x, y, **style, alpha=0.8)
            below.plot(x[0], y[0], "o", color=COLOURS[module], markersize=8, fillstyle="none")
            below.plot(x[-1], y[-1], "s", color=COLOURS[module], markersize=7)
        above.set_ylim(bottom=0)
        above.legend(frameon=False, labelcolor=theme.BLACK, fontsize=9)
    return _saved(figure, "trajectories: circle, where it begins; square, where it ends", path)


def participation(found: Mapping[str, Sequence[Dimensions]], path: Path) -> Figure:
    """A column for each kind of sample: the trained model above, the untrained ones below."""
    figure = theme.figure(13.6, 7.6)
    panels = figure.subplots(2, len(KINDS))
    for row, title in zip(panels, ("trained", "untrained"), strict=True):
        for axes, kind in zip(row, KINDS, strict=True):
            theme.dress(axes, f"{title}, {kind}", "trajectories", "participation ratio")
            mine = [name for name in found if name.startswith(title)]
            for name in mine:
                _dimensions(axes, [at for at in found[name] if at.kind == kind])
            counts = sorted({at.trajectories for name in mine for at in found[name]})
            _plain_axes(axes, counts, kind == "whole")
    handles, labels = panels[0][0].get_legend_handles_labels()
    theme.legend(figure, [h for h, _ in zip(handles, labels, strict=True)])
    note = "exchanged: the naive ratio once features no longer go together; untrained: a line for each seed"
    return _saved(figure, note, path)


def _dimensions(axes: Axes, points: Sequence[Dimensions]) -> None:
    for module in ("z_H", "z_L"):
        mine = [at for at in points if at.module == module]
        x = [at.trajectories for at in mine]
        for name, dashes in (("naive", "-"), ("corrected", "--"), ("exchanged", ":")):
            y = [getattr(at, name) for at in mine]
            style: dict[str, Any] = {"color": COLOURS[module], "linestyle": dashes}
            axes.plot(x, y, label=f"{module}, {name}", linewidth=1.4, **style)


def _plain_axes(axes: Axes, x: Sequence[int], logarithmic: bool) -> None:
    """Ticks are numbers as people write them."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axes.set_xscale("log")
    axes.set_xticks(x, [str(count) for count in x])
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    else:
        axes.set_ylim(bottom=0)
    axes.minorticks_off()


def depth(found: Mapping[str, Sequence[Point]], path: Path) -> Figure:
    """Direct prediction wider and deeper at the left, all systems by layers computed at the right."""
    figure = theme.figure(11.6, 4.6)
    left, right = figure.subplots(1, 2)
    theme.dress(left, "Direct prediction", "parameters", "cells right, %")
    theme.dress(right, "By layers computed", "layers", "puzzles right, %")
    layers, width = MIDDLE
    names = {
        f"wider, {layers} layers": [
            f"wide-{w}" if w != width else f"deep-{layers}" for w in WIDTHS
        ],
        f"deeper, width {width}": [f"deep-{d}" for d in DEPTHS],
    }
    for i, (label, chosen) in enumerate(names.items()):
        mine = [found[name][0] for name in chosen if name in found]
        style: dict[str, Any] = {"marker": "o", **theme.rule_style(2 * i)}
        x, y = [at.parameters for at in mine], [100 * at.cells for at in mine]
        left.plot(x, y, label=label, **style)
    deep = [found[f"deep-{d}"][0] for d in DEPTHS if f"deep-{d}" in found]
    lines = {"direct prediction": deep, **{n: found[n] for n in ("recurrent", "hrm") if n in found}}
    for i, (label, line) in enumerate(lines.items()):
        x, y = [at.layers for at in line], [100 * at.accuracy for at in line]
        right.plot(x, y, label=label, marker="o", markersize=4, **theme.rule_style(2 * i))
    left.set_xscale("log")
    sizes = sorted(
        {found[name][0].parameters for each in names.values() for name in each if name in found}
    )
    left.set_xticks(sizes, [f"{size / 1000:.0f}k" for size in sizes])
    left.minorticks_off()
    right.set_xscale("log", base=2)
    right.set_xticks(counts := [2**n for n in range(8)], [str(count) for count in counts])
    right.minorticks_off()
    right.set_ylim(bottom=-1)
    for axes in (left, right):
        axes.legend(frameon=False, labelcolor=theme.BLACK, fontsize=9)
    return _saved(figure, "recurrent and hrm: one model each, given more and more segments", path)


def _segment_lines(axes: Axes, at: Sequence[int]) -> None:
    for x in at:
        axes.axvline(x - 0.5, color=theme.PALE, linewidth=0.6, zorder=0)


def _saved(figure: Figure, note: str, path: Path) -> Figure:
    figure.supxlabel(note, fontsize=8.5, color=theme.GREY)
    figure.savefig(path)
    return figure
