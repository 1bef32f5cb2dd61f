"""Can Q_halt be trusted? Reliability, and ranking by segment, as a plot. Needs matplotlib.

Suffixes: M segments, P puzzles, N answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hrm_rl.agents.comparison import theme
from hrm_rl.agents.comparison.details import logged_q_halt
from hrm_rl.agents.comparison.theme import BLACK, GREY, PALE
from hrm_rl.banks.bank import Bank
from hrm_rl.halting import Halted
from hrm_rl.statistics import calibration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUES = ("#9ecbff", "#2f81f7", "#0a3069")
"""Early to late."""


def plot(bank: Bank, name: str, halted: Halted, path: str | Path) -> Figure:
    """Reliability of the model's Q_halt after some segments and over those a policy sees; AUROC.

    Args:
        name, halted: the policy whose segments are pooled.

    Raises:
        ValueError: Q_halt was not logged.
    """
    q_halt_MP = logged_q_halt(bank)
    if q_halt_MP is None:
        raise ValueError("this bank holds no Q_halt; log one with the scalars of a model")
    correct_MP = bank.correct_MP.numpy()
    figure = theme.figure(11.6, 4.8)
    left, right = figure.subplots(1, 2)
    theme.dress(
        left,
        "Of answers given this probability, so many are right",
        "P(right) by Q_halt, %",
        "right, %",
    )
    handles = left.plot([0, 100], [0, 100], color=PALE, linewidth=1, zorder=1, label="calibrated")
    M = bank.max_segments
    for m, colour in zip(sorted({(M + 3) // 4, (M + 1) // 2, M}), BLUES, strict=False):
        p_P = calibration.probability(q_halt_MP[m - 1])
        label = f"after segment {m}, all puzzles"
        handles += _reliability(left, p_P, correct_MP[m - 1], label, colour)
    alive_MP = calibration.alive(halted.segment_P.numpy(), M)
    p_N = calibration.probability(q_halt_MP[alive_MP])
    pooled = f"all segments that {name} sees"
    handles += _reliability(left, p_N, correct_MP[alive_MP], pooled, theme.LEARNER_COLOURS[0])
    left.legend(handles=handles, frameon=False, labelcolor=BLACK, fontsize=9, loc="upper left")
    left.set_ylim(-4, 138)  # the legend lies above the curves
    left.set_yticks(range(0, 101, 20))
    _ranking(right, calibration.calibration_by_segment(q_halt_MP, correct_MP))
    figure.savefig(path)
    return figure


def _reliability(
    axes: Axes, p_N: np.ndarray, right_N: np.ndarray, label: str, colour: str
) -> list[Any]:
    """A curve of 10 to 40 bins: Q_halt is near 0 most of the time, and bins are of equal mass."""
    bins = min(40, max(10, len(p_N) // 40))
    curve = calibration.reliability_curve(p_N, right_N, bins)
    ece = 100 * calibration.expected_calibration_error(p_N, right_N)
    return axes.plot(
        100 * curve.probability_B, 100 * curve.right_B,
        color=colour, linewidth=1.2, marker="o", markersize=4.5, markeredgecolor="white",
        markeredgewidth=0.6, zorder=3, label=f"{label} (ECE {ece:.1f} pp)",
    )  # fmt: skip


def _ranking(axes: Axes, found: Sequence[calibration.Calibration]) -> None:
    """AUROC, and average precision over the share of right answers, which a coin would have."""
    m = np.arange(1, len(found) + 1)
    theme.dress(axes, "Does Q_halt rank right above wrong answers?", "segment", "")
    style: dict[str, Any] = {"linewidth": 1.4, "marker": "o", "markersize": 4}
    axes.plot(m, [c.auroc for c in found], color=BLACK, label="AUROC (a coin: 0.5)", **style)
    coin = "average precision (a coin: the share right)"
    axes.plot(m, [c.auprc for c in found], color=BLUES[1], label=coin, **style)
    axes.plot(m, [c.base_rate for c in found], color=GREY, linestyle=":", label="share right")
    axes.set_ylim(-0.02, 1.38)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.set_xlim(0.6, len(found) + 0.4)
    axes.set_xticks(theme.segment_ticks(len(found)))
    axes.legend(frameon=False, labelcolor=BLACK, fontsize=9, loc="upper left")
