"""The benchmark script: its sections run on a tiny model, and what they count is right."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from loading import module_of
from tiny import ATTENTION, talkative, tiny_run
from torch.utils.flop_counter import FlopCounterMode

from hrm_rl.models.hrm import GRADIENTS
from hrm_rl.puzzles import load

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    return module_of("benchmark")


@pytest.fixture(scope="module")
def bench(benchmark: ModuleType) -> object:
    return benchmark.Bench(
        model=talkative(),
        weights="random",
        config=tiny_run(),
        puzzles=load("sudoku4", "test").take(range(6)),
        device=torch.device("cpu"),
        slots=4,
        sync_slots=2,
        rounds=1,
        max_segments=3,
    )


def test_rates_are_medians_without_the_first_round(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(sys.modules["bench_setup"].time, "process_time", lambda: now[0])
    seconds = iter([100.0, 1.0, 2.0, 10.0])

    def work() -> float:
        now[0] += next(seconds)
        return 20.0

    rates = sys.modules["bench_setup"].take_turns({"work": work}, 3, torch.device("cpu"))
    assert rates == {"work": 10.0}


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, on import
def test_vector_and_evaluation_run(benchmark: ModuleType, bench: Any, traced: None) -> None:
    bench = replace(bench, quick=True)
    vector, evaluation = benchmark.vector(bench), benchmark.evaluation(bench)
    assert all(value > 0 for value in [*vector.values(), *evaluation.values()])
    assert evaluation["mean segments / M"] <= 1
    assert evaluation["... halting at the same segments with the same verdicts"] == 1


def test_sb3_is_timed_on_a_bank_and_on_cartpole(benchmark: ModuleType, bench: Any) -> None:
    found = benchmark.bench_sb3.sb3(replace(bench, quick=True))
    assert all(value > 0 for value in found.values())
    assert all(value < 1 for name, value in found.items() if "share" in name)


def test_banks_are_played_in_every_mode(benchmark: ModuleType, bench: object) -> None:
    found = benchmark.bank(bench)
    assert len(found) == 3 * 2 + 3 + 1  # modes x outputs, single ones, an exact score
    native, sync = (found[f"{name}, env-steps/s at N = 4"] for name in ("native", "SyncVectorEnv"))
    assert found["native over SyncVectorEnv at N = 4"] == native / sync
    assert all(rate > 0 for rate in found.values())


def test_banks_are_played_beside_cartpole(benchmark: ModuleType, bench: object) -> None:
    found = benchmark.cartpole(bench)
    # two N: modes x outputs, with tokens or without; CartPole, a floor for each mode
    assert len(found) == 2 * (3 * 2 * 2 + 1 + 3)
    assert all(rate > 0 for rate in found.values())


def test_a_large_bank_is_measured(benchmark: ModuleType) -> None:
    """Five things are asked of it; a peak is of that one thing, over 13 bytes a segment."""
    large = benchmark.bench_million
    assert large.read_bytes(large.drawn(300, 4)) == 300 * 4 * (2 * 4 + 1 + 4)
    found = large.measured(300, 4)
    assert [line for line, value in found.items() if "CPU s" in line and value > 0] == [
        f"{name}, CPU s" for name in large.works(large.drawn(300, 4))
    ]


def test_snells_rule_is_fitted_on_more_and_more_puzzles(benchmark: ModuleType, bench: Any) -> None:
    """Returns are those of fresh puzzles: below what all knew of their own answers, above halting at once."""
    found = benchmark.bench_million.sample(replace(bench, quick=True))
    assert list(found) == [
        f"{count} puzzles, {what}"
        for count in (125, 1000, 2000)
        for what in ("CPU s", "mean return")
    ]
    fresh = benchmark.bench_million.drawn(2_000, 16, seed=1)
    at_once, known = fresh.correct_MP[0].double().mean(), fresh.correct_MP.any(0).double().mean()
    assert at_once < found["1000 puzzles, mean return"] < known


def test_what_backward_keeps_is_flat(benchmark: ModuleType, bench: object) -> None:
    sizes = [
        benchmark.bench_memory.saved_bytes(
            bench, replace(ATTENTION, H_cycles=n, L_cycles=t), segments
        )
        for n, t, segments in ((1, 1, 1), (3, 2, 1), (1, 1, 4))
    ]
    assert sizes[0] == sizes[1] == sizes[2] > 0


def test_shares_of_time_add_up(benchmark: ModuleType, bench: object) -> None:
    found = benchmark.bench_profile.where_time_goes(bench)
    for name in ("training step", "forward"):
        shares = [share for line, share in found.items() if line.startswith(name)]
        assert sum(shares) == pytest.approx(1)
    assert found["forward: matrix products"] > 0
    assert "forward: optimiser" not in found


def test_kinds_of_operations(benchmark: ModuleType) -> None:
    for name, kind in {
        "aten::addmm": "matrix products",
        "aten::_foreach_mul_": "optimiser",
        "aten::atan2": "optimiser",
        "aten::copy_": "copies and casts",
        "aten::_to_copy": "copies and casts",
        "aten::mean": "reductions",
        "aten::_softmax": "reductions",
        "aten::index": "lookups",
        "aten::mul": "element-wise and the rest",
        "aten::silu": "element-wise and the rest",
    }.items():
        assert benchmark.bench_profile.kind_of(name) == kind, name


@pytest.mark.slow
@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, on import
def test_the_whole_script_runs(
    benchmark: ModuleType, tmp_path: Path, unchecked_shapes: None
) -> None:
    out = tmp_path / "report.json"
    assert benchmark.main(["--quick", "--checkpoint", "sudoku4", "--out", str(out)]) == 0
    report = json.loads(out.read_text())
    assert set(benchmark.SECTIONS) - set(benchmark.HOURS) <= set(report)
    assert report["training"]["GFLOP of matrix products in a step"] > 0
    memory = report["memory"]
    kept = {line: v for line, v in memory.items() if line.startswith("kept for backward")}
    assert len({v for line, v in kept.items() if "gradient" not in line}) == 1
    deeper = [kept[f"kept for backward, KiB/slot, gradient {g}"] for g in GRADIENTS]
    assert deeper == sorted(deeper) and deeper[0] < deeper[-1]


def test_a_run_is_timed_until_it_reaches_what_is_asked(benchmark: ModuleType) -> None:
    accuracy = benchmark.bench_accuracy
    path = [accuracy.Reached(share, 10.0 * n, n) for n, share in enumerate([0.0, 0.5, 0.9, 1.0])]
    assert accuracy.until(iter(path), 0.9, 100.0) == (path[2], True)
    assert accuracy.until(iter(path), 0.9, 10.0) == (path[1], False)
    assert accuracy.until(iter(path[:2]), 0.9, 100.0) == (path[1], False)


def test_the_products_of_a_step_are_counted_with_their_layouts(benchmark: ModuleType) -> None:
    products = benchmark.bench_products
    a, c = torch.randn(3, 4, requires_grad=True), torch.randn(5, 4, requires_grad=True)
    with products.Products() as seen, FlopCounterMode(display=False) as flops:
        (a @ c.T).square().sum().backward()
    shapes = [[tuple(shape) for shape, _, _ in factors] for _, factors in seen.calls.elements()]
    assert len(shapes) == 3  # one forward, one for each gradient
    assert flops.get_total_flops() == 2 * sum(m * k * n for (m, k), (_, n) in shapes)
    with products.Products() as again, FlopCounterMode(display=False) as repeated:
        assert products.again(seen.calls, torch.device("cpu"))() == 1.0
    assert repeated.get_total_flops() == flops.get_total_flops()
    assert again.calls == seen.calls


def test_training_until_a_share_is_right_counts_training_alone(benchmark: ModuleType) -> None:
    config = replace(tiny_run(), steps=3)
    puzzles = load("sudoku4", "fit").take(range(4))
    path = list(benchmark.bench_accuracy.climb(config, puzzles, every=2, segments=2))
    assert [reached.steps for reached in path] == [2, 3]
    assert 0 < path[0].core_seconds < path[1].core_seconds
    assert all(0 <= reached.accuracy <= 1 for reached in path)


def test_hours_of_training_are_for_who_asks(benchmark: ModuleType) -> None:
    assert set(benchmark.HOURS) == {"time-to-accuracy"} < set(benchmark.SECTIONS)
