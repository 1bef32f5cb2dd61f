"""Figure 2: its models count their layers rightly, its runs differ in what they should, it scores right."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import ATTENTION, tiny_run

from hrm_rl import loop
from hrm_rl.banks.bank import log_bank
from hrm_rl.inside.depth import DEPTHS, WIDTHS, direct, layers_of, points, runs
from hrm_rl.inside.steps import calls
from hrm_rl.models import build
from hrm_rl.models.blocks import Block
from hrm_rl.models.checkpoint import save_model
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.models.stepper import StepperConfig
from hrm_rl.models.transformer import TransformerConfig
from hrm_rl.models.trm import TRMConfig
from hrm_rl.puzzles import load
from hrm_rl.training.train import TrainState, train

BASE = tiny_run(model=replace(ATTENTION, H_layers=2, L_layers=3, H_cycles=2, L_cycles=4))
TRM = TRMConfig(vocab=6, length=16, width=32, heads=2, layers=2, H_cycles=2, L_cycles=3)


@pytest.mark.parametrize(
    "config", [BASE.model, TRM, *(run.model for run in runs(tiny_run()).values())]
)
def test_layers_are_those_that_are_run(config: object) -> None:
    model = build(config).eval()  # type: ignore[arg-type]
    blocks = [module for module in model.modules() if isinstance(module, Block)]
    batch = loop.Batch(torch.ones(1, 16).long(), torch.ones(1, 16).long(), torch.zeros(1).long())
    with calls(*blocks) as made:
        loop.advance(model, loop.fresh(model, batch))
    assert layers_of(model) == len(made)


def test_layers_of_what_is_not_in_the_figure() -> None:
    with pytest.raises(ValueError, match="counts the layers of HRM, TRM and Transformer"):
        layers_of(build(StepperConfig(task="parity8")))


def test_runs_are_alike_but_for_the_architecture() -> None:
    base = tiny_run()
    made = runs(base)
    assert set(made) == {"hrm", "recurrent", *(f"deep-{d}" for d in DEPTHS), "wide-32", "wide-128"}
    assert len(WIDTHS) == 3  # the middle one is a run of the depths too
    for name, run in made.items():
        if name in ("hrm", "recurrent"):
            assert replace(run, model=base.model) == base
            continue
        assert (run.max_segments, run.halting) == (1, "fixed-1")
        same = replace(run, model=base.model, max_segments=base.max_segments, halting=base.halting)
        assert replace(same, explore_probability=base.explore_probability) == base
    again = made["recurrent"].model
    assert isinstance(again, TransformerConfig)
    assert isinstance(base.model, HRMConfig)
    assert again.layers == base.model.H_layers + base.model.L_layers
    assert 0 <= again.layers * again.cycles - layers_of(build(base.model)) < again.layers


def test_a_base_that_is_no_hrm_is_refused() -> None:
    with pytest.raises(ValueError, match="starts from an HRM's run, got a TRMConfig"):
        runs(tiny_run(model=TRM))


def test_direct_prediction_deals_every_slot_anew() -> None:
    training = train(TrainState.create(direct(tiny_run(), layers=2, width=32)))
    for _ in range(3):
        sums = next(training)
        assert int(sums["halted"]) == tiny_run().slots
        assert int(sums["segments"]) == tiny_run().slots


def test_points_are_those_of_a_bank(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, test, trained = build(ATTENTION).eval(), *(load("sudoku4", s) for s in ("test", "train"))
    save_model(tmp_path / "weights", model)
    test, trained = test.take(range(5)), trained.take(range(4))
    found = points("hrm", tmp_path, test, trained, 3)
    bank = log_bank(model, test, 3)
    assert [p.cells for p in found] == pytest.approx(bank.cells_MP.mean(1).tolist())
    assert [p.accuracy for p in found] == pytest.approx(bank.correct_MP.double().mean(1).tolist())
    assert [(p.segments, p.layers) for p in found] == [(1, 6), (2, 12), (3, 18)]
    assert found[0].parameters == sum(p.numel() for p in model.parameters())


def test_direct_prediction_has_one_point(tmp_path: Path) -> None:
    save_model(tmp_path / "weights", build(direct(tiny_run(), layers=2, width=32).model))
    puzzles = load("sudoku4", "test").take(range(3))
    (only,) = points("deep-2", tmp_path, puzzles, puzzles, 8)
    assert (only.segments, only.layers, only.width) == (1, 2, 32)
    assert only.fit == only.accuracy
