"""How the plots of a comparison look: colours, axes, the colour of each policy. Needs matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK, GREY, PALE = "#1f2328", "#6e7781", "#c4cbd3"
RIGHT, WRONG = "#1a7f37", "#c9d1d9"
RULE_COLOURS = (
    "#0550ae", "#54aeff", "#d4861a", "#8250df", "#0aa5a5", "#b35900", "#57ab5a", "#e085d0",
)  # fmt: skip
LEARNER_COLOURS = ("#cf222e", "#1a7f37", "#bf3989", "#7d4e00", "#0a3069", "#57606a")


def figure(width: float, height: float) -> Figure:
    """An empty figure; it needs no pyplot and no display."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=150, layout="constrained")


def dress(axes: Axes, title: str, x: str, y: str) -> None:
    """Labels, and a frame that stands back behind the data."""
    axes.set_title(title, color=BLACK, loc="left", fontsize=11.5, pad=10)
    axes.set_xlabel(x, color=BLACK)
    axes.set_ylabel(y, color=BLACK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    axes.tick_params(color=PALE, labelcolor=GREY)


def legend(figure: Figure, handles: list[Any]) -> None:
    """Beside the axes, where it covers no data."""
    figure.legend(
        handles=handles, loc="outside right upper", frameon=False, labelcolor=BLACK, fontsize=9
    )


def segment_ticks(max_segments: int) -> list[int]:
    """1 to the last segment, at most 16 of them."""
    return list(range(1, max_segments + 1, max(1, max_segments // 16)))


def rule_style(i: int) -> dict[str, Any]:
    """Colour and dashes of the i-th rule: dashes tell rules of one colour apart."""
    dashes = ("-", (0, (5, 2)), (0, (2, 1.5)))[i // len(RULE_COLOURS) % 3]
    return {"color": RULE_COLOURS[i % len(RULE_COLOURS)], "linestyle": dashes}


def learner_colour(i: int) -> str:
    return LEARNER_COLOURS[i % len(LEARNER_COLOURS)]
