"""The worst of a distribution, by hand and by its laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.banks.synthetic import BANK_A, population
from hrm_rl.statistics.tails import Tail, highest, lowest
from hrm_rl.stopping.exact import outcome


def test_by_hand():
    """1 .. 20: a tenth of them are 19 and 20. Of 1, 2, 16 with 0.9, 0.04, 0.06 all that is worst is 16."""
    assert highest(np.arange(1, 21), level=0.9) == pytest.approx((18, 19.5))
    masses = np.array([0.9, 0.04, 0.06])
    assert highest(np.array([1, 2, 16]), masses) == pytest.approx((16, 16))
    # 0.08 of the mass: 0.06 of 16 and half of the 2s
    assert highest(np.array([1, 2, 16]), masses, 0.92) == pytest.approx((2, 1 / 4 * 2 + 3 / 4 * 16))


def test_low_returns_are_the_mirror_image():
    """Half of these reach 0.9; the others have -0.1 on average."""
    assert lowest(np.array([1.0, 0.0, -0.2, 0.9]), level=0.5) == pytest.approx((0.9, -0.1))
    assert lowest(np.zeros(3)) == Tail(0.0, 0.0)


values = st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 5)), min_size=1, max_size=9)


@given(values, st.floats(0.01, 0.99))
def test_laws(pairs, level):
    """Weights are repetitions; mean <= mean of the worst; the percentile is the least that holds."""
    value_N, weight_N = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    found = highest(value_N, weight_N, level)
    spelled = highest(np.repeat(value_N, weight_N.astype(int)), level=level)
    assert found == pytest.approx(spelled, abs=1e-9)
    assert value_N @ weight_N / weight_N.sum() - 1e-9 <= found.mean <= value_N.max() + 1e-9
    assert found.percentile <= found.mean + 1e-9
    share = weight_N[value_N <= found.percentile].sum() / weight_N.sum()
    assert share >= level - 1e-9
    assert weight_N[value_N < found.percentile].sum() / weight_N.sum() < level


def test_one_that_never_halts_early_has_the_last_segment_for_its_tail():
    """Bank A: a fifth is never right, so that halting at right answers alone runs 16 there."""

    class AtRight:
        observation = "o"

        def __call__(self, obs_BF, m_B):
            return obs_BF[:, 0] > 0.5

    bank, weight_P = population(BANK_A)
    halting_M = outcome(bank, AtRight(), 0.0, weight_P=weight_P).halting_M.numpy()
    assert highest(np.arange(1, 17), halting_M) == pytest.approx((16, 16))
    # Half of the mass beyond: 0.2 hopeless and 0.8 * 0.7^m later than m
    assert highest(np.arange(1, 17), halting_M, 0.5).percentile == 3


def test_nothing_has_no_tail():
    with pytest.raises(ValueError, match="a tail needs values, with weights >= 0"):
        highest(np.array([]))
    with pytest.raises(ValueError, match="a tail needs values"):
        highest(np.array([1.0]), np.array([0.0]))
    with pytest.raises(ValueError, match="level"):
        lowest(np.array([1.0]), level=1.0)
