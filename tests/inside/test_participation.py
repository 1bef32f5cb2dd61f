"""The participation ratio: against eigenvalues, against every product one by one, against a law."""

from itertools import permutations

import numpy as np
import pytest
import torch
from tiny import ATTENTION, batch, talkative
from torch import Tensor

from hrm_rl.inside.participation import (
    Moments,
    _by_features,
    _by_samples,
    as_samples,
    corrected,
    exchanged,
    figure8,
    gather,
    moments,
    naive,
)
from hrm_rl.inside.steps import steps


def random_states(P: int, S: int, D: int, seed: int = 0) -> Tensor:
    """States with a mean, a course and features of unlike size."""
    generator = torch.Generator().manual_seed(seed)
    x_PSD = torch.randn(P, S, D, generator=generator, dtype=torch.float64)
    course_SD = torch.randn(S, D, generator=generator, dtype=torch.float64)
    own_PD = torch.randn(P, 1, D, generator=generator, dtype=torch.float64)
    return 3 + x_PSD * torch.arange(1, D + 1) + course_SD + 2 * own_PD


def by_eigenvalues(x_ND: Tensor) -> float:
    values = np.linalg.eigvalsh(np.cov(x_ND.numpy(), rowvar=False))
    return float(values.sum() ** 2 / (values**2).sum())


@pytest.mark.parametrize(("P", "S", "D"), [(6, 5, 3), (5, 2, 40)])
def test_the_naive_ratio_is_that_of_the_eigenvalues(P: int, S: int, D: int) -> None:
    x_PSD = random_states(P, S, D)
    assert naive(moments(x_PSD)) == pytest.approx(by_eigenvalues(x_PSD.flatten(0, 1)))


def test_the_naive_ratio_of_some_trajectories_is_that_of_their_own_states() -> None:
    x_PSD, some = random_states(7, 3, 4), torch.tensor([5, 0, 2, 6])
    assert naive(moments(x_PSD).of(some)) == pytest.approx(naive(moments(x_PSD[some])))


@pytest.mark.parametrize(("P", "S", "D"), [(6, 5, 3), (5, 2, 40)])
def test_both_ways_to_the_moments_agree(P: int, S: int, D: int) -> None:
    x_PSD = random_states(P, S, D)
    for one, other in zip(_by_features(x_PSD), _by_samples(x_PSD), strict=True):
        torch.testing.assert_close(one, other)


def test_dimensions_that_are_known() -> None:
    """Two directions of equal size fill two dimensions; of deviation 1 and 2, 25/17 of them."""
    corners = torch.tensor([[1.0, 1, 0], [1, -1, 0], [-1, 1, 0], [-1, -1, 0]])[:, None]
    assert naive(moments(corners)) == pytest.approx(2)
    assert naive(moments(corners * torch.tensor([1.0, 2, 1]))) == pytest.approx(25 / 17)


def one_by_one(x_PSD: Tensor) -> float:
    """The corrected ratio from all choices of four different trajectories, states and all."""
    P, S, _ = x_PSD.shape
    trace2, square, count = 0.0, 0.0, 0
    for p, q, r, s in permutations(range(P), 4):
        for i in range(S):
            for j in range(S):
                for k in range(S):
                    for n in range(S):
                        a, b, c, d = x_PSD[p, i], x_PSD[q, j], x_PSD[r, k], x_PSD[s, n]
                        left, right = a - b, c - d
                        trace2 += float(left @ left * (right @ right)) / 4
                        square += float(left @ right) ** 2 / 4
                        count += 1
    return trace2 / square


def test_the_corrected_ratio_is_that_of_all_products_one_by_one() -> None:
    x_PSD = random_states(5, 2, 3)
    assert corrected(moments(x_PSD)) == pytest.approx(one_by_one(x_PSD))


def test_the_corrected_ratio_does_not_see_how_few_trajectories_there_are() -> None:
    """64 independent directions: 12 trajectories show 11 of them at most, and the law is known."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(200):
        x_PSD = torch.randn(12, 1, 64, generator=generator)
        of = moments(x_PSD)
        found.append((naive(of), 1 / corrected(of)))
    plain, inverse = np.mean(found, 0)
    assert plain < 11
    assert 1 / inverse == pytest.approx(64, rel=0.1)


def test_a_course_that_all_share_is_no_dimension_more() -> None:
    """States of one trajectory are alike: only different trajectories count as samples."""
    generator = torch.Generator().manual_seed(0)
    own_PSD = torch.randn(50, 1, 8, generator=generator)
    repeated = own_PSD.expand(-1, 5, -1)
    assert corrected(moments(repeated)) == pytest.approx(corrected(moments(own_PSD)))


def test_too_few_trajectories_and_no_variance() -> None:
    with pytest.raises(ValueError, match="needs >= 4 trajectories, got 3"):
        corrected(moments(random_states(3, 2, 2)))
    sizes = ((4,), (4, 4), (4, 4), (4, 4, 4))
    flat = Moments(*(torch.ones(size, dtype=torch.float64) for size in sizes))
    assert np.isnan(corrected(flat))


def test_the_control_keeps_every_feature_and_its_course() -> None:
    x_PSD = random_states(30, 3, 5)
    mixed = exchanged(x_PSD, seed=0)
    for d in range(5):
        ours, theirs = ({tuple(c.tolist()) for c in x[:, :, d]} for x in (mixed, x_PSD))
        assert ours == theirs
    assert not torch.equal(mixed, x_PSD)
    assert torch.equal(mixed, exchanged(x_PSD, seed=0))


def test_the_control_leaves_no_correlation() -> None:
    """Ten features that are one and the same fill one dimension, and about ten once exchanged."""
    generator = torch.Generator().manual_seed(0)
    x_PSD = torch.randn(100, 1, 1, generator=generator).expand(-1, -1, 10)
    assert naive(moments(x_PSD)) == pytest.approx(1)
    assert naive(moments(exchanged(x_PSD, 0))) == pytest.approx(10, rel=0.1)


def test_states_are_those_at_the_end_of_cycles() -> None:
    model, puzzles = talkative(ATTENTION), batch(3)
    states = gather(model, puzzles, 2)
    assert states.z_H.shape == states.z_L.shape == (3, 4, 17, 32)  # 2 segments of 2 cycles
    last = list(steps(model, puzzles, 2))[-1]
    assert torch.equal(states.z_H[:, -1], last.z_bar())
    assert torch.equal(states.z_L[:, -1], last.z_L)
    assert as_samples(states.z_H, "whole").shape == (3, 4, 17 * 32)
    assert as_samples(states.z_H, "positions").shape == (3, 4 * 17, 32)
    assert torch.equal(as_samples(states.z_H, "positions")[0, 17], states.z_H[0, 1, 0])
    assert torch.equal(as_samples(states.z_H, "pooled")[2, 3], states.z_H[2, 3].mean(0))
    with pytest.raises(ValueError, match="kind must be one of positions, pooled, whole, got 'q'"):
        as_samples(states.z_H, "q")


def test_figure8_takes_random_trajectories_and_all() -> None:
    states = gather(talkative(ATTENTION), batch(6), 1)
    points = figure8(states, "whole", (4, 6), draws=3)
    assert [(p.module, p.trajectories) for p in points] == [
        ("z_H", 4),
        ("z_H", 6),
        ("z_L", 4),
        ("z_L", 6),
    ]
    assert points[1].naive == pytest.approx(naive(moments(states.z_H.flatten(2))))
    assert points[0].corrected_sd > 0 and points[1].corrected_sd == 0
    assert points[0].naive < points[1].naive
    assert points == figure8(states, "whole", (4, 6), draws=3)
    with pytest.raises(ValueError, match="there are 6 trajectories, got a count of 7"):
        figure8(states, "whole", (4, 7))
