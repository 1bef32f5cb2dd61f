"""Regressors that backward induction fits with, against means, least squares and by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.statistics import regressors
from hrm_rl.statistics.regressors import binned, linear, random_features, table
from hrm_rl.stopping import exact as stopping


def fits(regress, obs_PF, target_P, weight_P=None):
    weight_P = stopping.shares(len(target_P), weight_P)
    return regress(obs_PF, target_P, weight_P)


def test_table_is_means():
    obs_PF = torch.tensor([[0.0, 1.0], [1.0, 1.0], [0.0, 1.0]])
    predict = fits(table, obs_PF, torch.tensor([1.0, 5.0, 3.0]).double())
    assert predict(torch.tensor([[1.0, 1.0], [0.0, 1.0], [7.0, 7.0]])).tolist() == [5, 2, 3]


def test_bins_are_means_of_equal_counts():
    obs_PF = torch.tensor([[3.0, 9.0], [1.0, 9.0], [2.0, 9.0], [4.0, 9.0]])

    def two_bins(*data):
        return binned(*data, bins=2)

    predict = fits(two_bins, obs_PF, torch.tensor([3.0, 1.0, 2.0, 4.0]).double())
    assert predict(torch.tensor([[-9.0, 9.0], [2.9, 0.0], [3.0, 9.0]])).tolist() == [1.5, 1.5, 3.5]
    with pytest.raises(ValueError, match="bins are of one column, got 2 that vary"):
        fits(binned, torch.eye(2), torch.ones(2).double())


@given(st.integers(0, 99))
def test_linear_is_least_squares(seed):
    generator = torch.Generator().manual_seed(seed)
    x_PF = torch.randn(30, 3, generator=generator, dtype=torch.float64)
    y_P = torch.randn(30, generator=generator, dtype=torch.float64)
    weight_P = torch.rand(30, generator=generator, dtype=torch.float64) + 0.1
    predict = fits(linear, torch.cat([x_PF, torch.full((30, 1), 0.25)], 1), y_P, weight_P)
    root_P1 = weight_P.sqrt()[:, None]
    design = torch.cat([x_PF, torch.ones(30, 1)], 1)
    beta = torch.linalg.lstsq(root_P1 * design, root_P1 * y_P[:, None]).solution
    fresh = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    found = predict(torch.cat([fresh, torch.full((4, 1), 0.25)], 1))
    torch.testing.assert_close(found, (torch.cat([fresh, torch.ones(4, 1)], 1) @ beta)[:, 0])


def test_random_features_bend():
    x_P1 = torch.linspace(-2, 2, 200)[:, None]
    y_P = x_P1[:, 0].double() ** 2
    error = {
        regress: float((fits(regress, x_P1, y_P)(x_P1) - y_P).abs().max())
        for regress in (linear, random_features)
    }
    assert error[linear] > 1 > 0.1 > error[random_features]


@pytest.mark.parametrize("regress", [table, binned, linear, random_features])
def test_regressors_follow_a_constant(regress):
    """So that a constant in every return moves H and C alike, and no decision."""
    generator = torch.Generator().manual_seed(0)
    x_P1 = torch.randn(50, 1, generator=generator)
    y_P = torch.randn(50, generator=generator, dtype=torch.float64)
    plain, moved = (fits(regress, x_P1, y_P + k)(x_P1) for k in (0.0, 5.0))
    torch.testing.assert_close(moved, plain + 5)


@pytest.mark.parametrize("regress", [linear, random_features])
def test_many_rows_are_fitted_block_by_block(regress, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    x_PF = torch.randn(50, 3, generator=generator, dtype=torch.float64)
    y_P, weight_P = torch.rand(2, 50, generator=generator, dtype=torch.float64)
    at_once = fits(regress, x_PF, y_P, weight_P)(x_PF)
    monkeypatch.setattr(regressors, "_ROWS", 7)
    in_blocks = fits(regress, x_PF, y_P, weight_P)
    assert torch.allclose(in_blocks(x_PF), at_once, atol=1e-9)
    assert len(in_blocks(x_PF[:0])) == 0
