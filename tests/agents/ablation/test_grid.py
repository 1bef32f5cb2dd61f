"""Grids of runs: the same rows however they were broken off, and wherever they were run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from alive import await_that, processes
from tiny import MLP, tiny_run

from hrm_rl.agents.ablation import cross, member
from hrm_rl.agents.ablation import grid as grids
from hrm_rl.agents.ablation.grid import Cell, Done, train_grid
from hrm_rl.agents.ablation.member import Held, Result, steps_done
from hrm_rl.agents.ablation.variants import config_of
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.monitor import Diverged
from hrm_rl.training.run import run
from hrm_rl.training.train import TrainState, train

NAMES = ["random-matched", "act_q", "fixed-2"]
# Checkpoints at every second step; ties halt, so that some puzzles do before they are forced to.
BASE = tiny_run(model=MLP, steps=32, log_every=1, tie="halt")
HELD = Held(limit=6)

Metrics = Iterator[dict[str, float]]


def grid(out: Path, names: list[str] = NAMES, seeds: int = 1, **more: object) -> Done:
    return train_grid(BASE, names, seeds, out, **{"held": HELD, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("grid")


@pytest.fixture(scope="module")
def two(folder: Path) -> Done:
    """A grid of two seeds that nothing broke off, one run after the other."""
    return grid(folder, seeds=2)


@pytest.fixture(scope="module")
def whole(two: Done) -> Done:
    """The first seed of it."""
    return {cell: run for cell, run in two.items() if cell.seed == 0}


def broken_off(at: str, step: int, stop: Callable[[], None]) -> Callable[..., Metrics]:
    """`run`, but when the run in a folder of that name comes to a step something happens."""

    def stopping(config: TrainConfig, folder: Path) -> Metrics:
        for metrics in run(config, folder):
            if str(folder).endswith(at) and metrics["step"] == step:
                stop()
            yield metrics

    return stopping


# --- what comes out -------------------------------------------------------------------------------


def test_budgets_of_a_fixed_number_of_segments_by_hand(two: Done) -> None:
    """Four slots are dealt at first, and again after every second step."""
    assert list(two) == [Cell(name, seed) for name in NAMES for seed in (0, 1)]
    points = two[Cell("fixed-2", 1)].points
    assert [point["step"] for point in points] == [2, 4, 6, 8, 12, 16, 22, 32]
    for point in points:
        step = point["step"]
        assert point["samples"] == 4 + 4 * step // 2
        assert point["halted_after"] == 4 * step and point["training_segments"] == 2.0
        assert point["forwards"] == step and point["flops"] == step * points[0]["flops"] // 2
        assert len(point["accuracy_at"]) == (16 if step == 32 else 3)
    assert two[Cell("fixed-2", 1)].lengths == [[0, 4, 0]] * 16  # each of two steps


def test_lengths_and_samples_are_those_of_the_training(two: Done) -> None:
    """Trained once more, without a folder, and counted."""
    state = TrainState.create(config_of("act_q", BASE, 1))
    counts_KM, training = torch.zeros(16, 3, dtype=torch.long), train(state)
    for step in range(BASE.steps):
        counts_KM[step * 16 // BASE.steps] += next(training)["histogram"]
    found, counts_M = two[Cell("act_q", 1)], counts_KM.sum(0)
    assert found.lengths == counts_KM.tolist() and int((counts_M > 0).sum()) > 1
    last = found.points[-1]
    assert last["samples"] == int(state.dealt) == BASE.slots + int(counts_M.sum())
    assert last["halted_after"] == int(counts_M @ torch.arange(1, 4))


def test_random_matched_has_the_histogram_of_its_source(two: Done, folder: Path) -> None:
    config = (folder / "random-matched" / "1" / "config.json").read_text()
    counts = ":".join(str(sum(part)) for part in zip(*two[Cell("act_q", 1)].lengths, strict=True))
    assert TrainConfig.from_json(config).halting == f"random-{counts}"
    assert two[Cell("random-matched", 1)].points[0]["own_rule"] == "fixed"


def test_random_matched_waits_for_the_run_of_its_own_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although it is named first. Nothing is trained here: lengths are made up from the seed."""
    trained = []

    def train_member(folder: Path, config: TrainConfig, held: Held) -> Result:
        trained.append((folder.parent.name, config.seed, config.halting))
        return Result([], [[config.seed + 1, 0, 5]], "", finished=True)

    monkeypatch.setattr(grids, "train_member", train_member)
    grid(tmp_path, seeds=2)
    assert trained == [
        ("act_q", 0, "act_q"),
        ("random-matched", 0, "random-1:0:5"),
        ("fixed-2", 0, "fixed-2"),
        ("act_q", 1, "act_q"),
        ("random-matched", 1, "random-2:0:5"),
        ("fixed-2", 1, "fixed-2"),
    ]


# --- going on -------------------------------------------------------------------------------------


def test_what_is_finished_is_not_trained_again(
    two: Done, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, trained = tmp_path / "grid", []
    shutil.copytree(folder, out)

    def noted(config: TrainConfig, folder: Path) -> Metrics:
        trained.append(folder.relative_to(out).as_posix())
        return run(config, folder)

    monkeypatch.setattr(member, "run", noted)
    assert grid(out, seeds=2) == two and trained == []
    more = grid(out, ["fixed-1", "fixed-2"])
    assert more[Cell("fixed-2", 0)] == two[Cell("fixed-2", 0)] and trained == ["fixed-1/0"]


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.append(sys.argv[1])
import test_grid as tests
from hrm_rl.agents.ablation import member

kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
member.run = tests.broken_off(sys.argv[3], int(sys.argv[4]), kill)
tests.grid(Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_a_killed_grid_goes_on_to_the_same_rows(whole: Done, tmp_path: Path) -> None:
    """Killed between two checkpoints, and then between a checkpoint and its score."""
    here = Path(__file__)
    env = {**os.environ, "PYTHONPATH": str(here.parents[2])}
    for at, step, saved in (("act_q/0", 7, 6), ("fixed-2/0", 12, 12)):
        args = [sys.executable, "-c", KILLED, str(here.parent), str(tmp_path), at, str(step)]
        assert subprocess.run(args, env=env, check=False).returncode == -signal.SIGKILL
        assert steps_done(tmp_path / at) == saved
    assert grid(tmp_path) == whole


@pytest.mark.slow
def test_ctrl_c_saves_and_the_grid_goes_on(
    whole: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = broken_off("act_q/0", 5, lambda: signal.raise_signal(signal.SIGINT))
    with monkeypatch.context() as patched:
        patched.setattr(member, "run", stopping)
        with pytest.raises(KeyboardInterrupt):
            grid(tmp_path)
    assert steps_done(tmp_path / "act_q" / "0") == 6
    assert not (tmp_path / "fixed-2").exists()
    assert grid(tmp_path) == whole


def test_a_run_that_diverges_is_a_result_and_the_others_go_on(
    whole: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge() -> None:
        raise Diverged("step 5: NaN")

    monkeypatch.setattr(member, "run", broken_off("act_q/0", 5, diverge))
    for _ in range(2):  # it is not tried again
        done = grid(tmp_path, ["act_q", "fixed-2"])
        broken = done[Cell("act_q", 0)]
        assert (broken.failed, broken.finished) == ("step 5: NaN", True)
        assert broken.points == whole[Cell("act_q", 0)].points[:2]
        assert done[Cell("fixed-2", 0)] == whole[Cell("fixed-2", 0)]
        monkeypatch.setattr(member, "run", None)
    assert cross.failures(broken, 3) == ["diverged"]


# --- elsewhere ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_processes_side_by_side_find_the_same(whole: Done, tmp_path: Path) -> None:
    assert grid(tmp_path, workers=2) == whole


@pytest.mark.slow
def test_ray_finds_the_same(whole: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On two workers of a Ray that is started for it and stopped after it."""
    ray = pytest.importorskip("ray", reason="hrm-rl[ray] is not installed")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")  # asks no server anything
    monkeypatch.chdir(tmp_path)
    assert grid(Path("grid"), workers=2, ray=True) == whole
    assert (tmp_path / "grid" / "act_q" / "0" / "scores.json").exists()
    assert not ray.is_initialized()
    await_that(lambda: not {"raylet", "gcs_server"} & children(), 20)


def children() -> set[str]:
    """Names of the processes that this one started."""
    return {name for parent, _, name in processes() if parent == os.getpid()}


# --- mistakes -------------------------------------------------------------------------------------


def test_a_grid_is_not_mixed_with_another(whole: Done, folder: Path) -> None:
    with pytest.raises(ValueError, match=r"fixed-2/0 was scored on .*limit=6.*, not on .*limit=5"):
        grid(folder, ["fixed-2"], held=Held(limit=5))
    with pytest.raises(
        ValueError, match=r"holds a run with another config \(lr 0.01 there, 0.5 he"
    ):
        train_grid(replace(BASE, lr=0.5), ["fixed-2"], 1, folder, held=HELD)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"seeds": 0}, "seeds must be a whole number in 1..10000, got 0"),
        ({"workers": 0}, "workers must be a whole number in 1..10000, got 0"),
        ({"seeds": 2.5}, "seeds must be a whole number in 1..10000, got 2.5"),
        ({"workers": True}, "workers must be a whole number in 1..10000, got True"),
        ({"held": Held("sudoku9_easy")}, "the puzzles are sudoku9"),
        ({"ray": True}, r"Ray is not installed: pip install 'hrm-rl\[ray\]', or leave --ray out"),
    ],
)
def test_what_cannot_be_run_is_told_before_anything_is(
    more: dict[str, object], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=says):
        grid(tmp_path, **more)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
