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
from hrm_rl.puzzles.sudoku.rules import Sudoku, for_length

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
    rows, boxes = boxes_of(mixer, game)
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


def test_the_boxes_are_those_of_the_rules() -> None:
    assert boxes_of("units", for_length(36)) == (6, (Box(1, 6), Box(6, 1), Box(2, 3)))
    assert boxes_of("neighbours", task_of("maze8")) == (8, (Box(1, 8), Box(8, 1)))
    with pytest.raises(ValueError, match="needs puzzles that are grids, got parity7"):
        boxes_of("neighbours", task_of("parity7"))


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
