"""Student's t distribution, for any positive number of degrees of freedom. Standard library alone."""

from __future__ import annotations

import math
from statistics import NormalDist

from hrm_rl.checks.numbers import real

_NORMAL_FROM = 1e7
"""Degrees of freedom from which t is the normal distribution to seven digits."""


def tail(t: float, freedom: float) -> float:
    """P(T > t): half of the regularised incomplete beta function at freedom / (freedom + t^2).

    Raises:
        ValueError: freedom <= 0.
    """
    _positive(freedom)
    if freedom >= _NORMAL_FROM:
        upper = math.erfc(abs(t) / math.sqrt(2)) / 2
    else:
        whole = freedom + t * t
        upper = _beta(freedom / whole, t * t / whole, freedom / 2, 0.5) / 2
    return upper if t >= 0 else 1 - upper


def quantile(probability: float, freedom: float) -> float:
    """t with P(T <= t) = probability.

    By Newton's method from the normal's quantile: beyond the median the distribution function is
    concave, so that every step stays on the near side of the answer.

    Raises:
        ValueError: a probability outside (0, 1), or freedom <= 0.
    """
    real("probability", probability, low=0, high=1, inside=True)
    _positive(freedom)
    if probability < 0.5:
        return -quantile(1 - probability, freedom)
    t = NormalDist().inv_cdf(probability)
    if freedom >= _NORMAL_FROM:
        return t
    log_scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    scale = math.exp(log_scale) / math.sqrt(freedom * math.pi)
    for _ in range(500):
        density = scale * (1 + t * t / freedom) ** (-(freedom + 1) / 2)
        step = (tail(t, freedom) - (1 - probability)) / density
        t += step
        if abs(step) <= 1e-12 * (1 + abs(t)):
            break
    return t


def _positive(freedom: float) -> None:
    if not freedom > 0:
        raise ValueError(f"freedom must be a number > 0, got {freedom}; it is that of a variance")


def _beta(x: float, y: float, a: float, b: float) -> float:
    """The regularised incomplete beta function at x, by its continued fraction (Lentz's method).

    Args:
        y: 1 - x, given apart, since it may be below the last digit of x.
    """
    if x == 0 or y == 0:
        return float(y == 0)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(y, x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    log_front += a * _log(x, y) + b * _log(y, x)
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 500):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for numerator in (even, odd):
            d, c = 1 / (1 + numerator * d), 1 + numerator / c
            fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return math.exp(log_front) * fraction / a


def _log(x: float, y: float) -> float:
    """log(x) where y = 1 - x is known too, and is the better known of the two if x is near 1."""
    return math.log1p(-y) if x > 0.5 else math.log(x)
