"""Laws of slots: select, deal, take, advance."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import batch, talkative
from torch import Tensor

from hrm_rl import loop
from hrm_rl.loop import Slots

MODEL = talkative()
B = 6
FRESH = loop.fresh(MODEL, batch(B))
USED = loop.advance(MODEL, FRESH)[0]
masks = st.lists(st.booleans(), min_size=B, max_size=B).map(torch.tensor)
orders = st.permutations(range(B)).map(torch.tensor)


def flat(slots: Slots) -> list[Tensor]:
    return [*slots.carry, *slots.batch, slots.m_B]


def same(a: Slots, b: Slots) -> bool:
    return all(torch.equal(x, y) for x, y in zip(flat(a), flat(b), strict=True))


def test_fresh_slots_have_run_nothing() -> None:
    assert FRESH.m_B.tolist() == [0] * B
    assert torch.equal(FRESH.carry.z_H, MODEL.H_init.expand(B, 17, 32))
    assert torch.equal(FRESH.carry.z_L, MODEL.L_init.expand(B, 17, 32))


@given(mask=masks)
def test_select_takes_each_row_whole(mask: Tensor) -> None:
    mixed = loop.select(mask, FRESH, USED)
    for got, yes, no in zip(flat(mixed), flat(FRESH), flat(USED), strict=True):
        for b in range(B):
            assert torch.equal(got[b], (yes if mask[b] else no)[b])


@given(mask=masks)
def test_select_laws(mask: Tensor) -> None:
    assert same(loop.select(mask, USED, USED), USED)
    assert same(loop.select(mask, FRESH, USED), loop.select(~mask, USED, FRESH))


@settings(max_examples=20)
@given(first=masks, second=masks)
def test_dealing_twice_is_dealing_where_either_was(first: Tensor, second: Tensor) -> None:
    twice = loop.deal(MODEL, loop.deal(MODEL, USED, batch(B), first), batch(B), second)
    assert same(twice, loop.deal(MODEL, USED, batch(B), first | second))


@settings(max_examples=20)
@given(mask=masks)
def test_dealt_rows_are_fresh_and_the_others_untouched(mask: Tensor) -> None:
    other = loop.Batch(*(t.flip(0) for t in batch(B)))
    dealt = loop.deal(MODEL, USED, other, mask)
    assert same(loop.take(dealt, mask), loop.take(loop.fresh(MODEL, other), mask))
    assert same(loop.take(dealt, ~mask), loop.take(USED, ~mask))


@given(order=orders)
def test_take_of_a_permutation_undoes(order: Tensor) -> None:
    assert same(loop.take(loop.take(USED, order), order.argsort()), USED)
    assert isinstance(loop.take(USED, order), Slots)


@settings(max_examples=20)
@given(order=orders, mask=masks)
def test_rows_do_not_see_each_other(order: Tensor, mask: Tensor) -> None:
    """Advancing commutes with permuting, and with what other rows hold."""
    mixed = loop.select(mask, FRESH, USED)
    straight, output = loop.advance(MODEL, mixed)
    permuted, permuted_output = loop.advance(MODEL, loop.take(mixed, order))
    close = torch.testing.assert_close
    close(permuted_output.logits, output.logits[order], rtol=1e-4, atol=1e-5)
    close(permuted_output.q, output.q[order], rtol=1e-4, atol=1e-5)
    close(permuted.carry.z_L, straight.carry.z_L[order], rtol=1e-4, atol=1e-5)
    assert torch.equal(permuted.m_B, straight.m_B[order])
    assert torch.equal(straight.m_B, mixed.m_B + 1)
