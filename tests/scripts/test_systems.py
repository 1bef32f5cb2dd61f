"""The comparison of systems: what is counted, equal FLOPs, resuming, and its tables from made-up scores."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from loading import module_of

from hrm_rl.agents.ablation.budgets import step_cost
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.presets import PRESETS, hrm6, universal6

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def systems() -> ModuleType:
    return module_of("systems")


@pytest.fixture(scope="module")
def runs(systems: ModuleType) -> ModuleType:
    return sys.modules["systems_runs"]


def test_every_system_but_direct_prediction_runs_six_layers_a_segment(systems: ModuleType) -> None:
    sizes = {name: systems.size(PRESETS[name]().model) for name in systems.SYSTEMS}
    assert {name: (one.layers, one.with_gradients) for name, one in sizes.items()} == {
        "hrm6": (6, 2),  # N (1 + T) = 2 x 3
        "trm6": (6, 3),  # T (n + 1) = 2 x 3, the last recursion with gradients
        "recurrent6": (6, 2),  # 3 passes of 2
        "universal6": (6, 6),
        "direct6": (2, 2),
    }
    parameters = {name: one.parameters for name, one in sizes.items()}
    assert parameters["hrm6"] == parameters["recurrent6"] == parameters["direct6"]
    block = (
        512 * 37 + 37 * 256 + 512 * 64 + 64 * 256
    )  # the SwiGLUs over positions and over channels
    assert parameters["hrm6"] - parameters["trm6"] == block
    assert parameters["universal6"] - parameters["trm6"] == 65  # the head that halts


def test_the_published_sizes(systems: ModuleType, runs: ModuleType) -> None:
    assert systems.size(PRESETS["official"]().model) == runs.Size(27_275_266, 24, 8)
    assert systems.size(PRESETS["trm"]().model) == runs.Size(5_028_866, 42, 14)


@pytest.mark.slow
def test_steps_are_those_that_the_flops_allow(systems: ModuleType) -> None:
    budget = 400 * step_cost(hrm6()).flops
    for name in systems.SYSTEMS:
        config = systems.budgeted(PRESETS[name](), budget)
        spent = config.steps * step_cost(config).flops
        assert abs(spent - budget) <= 2 * step_cost(config).flops
        assert config.steps == 4 * config.save_every == 4 * config.log_every
    assert systems.budgeted(hrm6(), budget).steps == 400


def small(config: TrainConfig) -> TrainConfig:
    """Eight steps of next to nothing."""
    model = replace(config.model, width=16, heads=1)  # type: ignore[call-arg]
    return replace(
        config, model=model, slots=2, steps=8, warmup=1, log_every=2, save_every=2,
        compile=False, device="cpu", dtype="float32",
    )  # fmt: skip


@pytest.mark.slow
def test_a_run_that_was_broken_off_comes_to_the_same(
    systems: ModuleType, runs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "SEGMENTS", 9)
    monkeypatch.setattr(runs, "GLANCE", 20)
    monkeypatch.setattr(runs, "JUDGED", 60)
    config = small(universal6())
    whole = systems.scored(config, tmp_path / "whole")
    assert len(whole.train_M) == len(whole.test_M) == 9
    assert [step for step, *_ in whole.way] == [2, 4, 6, 8]
    assert 1 < whole.ponder <= 7 and whole.flops == 8 * step_cost(config).flops

    real, saves = runs.run, iter(range(2))

    def breaks_off(*args: Any) -> Iterator[dict[str, float]]:
        for line in real(*args):
            if next(saves, None) is None:
                raise KeyboardInterrupt  # between a save and its look
            yield line

    monkeypatch.setattr(runs, "run", breaks_off)
    with pytest.raises(KeyboardInterrupt):
        systems.scored(config, tmp_path / "parts")
    monkeypatch.setattr(runs, "run", real)
    assert systems.scored(config, tmp_path / "parts") == whole

    monkeypatch.setattr(runs, "run", None)  # a finished run is read, not trained
    assert systems.scored(config, tmp_path / "parts") == whole
    with pytest.raises(ValueError, match="holds a run with another config"):
        systems.scored(replace(config, lr=1e-5), tmp_path / "parts")


def madeup(systems: ModuleType, test: float, train: float) -> Any:
    return systems.Scores(
        steps=8, flops=8e12, train_M=[train] * 16, test_M=[0.0] * 7 + [test] * 9, own=[test, 3.0],
        ever=test, ponder=0.0, way=[[2.0, 0.0, 0.0], [4.0, 0.1, 0.1], [6.0, 0.2, 0.1], [8.0, train, test]],
    )  # fmt: skip


def test_tables_by_hand(systems: ModuleType) -> None:
    found = {
        "hrm6": [madeup(systems, 0.5, 0.75), madeup(systems, 0.75, 0.75)],
        "direct6": [madeup(systems, 0.25, 1.0)],
    }
    head, rule, hrm, direct, end = systems.accuracies(found)
    assert head.count("|") == rule.count("|") == hrm.count("|") == direct.count("|") and not end
    assert hrm == (
        "| HRM | 0.0 (0.0 to 0.0) | 0.0 (0.0 to 0.0) | 0.0 (0.0 to 0.0) | 62.5 (50.0 to 75.0) | "
        "62.5 (50.0 to 75.0) | 62.5 (50.0 to 75.0) at 3.00 | 62.5 (50.0 to 75.0) | "
        "75.0 (75.0 to 75.0) | +12.5 (+0.0 to +25.0) |"
    )
    assert direct.endswith("| 25.0 at 3.00 | 25.0 | 100.0 | +75.0 |")
    way = systems.on_the_way(found)
    assert way[2] == "| HRM | 0.0% / 0.0% | 10.0% / 10.0% | 20.0% / 10.0% | 75.0% / 62.5% |"


def test_differences_are_paired_by_seed_by_hand(systems: ModuleType) -> None:
    """+20 and +30 points: mean 25, deviation 7.07, t of one degree 12.706: 63.5 either way."""
    found = {
        "hrm6": [madeup(systems, 0.5, 0.75), madeup(systems, 0.4, 0.75)],
        "trm6": [madeup(systems, 0.7, 0.75), madeup(systems, 0.7, 0.75)],
    }
    head, _, row, _ = systems.differences(found)
    assert head == "| system | less | after 8 | after 16 |"
    one = "+25.0 [-38.5, +88.5], p 0.126"
    assert row == f"| TRM | HRM | {one} | {one} |"
    assert len(systems.differences({**found, "direct6": found["hrm6"]})) == 3 + 3


@pytest.mark.slow
def test_the_split_that_is_scored_may_be_another(
    systems: ModuleType, runs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "SEGMENTS", 8)
    monkeypatch.setattr(runs, "JUDGED", 20)
    real, asked = runs.for_model, []

    def for_model(config: Any, name: str, split: str, limit: int) -> Any:
        asked.append(split)
        return real(config, name, split, limit)

    monkeypatch.setattr(runs, "for_model", for_model)
    systems.scored(small(PRESETS["hrm6"]()), tmp_path, "fit")
    assert set(asked) == {"train", "fit"} and len(asked) == 2 * (4 + 1)


def test_the_plot_holds_what_was_found(systems: ModuleType, tmp_path: Path) -> None:
    found = {"hrm6": [madeup(systems, 0.5, 0.75), madeup(systems, 0.75, 0.75)]}
    figure = systems.plot(found, tmp_path / "plot.png")
    left, right = figure.axes
    assert left.lines[0].get_ydata().tolist() == [0.0] * 7 + [62.5] * 9
    assert right.lines[0].get_xdata().tolist() == [2.0, 4.0, 6.0, 8.0]
    assert [line.get_ydata()[-1] for line in right.lines] == [62.5, 75.0]
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_the_page_says_what_is_counted(systems: ModuleType) -> None:
    configs = {name: systems.budgeted(PRESETS[name](), 3.92e12) for name in systems.SYSTEMS}
    page = (ROOT / "docs" / "systems.md").read_text(encoding="utf-8").splitlines()
    printed = [line for line in systems.sizes(configs) if line]
    assert [line for line in printed if line not in page] == []
