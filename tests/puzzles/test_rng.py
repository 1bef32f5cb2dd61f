"""The generator of random numbers: its algorithm by hand, its laws."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.puzzles.rng import below, next_word, shuffle, stream


def test_one_step_of_sfc32_by_hand():
    rng = np.array([1, 2, 3, 4], dtype=np.int64)
    assert next_word(rng) == 1 + 2 + 4
    assert rng.tolist() == [2 ^ (2 >> 9), 3 + (3 << 3), (3 << 21) + 7, 5]


def test_words_wrap_at_32_bits():
    rng = np.array([2**32 - 1] * 4, dtype=np.int64)
    assert next_word(rng) == (3 * (2**32 - 1)) % 2**32
    assert rng.max() < 2**32 and rng[3] == 0


def test_streams_are_told_apart_by_each_of_their_numbers():
    words = {next_word(stream(a, b, c)) for a in range(10) for b in range(10) for c in range(10)}
    assert len(words) == 1000
    assert stream(1, 2, 3).tolist() == stream(1, 2, 3).tolist()


def test_below_is_uniform():
    rng = stream(0, 0, 0)
    counts = np.bincount([below(rng, 10) for _ in range(10_000)], minlength=10)
    assert ((counts - 1000) ** 2 / 1000).sum() < 9 + 5 * 18**0.5  # five standard deviations


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_shuffle_permutes_and_reaches_every_order(seed, length):
    items = np.arange(length)
    shuffle(stream(seed, 0, 0), items)
    assert sorted(items.tolist()) == list(range(length))


def test_three_items_come_in_all_six_orders_equally_often():
    rng, counts = stream(3, 0, 0), {}
    for _ in range(6000):
        items = np.arange(3)
        shuffle(rng, items)
        counts[tuple(items.tolist())] = counts.get(tuple(items.tolist()), 0) + 1
    assert len(counts) == 6 and all(abs(n - 1000) < 150 for n in counts.values())
