"""Rank statistics against counts of pairs, with ties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.statistics import ranks

labelled = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=12)
pairs_of_numbers = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 30)), min_size=2, max_size=15
)


@given(labelled)
def test_auroc_is_the_count_of_pairs(pairs):
    """The Mann-Whitney count: pairs of a right and a wrong answer in the right order, ties half."""
    score, right = np.array([s for s, _ in pairs]), np.array([r for _, r in pairs])
    wins = [(a > b) + (a == b) / 2 for a in score[right] for b in score[~right]]
    got = ranks.auroc(score, right)
    assert got == pytest.approx(np.mean(wins)) if wins else np.isnan(got)


@given(labelled)
def test_auroc_of_the_reversed_score_is_the_complement(pairs):
    score, right = np.array([s for s, _ in pairs]), np.array([r for _, r in pairs])
    total = ranks.auroc(score, right) + ranks.auroc(-score, right)
    assert np.isnan(total) or total == pytest.approx(1)


def test_average_precision_by_hand():
    """Thresholds 0.9, 0.8 (two tie), 0.1: precisions 1, 2/3 and 3/4, a third of the recall each."""
    score, right = np.array([0.8, 0.9, 0.1, 0.8]), np.array([0, 1, 1, 1], bool)
    assert ranks.average_precision(score, right) == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert np.isnan(ranks.average_precision(score, ~right & right))


@given(labelled, st.randoms())
def test_average_precision_obeys_its_laws(pairs, random):
    score, right = np.array([s for s, _ in pairs]), np.array([r for _, r in pairs])
    if not right.any():
        return
    order = np.array(random.sample(range(len(pairs)), len(pairs)))
    got = ranks.average_precision(score, right)
    assert got == pytest.approx(ranks.average_precision(score[order], right[order]))
    assert 0 < got <= 1
    assert ranks.average_precision(np.zeros(len(pairs)), right) == pytest.approx(right.mean())
    assert ranks.average_precision(right.astype(float), right) == 1


def test_a_tally_by_hand():
    """Two answers at 0.2 of which one is right, and a wrong one at 0.7."""
    counted = ranks.tally(np.array([0.7, 0.2, 0.2]), np.array([False, True, False]))
    assert [part.tolist() for part in counted] == [[0.2, 0.7], [2, 1], [1, 0]]
    assert counted.mid_ranks().tolist() == [1.5, 3]


@given(pairs_of_numbers, st.sampled_from([1, -7, 10**6]))
def test_numbers_that_are_counted_rank_as_those_that_are_sorted(pairs, scale):
    """Whole numbers of a narrow range take another way than fractions and wide ranges."""
    a, b = (scale * np.array(column) for column in zip(*pairs, strict=True))
    assert ranks.mid_ranks(a).tolist() == ranks.mid_ranks(a.astype(float)).tolist()
    one, other = ranks.kendall(a, b), ranks.kendall(a.astype(float), b.astype(float))
    assert one == other or (np.isnan(one) and np.isnan(other))


# --- correlations ---------------------------------------------------------------------------------


def test_mid_ranks_by_hand():
    assert ranks.mid_ranks(np.array([7, 3, 7, 1, 7])).tolist() == [4, 2, 4, 1, 4]


def test_correlations_with_ties_by_hand():
    """Ranks 1, 2.5, 2.5, 4 and 1, 4, 2.5, 2.5. Three pairs agree, one does not, each ties one."""
    a, b = np.array([1, 2, 2, 3]), np.array([10, 30, 20, 20])
    assert ranks.spearman(a, b) == pytest.approx(2.25 / 4.5)
    assert ranks.kendall(a, b) == pytest.approx((3 - 1) / 5)


@given(pairs_of_numbers)
def test_kendall_is_the_count_of_pairs(pairs):
    a, b = (np.array(column) for column in zip(*pairs, strict=True))
    upper = np.triu_indices(len(a), 1)
    sign_a, sign_b = (np.sign(v[:, None] - v[None])[upper] for v in (a, b))
    scale = np.sqrt((sign_a != 0).sum() * (sign_b != 0).sum())
    got = ranks.kendall(a, b)
    assert got == pytest.approx((sign_a * sign_b).sum() / scale) if scale else np.isnan(got)


@pytest.mark.parametrize("correlation", [ranks.spearman, ranks.kendall])
@given(pairs_of_numbers, st.randoms())
def test_correlations_obey_their_laws(correlation, pairs, random):
    a, b = (np.array(column) for column in zip(*pairs, strict=True))
    got = correlation(a, b)
    if np.isnan(got):
        assert len(set(a)) == 1 or len(set(b)) == 1
        return
    order = np.array(random.sample(range(len(a)), len(a)))
    assert -1 - 1e-12 <= got <= 1 + 1e-12
    assert correlation(a[order], b[order]) == pytest.approx(got)
    assert correlation(b, a) == pytest.approx(got)
    assert correlation(-a, b) == pytest.approx(-got)
    assert correlation(a, b**3 + 1) == pytest.approx(got)
    assert correlation(a, a) == pytest.approx(1)


def test_unpaired_values_are_refused():
    for correlation in (ranks.spearman, ranks.kendall):
        with pytest.raises(ValueError, match="got 3 and 4"):
            correlation(np.arange(3), np.arange(4))
