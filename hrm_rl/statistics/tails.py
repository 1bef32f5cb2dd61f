"""The bad end of a distribution: its percentile, and the mean beyond it. Pure numpy.

What a policy costs on average says little of the longest runs, which a deadline or a queue is about.

Suffixes: N values, each with a weight.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from hrm_rl.checks.numbers import real
from hrm_rl.statistics.inputs import finite

LEVEL = 0.95


class Tail(NamedTuple):
    """Of the values that are worst; nan of nothing."""

    percentile: float = float("nan")
    """Value at risk: the best value than which at least `level` of the mass is no worse."""
    mean: float = float("nan")
    """Conditional value at risk: the mean of the worst 1 - `level` of the mass."""


def highest(
    value_N: Shaped[np.ndarray, " N"],
    weight_N: Float[np.ndarray, " N"] | None = None,
    level: float = LEVEL,
) -> Tail:
    """Where high is bad: segments, say. A value on the border counts with the part that is beyond.

    So the mean is that of exactly 1 - level of the mass, whether or not values repeat (Rockafellar
    and Uryasev 2002). Of a policy that tosses coins: `highest(np.arange(1, M + 1), halting_M)`.

    Args:
        weight_N: >= 0, in any unit; None: all alike.

    Raises:
        ValueError: no values, one that is not finite, weights that are not one for each, negative or
            all 0, or a level outside (0, 1).
    """
    level = real("level", level, low=0, high=1, inside=True)
    finite("value_N", value_N)
    weight_N = np.ones(len(value_N)) if weight_N is None else weight_N
    finite("weight_N", weight_N, len(value_N))
    if not len(value_N) or weight_N.min() < 0 or not weight_N.sum() > 0:
        raise ValueError("a tail needs values, with weights >= 0 that are not all 0, got none such")
    order_N = np.argsort(-value_N.astype(np.float64), kind="stable")
    value_N, weight_N = value_N[order_N].astype(np.float64), weight_N[order_N] / weight_N.sum()
    before_N = np.cumsum(weight_N) - weight_N
    part_N = np.clip(1 - level - before_N, 0, weight_N)
    last = int(np.flatnonzero(before_N <= 1 - level + 1e-12)[-1])
    return Tail(float(value_N[last]), float(part_N @ value_N / part_N.sum()))


def lowest(
    value_N: Shaped[np.ndarray, " N"],
    weight_N: Float[np.ndarray, " N"] | None = None,
    level: float = LEVEL,
) -> Tail:
    """Where low is bad: returns. What at least `level` of the mass reaches, and the mean of the rest.

    Raises:
        ValueError: as `highest`.
    """
    finite("value_N", value_N)
    return Tail(*(0.0 - end for end in highest(-value_N.astype(np.float64), weight_N, level)))
