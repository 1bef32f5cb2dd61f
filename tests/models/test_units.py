"""Attention within units: the plain attention under a mask is what it must equal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from hrm_rl.models import build, config_from, config_to
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.models.layers import rotary_angles, rotate
from hrm_rl.models.trm import TRMConfig
from hrm_rl.models.units import Box, UnitAttention, boxes_of
from hrm_rl.puzzles import task_of
from hrm_rl.puzzles.sudoku.rules import Sudoku

UNITS = HRMConfig(
    11, 81, width=12, heads=3, H_layers=1, L_layers=1, positions="none", token_mixer="units"
)


def masked(attention: UnitAttention, x_BLD: torch.Tensor, units: Any, rotary: Any) -> torch.Tensor:
    """The whole matrix of scores, what lies outside a head's units left out."""
    B, L, D = x_BLD.shape
    N, P = attention.heads, attention.prefix
    sees = torch.zeros(N, L, L, dtype=torch.bool)
    sees[:, :, :P] = sees[:, :P] = True
    kinds, each = len(attention.boxes), N // len(attention.boxes)
    for number, unit in enumerate(units):
        kind = number * kinds // len(units)
        for cell in unit:
            sees[kind * each : (kind + 1) * each, P + cell, P + torch.as_tensor(unit)] = True
    q, k, v = attention.qkv_proj(x_BLD).view(B, L, 3, N, D // N).unbind(2)
    if rotary is not None:
        q, k = rotate(q, *rotary), rotate(k, *rotary)
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    scores = (q @ k.transpose(-1, -2) * (D // N) ** -0.5).masked_fill(~sees, -torch.inf)
    return attention.o_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, L, D))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("prefix", [0, 1, 3])
@pytest.mark.parametrize(
    ("mixer", "task"),
    [("units", "sudoku4"), ("units", "sudoku6"), ("units", "sudoku9"), ("neighbours", "maze5")],
)
def test_heads_see_their_units_and_the_prefix(
    mixer: str, task: str, prefix: int, turned: bool
) -> None:
    game = task_of(task)
    rows, boxes = boxes_of(mixer, task, game.length)
    if isinstance(game, Sudoku):
        units = game.units.tolist()
    else:
        cells = torch.arange(game.length).view(game.rows, -1)
        units = [*cells.tolist(), *cells.T.tolist()]
    torch.manual_seed(0)
    attention = UnitAttention(width=24, heads=6, prefix=prefix, rows=rows, boxes=boxes).double()
    x_BLD = torch.randn(2, prefix + game.length, 24).double()
    rotary = rotary_angles(prefix + game.length, 4, dtype=torch.float64) if turned else None
    found = attention(x_BLD, rotary)
    torch.testing.assert_close(found, masked(attention, x_BLD, units, rotary), atol=1e-12, rtol=0)


def test_without_positions_the_symmetries_of_the_grid_are_those_of_the_model() -> None:
    """Bands, rows within a band, the same of columns: a grid moved so gives the answer moved so.

    Not both axes swapped: rows and columns have heads of their own.
    """
    torch.manual_seed(0)
    model = build(UNITS).double()
    model.q_head.weight.data.normal_()
    x_BT, rows_BE = torch.randint(1, 11, (3, 81)), model.puzzle_rows(torch.zeros(3).long())
    grid = torch.arange(81).view(9, 9)
    moved = grid[[4, 3, 5, 8, 7, 6, 0, 2, 1]][:, [0, 2, 1, 6, 8, 7, 3, 4, 5]].reshape(-1)
    _, here = model.segment(model.initial(3), x_BT, rows_BE)
    _, there = model.segment(model.initial(3), x_BT[:, moved], rows_BE)
    torch.testing.assert_close(there.logits, here.logits[:, moved], atol=1e-12, rtol=0)
    torch.testing.assert_close(there.q, here.q, atol=1e-12, rtol=0)
    broken = moved.roll(1)
    _, other = model.segment(model.initial(3), x_BT[:, broken], rows_BE)
    assert not torch.allclose(other.logits, here.logits[:, broken], atol=1e-6)


def test_the_last_boxes_are_those_of_the_rules() -> None:
    assert boxes_of("units", "", 36) == (6, (Box(1, 6), Box(6, 1), Box(2, 3)))
    assert boxes_of("neighbours", "maze8", 64) == (8, (Box(1, 8), Box(8, 1)))
    with pytest.raises(ValueError, match="needs puzzles that are grids, got parity7"):
        boxes_of("neighbours", "parity7", 7)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 2}, "shares the heads among 3 kinds of units; heads must be a multiple of that"),
        ({"task": "maze9"}, 'needs the boxes of a Sudoku, got maze9; "neighbours" has rows'),
        ({"token_mixer": "neighbors"}, 'must be "attention", "mlp", "units" or "neighbours"'),
        ({"inner_multiple": 0}, "inner_multiple must be >= 1, got 0"),
        ({"gradient": "all"}, "gradient must be one of one-step, last-cycle, segment, got 'all'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        replace(UNITS, **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "config", [UNITS, TRMConfig(11, 81, width=12, heads=3, layers=1, token_mixer="units")]
)
def test_a_config_there_and_back(config: Any) -> None:
    small = replace(config, inner_multiple=8)
    assert config_from(config_to(small)) == small
    assert build(small).L_level.layers[0].mlp.down_proj.in_features == 32
    assert build(config).L_level.layers[0].mlp.down_proj.in_features == 256


# --- how far back a gradient goes -----------------------------------------------------------------


def gradients(config: HRMConfig, free: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Of a segment written out, whose first `free` fast updates are detached; and its logits."""
    torch.manual_seed(0)
    model = build(config).double()
    x_BT, rows_BE = torch.randint(1, 6, (2, 16)), model.puzzle_rows(torch.zeros(2).long())
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
    config = HRMConfig(
        6, 16, width=8, heads=2, H_layers=1, L_layers=1, H_cycles=2, L_cycles=3,
        positions="none", token_mixer="mlp", gradient=gradient,
    )  # fmt: skip
    expected, logits = gradients(config, free)
    torch.manual_seed(0)
    model = build(config).double()
    x_BT, rows_BE = torch.randint(1, 6, (2, 16)), model.puzzle_rows(torch.zeros(2).long())
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
    config = HRMConfig(6, 16, width=8, heads=2, H_layers=1, L_layers=1, H_cycles=2, L_cycles=3,
                       positions="none", token_mixer="mlp")  # fmt: skip
    found = [
        gradients(config, free)[0]["L_level.layers.0.mlp.down_proj.weight"] for free in (5, 3, 0)
    ]
    assert not torch.allclose(found[0], found[1], rtol=0.01)
    assert not torch.allclose(found[1], found[2], rtol=0.01)
