"""How far back through a segment an HRM's gradient goes, beside the segment written out."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hrm_rl.models.hrm import HRM, HRMConfig

CONFIG = HRMConfig(6, 16, width=8, heads=2, H_layers=1, L_layers=1, H_cycles=2, L_cycles=3,
                   positions="none", token_mixer="mlp")  # fmt: skip


def drawn(config: HRMConfig) -> tuple[HRM, torch.Tensor, torch.Tensor]:
    """A model, puzzles and their embeddings: the same each time."""
    torch.manual_seed(0)
    model = HRM(config).double()
    x_BT = torch.randint(1, 6, (2, 16))
    return model, x_BT, model.puzzle_rows(torch.zeros(2).long())


def gradients(config: HRMConfig, free: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Of a segment written out, whose first `free` fast updates are detached; and its logits."""
    model, x_BT, rows_BE = drawn(config)
    z_H, z_L = model.initial(2)
    words = model.embed_tokens.embedding_weight[x_BT]
    x_BLD = torch.cat([rows_BE[:, None].double(), words], dim=1) * config.width**0.5
    for number in range(1, config.H_cycles * config.L_cycles + 1):
        z_L = model.L_level(z_L, z_H + x_BLD, None)
        if number % config.L_cycles == 0:
            z_H = model.H_level(z_H, z_L, None)
        if number <= free:
            z_H, z_L = z_H.detach(), z_L.detach()
    logits = model.lm_head(z_H)[:, 1:]
    logits.square().sum().backward()
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}, logits


@pytest.mark.parametrize(("gradient", "free"), [("one-step", 5), ("last-cycle", 3), ("segment", 0)])
def test_gradients_pass_through_as_many_updates_as_they_say(gradient: str, free: int) -> None:
    config = replace(CONFIG, gradient=gradient)
    expected, logits = gradients(config, free)
    model, x_BT, rows_BE = drawn(config)
    carry, output = model.segment(model.initial(2), x_BT, rows_BE)
    assert torch.equal(output.logits, logits)
    assert not any(z_BLD.requires_grad for z_BLD in carry)
    output.logits.square().sum().backward()
    for name, parameter in model.named_parameters():
        if name in expected:
            torch.testing.assert_close(parameter.grad, expected[name], atol=1e-12, rtol=1e-9)
        else:
            assert parameter.grad is None


def test_deeper_gradients_differ() -> None:
    found = [
        gradients(CONFIG, free)[0]["L_level.layers.0.mlp.down_proj.weight"] for free in (5, 3, 0)
    ]
    assert not torch.allclose(found[0], found[1], rtol=0.01)
    assert not torch.allclose(found[1], found[2], rtol=0.01)
