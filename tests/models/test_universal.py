"""The Universal Transformer: Graves' ACT by position against a plain loop, and what it charges."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from tiny import batch
from torch import Tensor

from hrm_rl import loop
from hrm_rl.models.universal import Universal, UniversalConfig, sinusoids
from hrm_rl.training.episode_losses import graves_weights

CONFIG = UniversalConfig(
    vocab=6, length=16, width=32, heads=2, layers=1, max_steps=5, expansion=2.0, ponder_cost=0.1
)


def halting(config: UniversalConfig = CONFIG, bias: float = -1.0) -> Universal:
    """An untrained model whose positions halt at different steps."""
    torch.manual_seed(0)
    model = Universal(replace(config, halt_bias=bias))
    torch.nn.init.normal_(model.halt_head.weight, std=0.3)
    torch.nn.init.normal_(model.q_head.weight, std=0.5)
    return model


def plainly(model: Universal, state_LD: Tensor) -> tuple[Tensor, Tensor, list[list[float]]]:
    """One puzzle, position by position: the mixture, N + R, and every h that was looked at."""
    L = state_LD.shape[0]
    mixed_LD, ponder_L = torch.zeros_like(state_LD), torch.zeros(L)
    seen: list[list[float]] = [[] for _ in range(L)]
    done = [False] * L
    for n in range(1, model.config.max_steps + 1):
        stepped = model.H_level(state_LD[None], model.time[n - 1], model.rotary)[0]
        state_LD = torch.where(torch.tensor(done)[:, None], state_LD, stepped)
        for at in range(L):
            if done[at]:
                continue
            seen[at].append(float(model.halt_head(state_LD[at]).sigmoid()))
            before = sum(seen[at][:-1])
            done[at] = sum(seen[at]) >= 1 - 0.01 or n == model.config.max_steps
            p = 1 - before if done[at] else seen[at][-1]
            mixed_LD[at] += p * state_LD[at]
            if done[at]:
                ponder_L[at] = n + 1 - before
    return mixed_LD, ponder_L, seen


def test_it_is_graves_act_at_every_position() -> None:
    model = halting()
    state_BLD = torch.randn(3, 17, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        mixed_BLD, ponder_BL = model.ponder(state_BLD)
        steps = set()
        for b in range(3):
            mixed_LD, ponder_L, seen = plainly(model, state_BLD[b])
            torch.testing.assert_close(mixed_BLD[b], mixed_LD)
            torch.testing.assert_close(ponder_BL[b], ponder_L)
            steps |= {len(h) for h in seen}
            # and the rule that halts between segments, of joint/graves.py, says the same of these h
            h_LM = torch.tensor([h + [0.0] * (5 - len(h)) for h in seen])
            _, same_L = graves_weights(
                h_LM, h_LM.cumsum(1) - h_LM, torch.tensor([len(h) for h in seen])
            )
            torch.testing.assert_close(ponder_BL[b], same_L)
    assert len(steps) > 1  # or nothing was tried


@pytest.mark.parametrize("bias", [-30.0, 0.0, 30.0])
def test_what_it_charges_when_all_halt_alike(bias: float) -> None:
    """Never: all 5 steps with R = 1. At once: N = 1, R = 1. A half each: N = 2, R = 1/2."""
    model = Universal(replace(CONFIG, halt_bias=bias))
    _, output = loop.advance(model, loop.fresh(model, batch(2)))
    assert output.cost_B is not None
    want = {-30.0: 6.0, 0.0: 2.5, 30.0: 2.0}[bias]
    assert output.cost_B.tolist() == pytest.approx([0.1 * want] * 2, rel=1e-5)


def test_the_charge_pushes_towards_halting_sooner() -> None:
    """d(N + R)/d(bias) of h = sigmoid(bias), which runs 4 steps: -3 h (1 - h), R's alone."""
    bias = math.log(0.3 / 0.7)
    model = Universal(replace(CONFIG, halt_bias=bias, ponder_cost=1.0))
    _, output = loop.advance(model, loop.fresh(model, batch(2)))
    assert output.cost_B is not None
    (gradient,) = torch.autograd.grad(output.cost_B.mean(), [model.halt_head.bias])
    assert float(output.cost_B.detach().mean()) == pytest.approx(4 + 0.1, rel=1e-4)
    assert float(gradient) == pytest.approx(-3 * 0.3 * 0.7, rel=1e-4)


def test_all_steps_that_count_carry_gradients() -> None:
    """What step n adds to the time signal of 5 steps, by gradient: nothing once all have halted."""
    for bias, reached in ((-30.0, 5), (0.0, 2), (30.0, 1)):
        model = Universal(replace(CONFIG, halt_bias=bias))
        model.time.requires_grad_()
        _, output = loop.advance(model, loop.fresh(model, batch(2)))
        (gradient_ND,) = torch.autograd.grad(output.logits.square().sum(), [model.time])
        assert gradient_ND.any(-1).tolist() == [True] * reached + [False] * (5 - reached)


def test_further_segments_go_on() -> None:
    model = halting()
    slots, one = loop.advance(model, loop.fresh(model, batch(2)))
    assert not slots.carry.z_H.requires_grad
    after, two = loop.advance(model, slots)
    assert not torch.allclose(one.logits, two.logits, rtol=1e-3)
    assert [z.dtype for z in after.carry] == [z.dtype for z in slots.carry]
    assert not after.carry.z_L.any()


def test_sinusoids_by_hand() -> None:
    table_ND = sinusoids(3, 4)
    assert table_ND.shape == (3, 4)
    want = [math.sin(2), math.sin(0.02), math.cos(2), math.cos(0.02)]
    assert table_ND[1].tolist() == pytest.approx(want, rel=1e-5)
    assert sinusoids(2, 5).shape == (2, 5)


def test_a_segment_reads_nothing_back() -> None:
    """On the meta device, which has no values to read."""
    with torch.device("meta"):
        model = Universal(CONFIG)
        tokens, ids = torch.zeros(3, 16, dtype=torch.long), torch.zeros(3, dtype=torch.long)
        _, output = model.segment(model.initial(3), tokens, model.puzzle_rows(ids))
        assert output.cost_B is not None
        (output.logits.sum() + output.cost_B.sum()).backward()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_steps": 0}, "max_steps must be >= 1, got 0"),
        ({"ponder_cost": -0.1}, "ponder_cost must be >= 0, got -0.1"),
    ],
)
def test_a_config_that_makes_no_model_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(CONFIG, **changes)
