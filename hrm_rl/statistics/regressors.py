"""Least squares on what is seen after one segment: the part of backward induction that is a choice.

Each takes observations, targets and weights that sum to 1, and returns what it expects of new
observations. All of it is in double precision. Shapes: P puzzles, B rows, F features, U distinct
rows or bins, K columns of a design.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from hrm_rl.checks.numbers import real, whole

Predict = Callable[[Tensor], Tensor]
"""Observations (B, F) -> expected targets (B,)."""
_ROWS = 2**12
"""Rows of a design that are held at once: 4 MiB of 128 random features, small enough for caches."""


class Regress(Protocol):
    """Fits E[target | observation] by weighted least squares."""

    def __call__(
        self,
        obs_PF: Float[Tensor, "P F"],
        target_P: Float[Tensor, " P"],
        weight_P: Float[Tensor, " P"],
    ) -> Predict: ...


def table(
    obs_PF: Float[Tensor, "P F"], target_P: Float[Tensor, " P"], weight_P: Float[Tensor, " P"]
) -> Predict:
    """The mean of each distinct row: exact. A row that was not seen gets the mean of all."""
    _check(obs_PF, target_P, weight_P)
    rows, find = distinct(obs_PF)
    mean_U = _means(find(obs_PF), rows, target_P, weight_P)
    overall_1 = (weight_P @ target_P)[None] / weight_P.sum()
    mean_U = torch.cat([mean_U, overall_1])
    return lambda obs_BF: mean_U[find(obs_BF)]


def distinct(obs_PF: Float[Tensor, "P F"]) -> tuple[int, Predict]:
    """Number of distinct rows, and what numbers them; that number itself is of all other rows.

    Column by column, since sorting whole rows is many times slower.
    """
    code_P = torch.zeros(len(obs_PF), dtype=torch.long)
    steps = []
    for column_P in obs_PF.unbind(1):
        value_V, at_P = column_P.unique(return_inverse=True)
        code_U, code_P = (code_P * len(value_V) + at_P).unique(return_inverse=True)
        steps.append((value_V, code_U))

    def find(obs_BF: Tensor) -> Tensor:
        known_B = torch.ones(len(obs_BF), dtype=torch.bool)
        code_B = torch.zeros(len(obs_BF), dtype=torch.long)
        for column_B, (value_V, code_U) in zip(obs_BF.unbind(1), steps, strict=True):
            at_B, same_B = _position(column_B, value_V)
            code_B, met_B = _position(code_B * len(value_V) + at_B, code_U)
            known_B &= same_B & met_B
        return torch.where(known_B, code_B, rows)

    rows = len(steps[-1][1])
    return rows, find


def _position(value_B: Tensor, sorted_V: Tensor) -> tuple[Tensor, Tensor]:
    """Where each value stands among the sorted ones, and whether it is one of them."""
    at_B = torch.searchsorted(sorted_V, value_B.contiguous()).clamp(max=len(sorted_V) - 1)
    return at_B, sorted_V[at_B] == value_B


def binned(
    obs_PF: Float[Tensor, "P F"],
    target_P: Float[Tensor, " P"],
    weight_P: Float[Tensor, " P"],
    *,
    bins: int = 100,
) -> Predict:
    """The mean of each of `bins` quantile bins of the one column that varies.

    Raises:
        ValueError: several columns vary.
    """
    _check(obs_PF, target_P, weight_P)
    bins = whole("bins", bins, low=1)
    varies_F = (obs_PF != obs_PF[0]).any(0).nonzero()[:, 0]
    if len(varies_F) > 1:
        raise ValueError(
            f"bins are of one column, got {len(varies_F)} that vary; use `random_features`"
        )
    column = int(varies_F[0]) if len(varies_F) else 0
    order_P = obs_PF[:, column].argsort()
    inner = torch.linspace(0, len(order_P), bins + 1)[1:-1].long()
    edge_U = obs_PF[order_P, column][inner].unique()
    bin_P = torch.bucketize(obs_PF[:, column].contiguous(), edge_U, right=True)
    mean_U = _means(bin_P, len(edge_U) + 1, target_P, weight_P)
    return lambda obs_BF: mean_U[
        torch.bucketize(obs_BF[:, column].contiguous(), edge_U, right=True)
    ]


def linear(
    obs_PF: Float[Tensor, "P F"], target_P: Float[Tensor, " P"], weight_P: Float[Tensor, " P"]
) -> Predict:
    """A constant and the columns as they are. The scale and the origin of a column don't matter."""
    return _ridge(obs_PF, target_P, weight_P, lambda x_BF: x_BF, penalty=0.0)


def random_features(
    obs_PF: Float[Tensor, "P F"],
    target_P: Float[Tensor, " P"],
    weight_P: Float[Tensor, " P"],
    *,
    width: int = 128,
    penalty: float = 1e-4,
    seed: int = 0,
) -> Predict:
    """The columns, and `width` tanh of random directions through them, by ridge regression.

    Source: Herrera et al. 2021 (arXiv 2104.13669): the hidden layer is drawn, not trained.
    """
    width, penalty = whole("width", width, low=1), real("penalty", penalty, low=0)
    generator = torch.Generator().manual_seed(whole("seed", seed, low=0, high=2**63 - 1))
    features = obs_PF.shape[1]
    weight_FK = torch.randn(features, width, generator=generator, dtype=torch.float64)
    bias_K = 2 * torch.randn(width, generator=generator, dtype=torch.float64)

    def design(x_BF: Tensor) -> Tensor:
        return torch.cat([x_BF, (x_BF @ weight_FK / features**0.5 + bias_K).tanh()], 1)

    return _ridge(obs_PF, target_P, weight_P, design, penalty)


def _ridge(
    obs_PF: Tensor, target_P: Tensor, weight_P: Tensor, design: Predict, penalty: float
) -> Predict:
    """Least squares on a design of the standardised columns; constants are left unpenalised.

    The design of many rows is made block by block, twice: about its mean, products lose no digits.
    """
    _check(obs_PF, target_P, weight_P)
    mean_F = weight_P @ obs_PF.double()
    deviation_F = (weight_P @ (obs_PF.double() - mean_F) ** 2).sqrt()
    scale_F = torch.where(deviation_F < 1e-9 * (1 + mean_F.abs()), torch.inf, deviation_F)

    def standard(obs_BF: Tensor) -> Tensor:
        return design((obs_BF.double() - mean_F) / scale_F)

    at_once = [standard(obs_PF)] if len(obs_PF) <= _ROWS else None

    def designs() -> Iterable[Tensor]:
        return at_once or map(standard, obs_PF.split(_ROWS))

    centre, weights = weight_P @ target_P, weight_P.split(_ROWS)
    sums = [w_B @ design_BK for w_B, design_BK in zip(weights, designs(), strict=True)]
    centre_K, products, moments = torch.stack(sums).sum(0), [], []
    for w_B, off_B, design_BK in zip(
        weights, (target_P - centre).split(_ROWS), designs(), strict=True
    ):
        centred_BK = design_BK - centre_K
        products.append(centred_BK.T @ (w_B[:, None] * centred_BK))
        moments.append(centred_BK.T @ (w_B * off_B))
    gram_KK, moment_K = torch.stack(products).sum(0), torch.stack(moments).sum(0)
    # The pseudo-inverse leaves out columns that never vary, such as the segment number.
    eye_KK = torch.eye(len(gram_KK), dtype=torch.float64)
    beta_K = torch.linalg.pinv(gram_KK + penalty * eye_KK, hermitian=True, rtol=1e-10) @ moment_K

    def predict(obs_BF: Tensor) -> Tensor:
        parts = [(standard(part_CF) - centre_K) @ beta_K for part_CF in obs_BF.split(_ROWS)]
        return centre + torch.cat(parts)

    return predict


def _check(obs_PF: Tensor, target_P: Tensor, weight_P: Tensor) -> None:
    """Raises ValueError: rows that are none or not of one number, or that are not finite."""
    rows = {len(obs_PF), len(target_P), len(weight_P)}
    if len(rows) > 1 or not len(obs_PF):
        raise ValueError(
            f"a fit needs rows, each with a target and a weight, got {len(obs_PF)}, "
            f"{len(target_P)} and {len(weight_P)}"
        )
    for name, part in (("row", obs_PF), ("target", target_P), ("weight", weight_P)):
        if not part.sum(dtype=torch.float64).isfinite():
            raise ValueError(f"a fit needs finite numbers, got a {name} that is nan or infinite")


def _means(row_P: Tensor, rows: int, target_P: Tensor, weight_P: Tensor) -> Tensor:
    """Weighted mean of the targets in each row; that of all where a row weighs nothing."""
    zero_U = torch.zeros(rows, dtype=torch.float64)
    mass_U = zero_U.scatter_add(0, row_P, weight_P)
    sum_U = zero_U.scatter_add(0, row_P, weight_P * target_P)
    overall = (weight_P @ target_P) / weight_P.sum()
    return torch.where(mass_U > 0, sum_U / mass_U, overall)
