"""The steps of an HRM: its own states, unrolled by hand, and no trace left behind."""

from dataclasses import replace

import pytest
import torch
from scripted import Scripted
from tiny import ATTENTION, MLP, batch, talkative

from hrm_rl import loop
from hrm_rl.inside.residuals import path
from hrm_rl.inside.steps import Step, calls, dealt, steps
from hrm_rl.models.base import Carry, embed
from hrm_rl.models.drawn import seeds
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.models.trm import TRM, TRMConfig

CONFIGS = [
    ATTENTION,
    replace(MLP, H_cycles=3, L_cycles=1),
    replace(ATTENTION, L_cycles=3),
    replace(ATTENTION, start="random", noise=0.5),
]
NAMES = ["attention", "mlp", "long cycles", "noise"]


@pytest.mark.parametrize("config", CONFIGS, ids=NAMES)
def test_steps_are_those_of_the_paper(config: HRMConfig) -> None:
    """The recurrence as the paper writes it, against what was seen."""
    model, puzzles = talkative(config), batch(3)
    rotary = model.turns.angles if config.positions == "rotary" else None
    x_BLD = embed(
        model.embed_tokens,
        model.embed_pos,
        puzzles.x_BT,
        model.puzzle_rows(puzzles.id_B),
        model.config.prefix,
    )
    seed_B = seeds(0, torch.arange(3))
    z_H, z_L = model.initial(3, seed_B)
    seen = steps(model, puzzles, 2)
    for m in (1, 2):
        z_H, z_L = model.stirred(Carry(z_H, z_L), seed_B, torch.full((3,), m - 1))
        for i in range(1, config.H_cycles * config.L_cycles + 1):
            at = next(seen)
            z_L = model.L_level(z_L, z_H + x_BLD, rotary)
            z_bar = model.H_level(z_H, z_L, rotary)
            ends = i % config.L_cycles == 0
            assert (at.segment, at.step, at.ends_cycle) == (m, i, ends)
            for ours, theirs in ((at.z_L, z_L), (at.z_H, z_H), (at.z_bar(), z_bar)):
                torch.testing.assert_close(ours, theirs)
            z_H = z_bar if ends else z_H
    assert next(seen, None) is None


@pytest.mark.parametrize("config", CONFIGS, ids=NAMES)
def test_the_last_step_of_a_segment_is_its_carry(config: HRMConfig) -> None:
    model, slots = talkative(config), dealt(talkative(config), batch(3))
    for at in steps(model, slots.batch, 3):
        if at.step == config.H_cycles * config.L_cycles:
            slots, output = loop.advance(model, slots)
            assert torch.equal(at.z_bar(), slots.carry.z_H)
            assert torch.equal(at.z_L, slots.carry.z_L)
            assert torch.equal(model.lm_head(at.z_bar())[:, 1:], output.logits)


def test_each_puzzle_has_noise_of_its_own() -> None:
    """The same puzzle three times: three ways of thinking about it, where one without noise has one."""
    puzzles = loop.take(batch(1), torch.zeros(3, dtype=torch.int64))
    for noise, ways in ((0.0, 1), (0.5, 3)):
        model = talkative(replace(ATTENTION, noise=noise))
        for found in (*steps(model, puzzles, 1), *path(model, puzzles, 1)):
            z_BLD = found.z_L if isinstance(found, Step) else found.z_BLD
            assert len(z_BLD.unique(dim=0)) == ways


def test_steps_of_a_trm() -> None:
    """One network for both states: n updates of the latent, then one of the answer."""
    config = TRMConfig(
        vocab=6, length=16, width=32, heads=2, layers=1, H_cycles=2, L_cycles=3, expansion=2.0
    )
    torch.manual_seed(0)
    model, puzzles = TRM(config).eval(), batch(2)
    with torch.no_grad():
        x_BLD = model.embed(puzzles.x_BT, model.puzzle_rows(puzzles.id_B))
        y, z = model.initial(2)
        for at in steps(model, puzzles, 2):
            z = model.L_level(z, y + x_BLD, model.rotary)
            torch.testing.assert_close(at.z_L, z)
            torch.testing.assert_close(at.z_bar(), model.L_level(y, z, model.rotary))
            y = at.z_bar() if at.ends_cycle else y
        slots = loop.fresh(model, puzzles)
        for _ in range(2):
            slots, _ = loop.advance(model, slots)
    torch.testing.assert_close(slots.carry.z_H, y)


def test_nothing_keeps_a_graph() -> None:
    for at in steps(talkative().requires_grad_(True), batch(2), 2):
        assert not (at.z_L.requires_grad or at.z_H.requires_grad or at.z_bar().requires_grad)


def test_no_hook_stays() -> None:
    model = talkative()
    with pytest.raises(RuntimeError, match="stop"), calls(model.H_level) as made:
        loop.advance(model, loop.fresh(model, batch(1)))
        raise RuntimeError("stop")
    assert len(made) == 2
    loop.advance(model, loop.fresh(model, batch(1)))
    assert len(made) == 2


def test_runs_without_reading_from_the_device() -> None:
    model = talkative().to("meta")
    assert [at.z_bar().device.type for at in steps(model, batch(2, "meta"), 2)] == ["meta"] * 8


def test_what_has_no_low_level_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="those of an HRM or a TRM, got a Scripted"):
        next(steps(Scripted(), batch(2), 1))  # type: ignore[arg-type]
