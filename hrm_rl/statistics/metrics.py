"""What halting costs and gains: Pareto hulls, compute saved, regret, where it goes wrong. Pure numpy.

Everything is computed from `correct_MP`, whether the answer is right after each segment, and
`segment_P`, where a policy halts, from 1.

Suffixes: P puzzles, M segments, N points, H points of a hull.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from hrm_rl.checks.numbers import real, whole
from hrm_rl.statistics import inputs
from hrm_rl.statistics.ranks import kendall, spearman

RATING_BANDS = (0, 1, 10, 30)
"""Lower ends of the rating bands that are reported: guesses to the first solution."""


class Band(NamedTuple):
    """Accuracy after each segment on the puzzles with low <= rating < high."""

    low: int
    high: int | None
    """None: no upper end."""
    puzzles: int
    accuracy_M: Float[np.ndarray, " M"]


class Errors(NamedTuple):
    """Where a policy's answers and segments went, as means over puzzles.

    wrong = never + under + lost - both, and
    mean segments = 1 + needed + late + wasted + in_vain.
    """

    wrong: float
    never: float
    """Wrong, and never right at any segment: no policy could do better."""
    under: float
    """Under-thinking: wrong where it halts, right at a later segment."""
    lost: float
    """Over-thinking: wrong where it halts, right at an earlier segment."""
    both: float
    """Counted in `under` and in `lost`."""
    needed: float
    """Segments (beyond the first) up to the first right answer, where it was reached."""
    late: float
    """Segments after the first right answer."""
    wasted: float
    """Segments (beyond the first) on puzzles that are never right."""
    in_vain: float
    """Segments (beyond the first) on puzzles given up before their first right answer."""
    gave_up: float
    """Halts before the last segment with a wrong answer."""
    gave_up_justly: float
    """Those of `gave_up` that would not have become right later."""

    @property
    def precision(self) -> float:
        """Share of the halts with a wrong answer that lost nothing; nan if there are none."""
        return self.gave_up_justly / self.gave_up if self.gave_up else float("nan")


class Correlation(NamedTuple):
    """Rank correlation of two columns over puzzles; nan if either is constant."""

    spearman: float
    kendall: float
    puzzles: int


# --- the cost of accuracy -------------------------------------------------------------------------


def concave_hull(
    segments_N: Shaped[np.ndarray, " N"], accuracy_N: Shaped[np.ndarray, " N"]
) -> Int[np.ndarray, " H"]:
    """Indices of the upper concave hull, from the fewest segments up to the highest accuracy.

    What lies on it can be had: choosing between two policies by a coin, puzzle by puzzle, gives
    every point of the line between them (and no choice of the points given gives one above).

    Raises:
        ValueError: no points, or one that is nan.
    """
    inputs.finite("segments_N", segments_N)
    inputs.finite("accuracy_N", accuracy_N, len(segments_N))
    if not len(segments_N):
        raise ValueError("a hull needs at least one point, got none")
    x, y = segments_N.tolist(), accuracy_N.tolist()
    hull: list[int] = []
    for i in np.lexsort((-accuracy_N, segments_N)).tolist():
        if hull and y[i] <= y[hull[-1]]:
            continue  # costs as much or more, and gains nothing
        while len(hull) >= 2 and _is_below(hull[-2], hull[-1], i, x, y):
            hull.pop()
        hull.append(i)
    return np.array(hull, dtype=np.int64)


def _is_below(a: int, b: int, c: int, x: list[float], y: list[float]) -> bool:
    """Whether point b lies on or below the line from a to c."""
    return (y[b] - y[a]) * (x[c] - x[a]) <= (y[c] - y[a]) * (x[b] - x[a])


def pareto_area(
    segments_N: Shaped[np.ndarray, " N"], accuracy_N: Shaped[np.ndarray, " N"], max_segments: int
) -> float:
    """Mean over budgets b in [1, max_segments] of the best accuracy at b mean segments (the hull).

    Below the cheapest point the accuracy counts as 0.

    Raises:
        ValueError: max_segments < 2, where there is nothing to choose.
    """
    hull = concave_hull(segments_N, accuracy_N)
    x, y = segments_N[hull].astype(np.float64), accuracy_N[hull].astype(np.float64)
    return float(path_area(x[:, None], y[:, None], max_segments)[0])


def path_area(
    segments_NR: Float[np.ndarray, "N R"], accuracy_NR: Float[np.ndarray, "N R"], max_segments: int
) -> Float[np.ndarray, " R"]:
    """`pareto_area` of points that were chosen elsewhere, and are gone through in their order.

    Budgets between two points get both, mixed; those beyond the last one get the last. Where a point
    has fewer segments than the one before it, what lies between them is taken off again.

    Raises:
        ValueError: max_segments < 2, where there is nothing to choose.
    """
    whole("max_segments", max_segments, low=2)
    x_NR = np.concatenate([segments_NR, np.maximum(max_segments, segments_NR[-1:])])
    y_NR = np.concatenate([accuracy_NR, accuracy_NR[-1:]])
    area_R = (np.diff(x_NR, axis=0) * (y_NR[1:] + y_NR[:-1]) / 2).sum(0)
    return np.asarray(area_R / (max_segments - 1))


def cheapest_mixture(
    segments_N: Shaped[np.ndarray, " N"], accuracy_N: Shaped[np.ndarray, " N"], wanted: float
) -> Float[np.ndarray, " N"]:
    """Shares of points that together have the accuracy that is wanted, with the fewest mean segments.

    At most two are above 0. With the point of never halting early among them, and its accuracy less
    some slack wanted, it says what a family of policies saves.

    Raises:
        ValueError: no point is as accurate, there is none, or one is nan.
    """
    wanted = real("wanted", wanted)
    hull = concave_hull(segments_N, accuracy_N)
    y, weight_N = accuracy_N[hull].astype(np.float64), np.zeros(len(segments_N))
    if wanted > y[-1] + 1e-12:
        raise ValueError(
            f"wanted must be an accuracy that a point has, at most {y[-1]:g}, got {wanted:g}"
        )
    enough = int(np.argmax(y >= wanted - 1e-12))
    share = 1.0 if enough == 0 else (wanted - y[enough - 1]) / (y[enough] - y[enough - 1])
    weight_N[hull[enough]] = min(1.0, share)
    if enough:
        weight_N[hull[enough - 1]] = 1 - weight_N[hull[enough]]
    return weight_N


# --- value ----------------------------------------------------------------------------------------


def normalised_score(value: float, fixed: float, prophet: float) -> float:
    """0 for the best fixed number of segments, 1 for the prophet; nan if these are equal."""
    gap = prophet - fixed
    return (value - fixed) / gap if gap > 1e-12 else float("nan")


# --- where it goes wrong --------------------------------------------------------------------------


def error_columns(
    correct_MP: Bool[np.ndarray, "M P"], segment_P: Shaped[np.ndarray, " P"]
) -> dict[str, Float[np.ndarray, " P"]]:
    """`Errors` puzzle by puzzle, by name: their means over puzzles are its fields.

    Raises:
        ValueError: segments that are not one for each puzzle in 1 .. M.
    """
    inputs.segments(segment_P, correct_MP)
    m_M1 = np.arange(1, len(correct_MP) + 1)[:, None]
    right_P = np.take_along_axis(correct_MP, segment_P[None].astype(np.int64) - 1, 0)[0]
    before_P, after_P = (m_M1 < segment_P) & correct_MP, (m_M1 > segment_P) & correct_MP
    lost_P, under_P = (~right_P & part.any(0) for part in (before_P, after_P))
    ever_P, first_P = correct_MP.any(0), correct_MP.argmax(0) + 1
    reached_P = ever_P & (first_P <= segment_P)
    gave_up_P = ~right_P & (segment_P < len(correct_MP))
    columns = {
        "wrong": ~right_P,
        "never": ~ever_P,
        "under": under_P,
        "lost": lost_P,
        "both": under_P & lost_P,
        "needed": reached_P * (first_P - 1),
        "late": reached_P * (segment_P - first_P),
        "wasted": ~ever_P * (segment_P - 1),
        "in_vain": (ever_P & ~reached_P) * (segment_P - 1),
        "gave_up": gave_up_P,
        "gave_up_justly": gave_up_P & ~under_P,
    }
    return {name: column.astype(np.float64) for name, column in columns.items()}


def errors(correct_MP: Bool[np.ndarray, "M P"], segment_P: Shaped[np.ndarray, " P"]) -> Errors:
    """Under-thinking, over-thinking, late and wasted segments, giving up: see `Errors`.

    Raises:
        ValueError: as `error_columns`, or no puzzles.
    """
    if not correct_MP.size:
        raise ValueError("errors are means over puzzles, got none")
    columns = error_columns(correct_MP, segment_P)
    return Errors(**{name: float(column.mean()) for name, column in columns.items()})


# --- difficulty -----------------------------------------------------------------------------------


def accuracy_by_band(
    correct_MP: Bool[np.ndarray, "M P"],
    rating_P: Int[np.ndarray, " P"],
    bands: Sequence[int] = RATING_BANDS,
) -> list[Band]:
    """Accuracy after each segment in each rating band that has puzzles.

    Args:
        bands: lower ends, ascending; the last band has no upper end.

    Raises:
        ValueError: ratings that are not one for each puzzle, or bands that do not ascend.
    """
    inputs.finite("rating_P", rating_P, correct_MP.shape[1])
    if not bands or any(low >= high for low, high in pairwise(bands)):
        raise ValueError(f"bands must be lower ends that ascend, got {tuple(bands)}")
    found = []
    for low, high in zip(bands, [*bands[1:], None], strict=True):
        inside_P = (rating_P >= low) & (high is None or rating_P < high)
        if inside_P.any():
            found.append(Band(low, high, int(inside_P.sum()), correct_MP[:, inside_P].mean(1)))
    return found


def correlation(a_P: Shaped[np.ndarray, " P"], b_P: Shaped[np.ndarray, " P"]) -> Correlation:
    """Spearman and Kendall, of halting times with ratings for one."""
    if not len(a_P):
        return Correlation(float("nan"), float("nan"), 0)
    return Correlation(spearman(a_P, b_P), kendall(a_P, b_P), len(a_P))


def correlation_with_first_correct(
    correct_MP: Bool[np.ndarray, "M P"], segment_P: Shaped[np.ndarray, " P"]
) -> Correlation:
    """Of halting times with the first right segment, on the puzzles that are ever right.

    Raises:
        ValueError: segments that are not one for each puzzle in 1 .. M.
    """
    inputs.segments(segment_P, correct_MP)
    ever_P = correct_MP.any(0)
    return correlation(segment_P[ever_P], correct_MP.argmax(0)[ever_P] + 1)
