"""Weitzman's boxes and the index of a copy: by hand, and against dynamic programming."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.banks.synthetic import Chain
from hrm_rl.stopping.pandora import Box, index, pandora, reservation


def box(worth: list[float], chance: list[float], cost: float) -> Box:
    return Box(torch.tensor(worth), torch.tensor(chance), cost)


def test_reservation_values_by_hand() -> None:
    """A half of 1 at 0.1: (1 - z) / 2 = 0.1. All of 3 and 1 at 1.5: 2 - z = 1.5, below both."""
    assert reservation(box([0, 1], [0.5, 0.5], 0.1)) == pytest.approx(0.8)
    assert reservation(box([3, 1], [0.5, 0.5], 1.5)) == pytest.approx(0.5)
    assert reservation(box([0.2, 0.9, 0.5], [0.2, 0.3, 0.5], 0.12)) == pytest.approx(0.5)
    assert reservation(box([0, 1, 7], [0.5, 0.5, 0], 0)) == 1.0


def test_pandora_by_hand() -> None:
    """One free coin, then one at 0.1: 1/2 + 1/2 (1/2 - 0.1). At 0.6 the second stays closed."""
    coin = [0.0, 1], [0.5, 0.5]
    assert pandora([box(*coin, 0), box(*coin, 0.1)]) == pytest.approx(0.7)
    assert pandora([box(*coin, 0), box(*coin, 0.6)]) == pytest.approx(0.5)
    assert pandora([box(*coin, 0.2)]) == pytest.approx(0.3)


@st.composite
def boxes(draw: st.DrawFn) -> list[Box]:
    def one() -> Box:
        n = draw(st.integers(1, 3))
        worth = [draw(st.integers(0, 8)) / 8 for _ in range(n)]
        weights = torch.tensor([draw(st.integers(1, 4)) for _ in range(n)], dtype=torch.float64)
        return Box(torch.tensor(worth), weights / weights.sum(), draw(st.integers(0, 4)) / 8)

    return [one() for _ in range(draw(st.integers(1, 4)))]


@given(boxes())
def test_no_order_of_opening_gets_more(given: list[Box]) -> None:
    """Every order and every stopping, by recursion over what is closed and the best so far."""
    plain = [(b.worth_N.tolist(), b.chance_N.tolist(), b.cost) for b in given]

    def opened(i: int, best: float, closed: frozenset[int]) -> float:
        worth, chance, cost = plain[i]
        later = [value(max(best, x), closed - {i}) for x in worth]
        return sum(p * v for p, v in zip(chance, later, strict=True)) - cost

    @cache
    def value(best: float, closed: frozenset[int]) -> float:
        return max([best, *(opened(i, best, closed) for i in closed)])

    by_hand = opened(0, 0.0, frozenset(range(len(plain))))
    assert pandora(given) == pytest.approx(by_hand, abs=1e-9)


def test_what_is_no_box_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be >= 0 and sum to 1, got \[0.5, 0.25\]"):
        reservation(box([0, 1], [0.5, 0.25], 0.1))
    with pytest.raises(ValueError, match="a chance for each worth, got 1 for 2"):
        reservation(box([0, 1], [1.0], 0.1))
    with pytest.raises(ValueError, match="a box at least, got none"):
        pandora([])


# --- the index of a copy --------------------------------------------------------------------------

GIVING_UP = Chain(8, first=0.3, hazard=0.3, solvable=0.8)


def test_the_index_by_hand() -> None:
    """0.24 right after one segment at 1, 0.408 at 1.76: 0.24 and 0.2318 a segment."""
    found = index(GIVING_UP, 0.06)
    assert (found.segments, found.rate) == (1, pytest.approx(0.24))
    assert found.reservation == pytest.approx(0.75)
    assert found.value == pytest.approx(0.24 + 0.76 * 0.75)


@given(
    st.floats(0.05, 1), st.floats(0, 1), st.floats(0.2, 1), st.sampled_from([0.0, 0.01, 0.1, 0.4])
)
def test_no_way_of_leaving_copies_gets_more(
    first: float, hazard: float, solvable: float, cost: float
) -> None:
    """Against dynamic programming with a horizon of 300, beyond which little is left."""
    chain = Chain(5, first=first, hazard=hazard, solvable=solvable)
    found, horizon = index(chain, cost), 300
    right = [solvable * (1 - (1 - first) * (1 - hazard) ** n) for n in range(5)]
    # P(right now | wrong until now) of each segment of a copy.
    chance = [
        right[0],
        *((b - a) / (1 - a) if a < 1 else 0 for a, b in pairwise(right)),
    ]
    worth = [0.0] * 6  # to go, wrong after n segments of the copy
    for _ in range(horizon):
        after = [p + (1 - p) * v - cost for p, v in zip(chance, worth[1:], strict=True)]
        worth = [max(0.0, after[0], after[n] if n < 5 else 0.0) for n in range(6)]
    best = right[0] + (1 - right[0]) * worth[1]
    assert best <= found.value + 1e-9
    assert found.value <= best + math.exp(-found.rate * (horizon - 5)) + 1e-9


def test_other_chains_have_no_such_index() -> None:
    with pytest.raises(ValueError, match=r"keeps right answers and shows them, got loss=0\.1"):
        index(replace(GIVING_UP, loss=0.1), 0.1)
