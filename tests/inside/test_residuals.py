"""Residuals and trajectories: against states unrolled by hand, and geometry that is known."""

import math
from dataclasses import replace

import pytest
import torch
from tiny import ATTENTION, batch, talkative

from hrm_rl import loop
from hrm_rl.features import relative_change
from hrm_rl.inside import residuals
from hrm_rl.inside.residuals import (
    NORMS,
    Residuals,
    State,
    figure3,
    moved,
    moved_relative,
    moved_rms,
    path,
    principal,
    spikes,
)
from hrm_rl.models.transformer import Transformer, TransformerConfig
from hrm_rl.models.universal import Universal, UniversalConfig

CONFIG = TransformerConfig(vocab=6, length=16, width=32, heads=2, layers=3, cycles=2, expansion=2.0)


def transformer(recurrent: bool) -> Transformer:
    torch.manual_seed(0)
    cycles = CONFIG.cycles if recurrent else 1
    return Transformer(replace(CONFIG, recurrent=recurrent, cycles=cycles)).eval()


def test_norms_of_a_known_change() -> None:
    before_BLD, after_BLD = torch.zeros(2, 4, 4), torch.zeros(2, 4, 4)
    after_BLD[0, 0, 0], after_BLD[0, 1, 2], after_BLD[1] = 3, 4, 2
    assert moved(before_BLD, after_BLD).tolist() == [5, 8]
    assert moved_rms(before_BLD, after_BLD).tolist() == [1.25, 2]
    assert moved_relative(before_BLD, after_BLD).tolist() == [1, 1]


def test_the_relative_norm_is_the_residual_that_policies_see() -> None:
    a_BLD, b_BLD = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(moved_relative(a_BLD, b_BLD), relative_change(a_BLD, b_BLD))


def test_H_moves_at_the_end_of_cycles_and_L_at_every_step() -> None:
    model = talkative(replace(ATTENTION, L_cycles=3))
    lines = figure3(model, batch(4), 2)
    assert lines["z_L"].step_I == tuple(range(1, 13))
    assert lines["z_H"].step_I == (3, 6, 9, 12)
    assert len(lines["z_H"].points_S2) == 5 and len(lines["z_L"].points_S2) == 13


@pytest.mark.parametrize("norm", NORMS)
def test_residuals_are_means_over_puzzles(norm: str) -> None:
    model, puzzles = talkative(replace(ATTENTION, H_cycles=1, L_cycles=1)), batch(4)
    lines = figure3(model, puzzles, 3, norm)
    slots = loop.fresh(model, puzzles)
    for i in range(3):
        after, _ = loop.advance(model, slots)
        for module in ("z_H", "z_L"):
            before_BLD, after_BLD = (getattr(s.carry, module) for s in (slots, after))
            expected = float(NORMS[norm](before_BLD, after_BLD).mean())
            assert lines[module].residual_I[i] == pytest.approx(expected, rel=1e-5)
        slots = after


@torch.no_grad()
def test_a_recurrent_transformer_moves_from_pass_to_pass() -> None:
    model, puzzles = transformer(recurrent=True), batch(2)
    x_BLD = model.embed(puzzles.x_BT, model.puzzle_rows(puzzles.id_B))
    z_BLD, seen = model.initial(2).z_H, list(path(model, puzzles, 2))
    assert [(at.module, at.step) for at in seen] == [("passes", i) for i in range(5)]
    for at in seen:
        torch.testing.assert_close(at.z_BLD, z_BLD)
        z_BLD = model.H_level(z_BLD, x_BLD, model.rotary)


@torch.no_grad()
def test_a_deep_transformer_moves_from_layer_to_layer() -> None:
    model, puzzles = transformer(recurrent=False), batch(2)
    z_BLD = model.embed(puzzles.x_BT, model.puzzle_rows(puzzles.id_B))
    seen = list(path(model, puzzles, 2))
    assert [(at.module, at.step) for at in seen] == [("layers", i) for i in range(4)]
    for at, layer in zip(seen, [*model.H_level.layers, None], strict=True):
        torch.testing.assert_close(at.z_BLD, z_BLD)
        z_BLD = layer(z_BLD, model.rotary) if layer is not None else z_BLD


def test_other_models_are_refused() -> None:
    torch.manual_seed(0)
    model = Universal(UniversalConfig(vocab=6, length=16, width=32, heads=2)).eval()
    with pytest.raises(ValueError, match="those of an HRM or a TRM, got a Universal"):
        figure3(model, batch(1), 1)


def test_principal_components_of_a_known_shape() -> None:
    """Points on an ellipse with half-axes 3 and 1, turned and moved in four dimensions."""
    angle_S = torch.arange(12) * math.tau / 12
    flat_S4 = torch.stack([3 * angle_S.cos(), angle_S.sin(), 0 * angle_S, 0 * angle_S], 1)
    turn_44 = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0)))[0]
    points_S2, share_2 = principal(flat_S4 @ turn_44 + 5)
    assert share_2.tolist() == pytest.approx([0.9, 0.1])
    assert points_S2.abs().amax(0).tolist() == pytest.approx([3, 1], rel=1e-5)
    distances = torch.cdist(points_S2, points_S2)
    torch.testing.assert_close(distances, torch.cdist(flat_S4, flat_S4).double(), atol=1e-5, rtol=0)


def test_swing_tells_a_walk_from_a_pendulum(monkeypatch: pytest.MonkeyPatch) -> None:
    corners = [torch.full((1, 2, 2), float(x)) for x in (5, 1, 3, 1)]
    straight = [torch.full((1, 2, 2), float(x)) for x in (5, 1, 3, 5)]
    for states, expected in ((corners, 0.0), (straight, 2.0), (straight[:2], math.nan)):
        seen = [State("z_L", i, z_BLD) for i, z_BLD in enumerate(states)]
        monkeypatch.setattr(residuals, "path", lambda *_, seen=seen: iter(seen))
        swing = figure3(talkative(), batch(1), 1)["z_L"].swing
        assert swing == pytest.approx(expected, nan_ok=True)


def test_spikes_compare_the_ends_of_cycles_and_leave_out_the_first() -> None:
    line = Residuals("z_L", tuple(range(1, 8)), (90, 1, 8, 2, 9, 3, 7), 2.0, (), (1, 0))
    assert spikes(line, 2) == pytest.approx(3.5)  # of 8/2 and 9/3
    assert math.isnan(spikes(line, 7))


def test_an_unknown_norm_is_refused() -> None:
    with pytest.raises(ValueError, match="norm must be one of fro, rms, relative, got 'max'"):
        figure3(talkative(), batch(1), 1, "max")
