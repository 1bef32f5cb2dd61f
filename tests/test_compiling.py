"""Compiled segments are those of the model; where compiling fails, it goes on without."""

import copy
import warnings
from dataclasses import replace

import pytest
import torch
from tiny import ATTENTION, batch, talkative
from torch._dynamo.utils import counters

from hrm_rl import loop
from hrm_rl.compiling import compile_segment, compiled

# torch's own, when what compiles is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


def test_a_compiler_that_fails_is_left_with_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def compile_(function: object, **options: object) -> object:
        def broken(*args: object) -> object:
            tried.append(args)
            raise RuntimeError("backend='x' raised:\nno C++ compiler found\nand many more lines")

        return broken

    monkeypatch.setattr(torch, "compile", compile_)
    model = talkative()
    slots, eager = loop.advance(model, loop.fresh(model, batch(2)))
    compile_segment(model)
    with pytest.warns(
        UserWarning, match="going on without: no C[+][+] compiler found; install g[+][+]"
    ):
        slots, output = loop.advance(model, loop.fresh(model, batch(2)))
    assert torch.equal(output.logits, eager.logits)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loop.advance(model, slots)
    assert len(tried) == 1


def test_a_mistake_of_the_caller_is_not_hidden_by_the_fallback(
    monkeypatch: pytest.MonkeyPatch, unchecked_shapes: None
) -> None:
    monkeypatch.setattr(torch, "compile", lambda f, **options: lambda *args: f(*args))
    model = talkative()
    compile_segment(model)
    slots = loop.fresh(model, batch(2))
    wrong = slots._replace(carry=slots.carry._replace(z_H=torch.zeros(2, 3, 32)))
    with pytest.warns(UserWarning, match="going on without"), pytest.raises(RuntimeError):
        loop.advance(model, wrong)


@pytest.mark.slow
def test_compiled_segments_in_blocks_are_those_of_the_model(unchecked_shapes: None) -> None:
    model, given = talkative(), batch(37)
    fast = compiled(model)
    slots, quick = loop.fresh(model, given), loop.fresh(fast, given)
    for _ in range(3):
        slots, output = loop.advance(model, slots)
        quick, shown = loop.advance(fast, quick)
    torch.testing.assert_close(shown, output, rtol=1e-3, atol=2e-3)
    torch.testing.assert_close(quick.carry, slots.carry, rtol=1e-3, atol=2e-3)
    assert not counters["inductor"]["fuse_attention"]  # on a CPU plain attention stays plain


def test_a_row_of_a_compiled_model_does_not_depend_on_the_others(traced: None) -> None:
    fast = compiled(talkative())
    _, many = loop.advance(fast, loop.fresh(fast, batch(40)))
    for rows in (
        40,
        23,
        3,
    ):  # blocks that are full, one that is filled up, one that is nearly empty
        _, few = loop.advance(fast, loop.fresh(fast, batch(rows)))
        assert torch.equal(few.logits, many.logits[:rows])


def test_blocks_have_one_shape_however_the_batch_shrinks(traced: None) -> None:
    before = counters["stats"]["unique_graphs"]
    fast = compiled(talkative())
    for rows in (50, 33, 16, 7, 1):
        loop.advance(fast, loop.fresh(fast, batch(rows)))
    assert counters["stats"]["unique_graphs"] == before + 1


def test_a_compiled_model_shares_its_weights_and_leaves_the_other_as_it_is() -> None:
    model = talkative()
    eager = model.segment
    fast = compiled(model)
    assert model.segment == eager
    assert all(a is b for a, b in zip(model.parameters(), fast.parameters(), strict=True))


def test_a_deep_copy_has_weights_of_its_own(traced: None) -> None:
    fast = compiled(talkative())
    other = copy.deepcopy(fast)
    for parameter in other.parameters():
        parameter.zero_()
    given = batch(3)
    _, kept = loop.advance(fast, loop.fresh(fast, given))
    _, zero = loop.advance(other, loop.fresh(other, given))
    assert kept.logits.abs().max() > 0 and zero.logits.abs().max() == 0


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ValueError, match="a model is wanted, got 'life5'"):
        compiled("life5")  # type: ignore[type-var]


def test_a_tenth_model_is_compiled_as_the_first_was(traced: None) -> None:
    before = counters["stats"]["unique_graphs"]
    for seed in range(10):
        model = talkative(replace(ATTENTION, H_cycles=1, L_cycles=1), seed=seed)
        compile_segment(model)
        loop.advance(model, loop.fresh(model, batch(2)))
    assert counters["stats"]["unique_graphs"] == before + 10
