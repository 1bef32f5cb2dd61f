"""Figure 8: the participation ratio of a model's states, which counts the dimensions they fill.

PR = (sum of eigenvalues)^2 / (sum of their squares) = (tr S)^2 / tr(S^2), S the covariance of
states from several puzzles' trajectories. The ratio of P independent samples is at most P - 1, however
many dimensions there really are, and states of one trajectory are no independent samples. So it is
given twice: as the paper has it ("naive"), and from estimates of (tr S)^2 and tr(S^2) that take every
product between different trajectories only, which makes both unbiased ("corrected"). A control
exchanges trajectories feature by feature: of all that features have in common only the course stays
that every trajectory takes, and the naive ratio is what so many trajectories show of that.

Every unit of the model is observed; nothing is corrected for units left out.

Shapes: P trajectories, S states of each, D features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hrm_rl import loop
from hrm_rl.inside.steps import steps
from hrm_rl.models.base import Model

KINDS = ("positions", "pooled", "whole")
"""What one sample is, which the paper does not say: the vector at one position (D features), the
mean over positions (D), or the states of all positions in a row (L x D)."""


class Moments(NamedTuple):
    """All that both estimates need, per trajectory, of states x of trajectories p, q, r."""

    size_P: Float[Tensor, " P"]
    """Mean of `|x_p|^2`."""
    inner_PP: Float[Tensor, "P P"]
    """Mean of x_p . x_q."""
    inner2_PP: Float[Tensor, "P P"]
    """Mean of (x_p . x_q)^2."""
    bent_PPP: Float[Tensor, "P P P"]
    """Mean of (x_p . x_q) (x_p . x_r), x_p the same state in both."""

    def of(self, index: Int[Tensor, " K"]) -> Moments:
        """Those of some of the trajectories."""
        P, PP = index, torch.meshgrid(index, index, indexing="ij")
        PPP = torch.meshgrid(index, index, index, indexing="ij")
        return Moments(self.size_P[P], self.inner_PP[PP], self.inner2_PP[PP], self.bent_PPP[PPP])


def moments(x_PSD: Float[Tensor, "P S D"]) -> Moments:
    """Of the states about their mean, in float64; by features or by samples, whichever are fewer.

    Sums over features or samples are taken in the states' own precision, differences in float64.
    """
    P, S, D = x_PSD.shape
    x_PSD = x_PSD - x_PSD.mean((0, 1), dtype=torch.float64).to(x_PSD.dtype)
    return _by_features(x_PSD) if P * D**2 <= (P * S) ** 2 else _by_samples(x_PSD)


def _by_features(x_PSD: Tensor) -> Moments:
    mean_PD = x_PSD.mean(1, dtype=torch.float64)
    second_PDD = (x_PSD.transpose(1, 2) @ x_PSD).double() / x_PSD.shape[1]
    flat = second_PDD.flatten(1)
    bent_PPP = torch.einsum("qd,pde,re->pqr", mean_PD, second_PDD, mean_PD)
    size_P = second_PDD.diagonal(dim1=1, dim2=2).sum(1)
    return Moments(size_P, mean_PD @ mean_PD.T, flat @ flat.T, bent_PPP)


def _by_samples(x_PSD: Tensor) -> Moments:
    P, S, D = x_PSD.shape
    gram_PSPS = (x_PSD.reshape(-1, D) @ x_PSD.reshape(-1, D).T).double().view(P, S, P, S)
    to_mean_PSP = gram_PSPS.mean(3)
    bent_PPP = torch.einsum("psq,psr->pqr", to_mean_PSP, to_mean_PSP) / S
    size_P = gram_PSPS.flatten(0, 1).flatten(1).diagonal().view(P, S).mean(1)
    return Moments(size_P, to_mean_PSP.mean(1), gram_PSPS.square().mean((1, 3)), bent_PPP)


def naive(of: Moments) -> float:
    """The ratio of the pooled samples' own covariance."""
    mean_size = of.inner_PP.mean()
    trace = of.size_P.mean() - mean_size
    square = of.inner2_PP.mean() - 2 * of.bent_PPP.mean() + mean_size**2
    return float(trace**2 / square)


def corrected(of: Moments) -> float:
    """The ratio of unbiased estimates of its two halves; nan where the lower one is not positive.

    With a, b, c, d states of four different trajectories, averaged over all choices:
    tr(S^2) = (a.b)^2 - 2 (a.b)(a.c) + (a.b)(c.d) and `(tr S)^2 = |a|^2 |b|^2 - 2 |a|^2 (b.c) + (a.b)(c.d)`.

    Raises:
        ValueError: fewer than four trajectories.
    """
    n = len(of.size_P)
    if n < 4:
        raise ValueError(f"the corrected ratio needs >= 4 trajectories, got {n}; take more puzzles")
    others = 1 - torch.eye(n, dtype=torch.float64)
    B, C = of.inner_PP * others, of.inner2_PP * others
    row, pairs, triples = B.sum(1), n * (n - 1), n * (n - 1) * (n - 2)
    four = (B.sum() ** 2 - 4 * row.square().sum() + 2 * B.square().sum()) / (triples * (n - 3))
    # q and r differ from p, and from each other
    bent = torch.einsum("pqr,pq,pr,qr->", of.bent_PPP, others, others, others) / triples
    apart = (of.size_P.sum() ** 2 - of.size_P.square().sum()) / pairs
    beside = (of.size_P * (B.sum() - 2 * row)).sum() / triples
    trace2, square = apart - 2 * beside + four, C.sum() / pairs - 2 * bent + four
    return float(trace2 / square) if square > 0 else float("nan")


def exchanged(x_PSD: Float[Tensor, "P S D"], seed: int) -> Float[Tensor, "P S D"]:
    """The control: every feature's courses are dealt anew to the trajectories."""
    P, S, D = x_PSD.shape
    draw_PD = torch.rand(P, D, generator=torch.Generator().manual_seed(seed))
    order_PD = draw_PD.argsort(0)
    return x_PSD.gather(0, order_PD[:, None].expand(P, S, D))


class States(NamedTuple):
    """Both modules' states at the end of every cycle, so that both have equally many."""

    z_H: Float[Tensor, "P C L D"]
    z_L: Float[Tensor, "P C L D"]


def gather(model: Model, batch: loop.Batch, segments: int) -> States:
    """The trajectories of some puzzles."""
    ends = [(step.z_bar(), step.z_L) for step in steps(model, batch, segments) if step.ends_cycle]
    z_H, z_L = (torch.stack(parts, 1) for parts in zip(*ends, strict=True))
    return States(z_H, z_L)


def as_samples(z_PCLD: Float[Tensor, "P C L D"], kind: str) -> Float[Tensor, "P S E"]:
    """States as samples of one of the `KINDS`.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if kind == "pooled":
        return z_PCLD.mean(2)
    return z_PCLD.flatten(2) if kind == "whole" else z_PCLD.flatten(1, 2)


@dataclass(frozen=True)
class Dimensions:
    """One point of Figure 8."""

    module: str
    """"z_H" or "z_L"."""
    kind: str
    trajectories: int
    naive: float
    """Mean over the draws of so many trajectories, as the next two."""
    corrected: float
    exchanged: float
    """The naive ratio of the control."""
    corrected_sd: float
    """Deviation over the draws; 0 where all trajectories are taken."""


def figure8(
    states: States, kind: str, counts: tuple[int, ...], draws: int = 10, seed: int = 0
) -> list[Dimensions]:
    """The ratios of both modules against the number of trajectories.

    Args:
        counts: numbers of trajectories; random ones are drawn `draws` times where they are not all.
    """
    return [
        point
        for module, z_PCLD in zip(("z_H", "z_L"), states, strict=True)
        for point in _curve(module, as_samples(z_PCLD, kind), kind, counts, draws, seed)
    ]


def _curve(
    module: str, x_PSD: Tensor, kind: str, counts: tuple[int, ...], draws: int, seed: int
) -> list[Dimensions]:
    P, random = len(x_PSD), np.random.default_rng(seed)
    if max(counts) > P:
        raise ValueError(f"there are {P} trajectories, got a count of {max(counts)}; take more")
    all_of = moments(x_PSD)
    points = []
    for count in counts:
        times = 1 if count == P else draws
        chosen = [torch.from_numpy(random.permutation(P)[:count]) for _ in range(times)]
        found = [(naive(m), corrected(m)) for m in map(all_of.of, chosen)]
        control = naive(moments(exchanged(x_PSD[chosen[0]], seed)))
        plain, without_bias = (float(mean) for mean in np.mean(found, 0))
        spread = float(np.std([ratio for _, ratio in found]))
        points.append(Dimensions(module, kind, count, plain, without_bias, control, spread))
    return points
