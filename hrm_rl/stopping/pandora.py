"""Restarts in closed form, where copies are independent: Weitzman's boxes, and Gittins' index of a copy.

Pandora opens boxes at a price, one after the other, and keeps the best that she found. Box i with worth X
and price c has the reservation value z at which opening it beside a sure z is worth nothing,
E[(X - z)+] = c, and it is optimal to open the box of the largest z until the best so far is at least that
(Weitzman 1979). What she gets is E[max_i min(X_i, z_i)] (Kleinberg, Waggoner and Weyl 2016).

A copy that may be thought about for longer is no box but a chain, with an index in place of z; where one
sees whether its answer is right, it is 1 - c / rho with the largest rate rho of right answers a segment.

Shapes: N values, M segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from hrm_rl.banks.synthetic import Chain, right_after
from hrm_rl.checks.numbers import real


class Box(NamedTuple):
    """What may be in a box, and the price of opening it."""

    worth_N: Float[Tensor, " N"]
    chance_N: Float[Tensor, " N"]
    cost: float


def reservation(box: Box) -> float:
    """The z with E[(X - z)+] = cost; the largest worth for a free box.

    Raises:
        ValueError: chances that are none or do not sum to 1, or a cost below 0.
    """
    worth_N, chance_N, cost = _checked(box)
    order_N = worth_N.argsort(descending=True)
    worth_N, chance_N = worth_N[order_N], chance_N[order_N]
    mass_N, sum_N = chance_N.cumsum(0), (chance_N * worth_N).cumsum(0)
    if cost == 0:
        return float(worth_N[chance_N > 0][0])
    # With z between the n-th and the next worth, E[(X - z)+] = sum_n - mass_n z.
    z_N = torch.where(mass_N > 0, (sum_N - cost) / mass_N.clamp(min=1e-300), -torch.inf)
    return float(z_N.max())


def pandora(boxes: Sequence[Box]) -> float:
    """What the best way of opening boxes gets; the first is to be opened, whatever its price.

    An environment's first segment is such a box, and free.

    Raises:
        ValueError: no box, or as `reservation`.
    """
    if not boxes:
        raise ValueError("Pandora needs a box at least, got none")
    first, *others = boxes
    capped = [(first.worth_N.double(), first.chance_N.double())]
    capped += [
        (box.worth_N.double().clamp(max=reservation(box)), box.chance_N.double()) for box in others
    ]
    levels_N = torch.cat([worth_N for worth_N, _ in capped]).unique()
    below_N = torch.ones_like(levels_N)
    for worth_N, chance_N in capped:
        below_N = below_N * ((worth_N <= levels_N[:, None]) * chance_N).sum(1)
    chance_N = below_N.diff(prepend=torch.zeros(1, dtype=torch.float64))
    return float(chance_N @ levels_N) - _checked(first)[2]


def _checked(box: Box) -> tuple[Tensor, Tensor, float]:
    worth_N, chance_N = box.worth_N.double(), box.chance_N.double()
    if worth_N.shape != chance_N.shape or not len(worth_N):
        raise ValueError(
            f"a box has a chance for each worth, got {len(chance_N)} for {len(worth_N)}"
        )
    if not (chance_N >= 0).all() or not torch.isclose(chance_N.sum(), chance_N.new_ones(())):
        raise ValueError(f"the chances of a box must be >= 0 and sum to 1, got {chance_N.tolist()}")
    return worth_N, chance_N, real("cost", box.cost, low=0)


class Index(NamedTuple):
    """When to leave a copy that is still wrong, with as many copies and segments as one likes."""

    segments: int
    """Restart after so many; `max_segments` of the chain where staying is best to its end."""
    rate: float
    """Right answers a segment, the most that can be had."""
    reservation: float
    """The value of a copy that was not begun, in Pandora's sense."""
    value: float
    """Of the whole problem, whose first segment is free."""


def index(chain: Chain, step_cost: float) -> Index:
    """Gittins' index of a chain that keeps right answers, and of which one sees whether it is right.

    Copy after copy, each left after n segments without success, is right in the end after 1 / rate
    segments on average, with rate = P(right by n) / E[segments until right or n] (renewal).

    Raises:
        ValueError: a chain that loses right answers or is seen through noise, or a cost below 0.
    """
    step_cost = real("step_cost", step_cost, low=0)
    if chain.loss or chain.scale is not None:
        raise ValueError(
            f"the index is of a chain that keeps right answers and shows them, got loss={chain.loss:g} "
            f"and scale={chain.scale}"
        )
    right_M = right_after(chain)
    spent_M = 1 + torch.cat([right_M.new_zeros(1), (1 - right_M[:-1]).cumsum(0)])
    rate_M = right_M / spent_M
    best = int(rate_M.argmax())
    rate = float(rate_M[best])
    fresh = 1 - step_cost / rate if rate else -torch.inf
    # Wrong after n segments of the first copy: the better of giving up and of another copy.
    left_M = right_M + (1 - right_M) * max(fresh, 0.0)
    return Index(best + 1, rate, fresh, float((left_M - step_cost * (spent_M - 1)).max()))
