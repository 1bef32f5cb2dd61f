"""A run of two processes is the run of one: gradients, weights, metrics, resuming, stopping."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import processes
import pytest
import torch
from processes import Together, Told
from safetensors import safe_open
from tiny import ATTENTION, tiny_run

from hrm_rl.training.config import TrainConfig
from hrm_rl.training.monitor import Diverged
from hrm_rl.training.parallel import ALONE, World
from hrm_rl.training.run import run


@pytest.fixture(scope="module")
def two() -> Iterator[Together]:
    with processes.together(2) as two:
        yield two


def good(outcomes: list[Any]) -> list[Any]:
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return outcomes


# --- one step, many steps -------------------------------------------------------------------------

CASES = pytest.mark.parametrize(
    "changes",
    [
        {"bootstrap": "extra"},
        {"bootstrap": "delayed"},
        {"bootstrap": "delayed", "attach": False, "explore": "segment"},
        {"halting": "halt_bce"},
        {"halting": "ponder"},
        {"halting": "graves"},
        {"halting": "exact_pg", "step_cost": 0.1},
        {"halting": "a2c"},
        {"halting": "ppo", "price": "budget:2", "normalise_advantages": True, "auxiliary": 0.5},
        {"grow_cycles": ((0.1, 1, 1),), "model": replace(ATTENTION, start="random", noise=0.1)},
    ],
    ids=lambda changes: "-".join(map(str, changes.values()))[:40],
)


def assert_same_gradients(told: list[Told], one: Told) -> None:
    for step, expected in enumerate(one.gradients):
        first, second = (of.gradients[step] for of in told)
        assert first.keys() == second.keys() == expected.keys()
        for name, gradient in expected.items():
            torch.testing.assert_close(first[name], gradient, rtol=0, atol=1e-12)
            assert torch.equal(first[name], second[name])


@pytest.mark.slow
@CASES
def test_gradients_are_those_of_the_joined_batch(changes: dict[str, Any], two: Together) -> None:
    """Until the learner has something to learn from: a whole episode, or a rollout of 16."""
    config = tiny_run(lr=0.0, puzzle_lr=0.0, **changes)
    count = 18 if changes.get("halting") in ("a2c", "ppo") else 4
    one = processes.steps(ALONE, config, count)
    largest = {n: max(float(g[n].abs().max()) for g in one.gradients) for n in one.gradients[0]}
    assert min(largest.values()) > 1e-4
    assert_same_gradients(good(two.do(processes.steps, config, count)), one)


def test_a_learner_without_losses_leaves_the_head_without_gradients(two: Together) -> None:
    config = tiny_run(lr=0.0, puzzle_lr=0.0, halting="fixed-2")
    one = processes.steps(ALONE, config, 3)
    assert "q_head.weight" not in one.gradients[0]
    assert_same_gradients(good(two.do(processes.steps, config, 3)), one)


@pytest.mark.slow
def test_a_compiled_segment_has_the_same_gradients(two: Together) -> None:
    config = tiny_run(lr=0.0, puzzle_lr=0.0)
    one = processes.steps(ALONE, config, 3)
    assert_same_gradients(good(two.do(processes.steps_compiled, config, 3)), one)


@pytest.fixture(scope="module")
def gentle(two: Together) -> tuple[Told, Told, Told]:
    """Eight steps of one process and of two."""
    config = tiny_run(lr=1e-4)
    one = processes.steps(ALONE, config, 8)
    first, second = good(two.do(processes.steps, config, 8))
    return one, first, second


def test_weights_stay_equal_in_all_processes_and_near_those_of_one(
    gentle: tuple[Told, Told, Told],
) -> None:
    one, first, second = gentle
    for name, weight in one.weights.items():
        assert torch.equal(first.weights[name], second.weights[name])
        torch.testing.assert_close(first.weights[name], weight, rtol=0, atol=1e-12)


def test_each_process_has_its_rows_of_one_draw(gentle: tuple[Told, Told, Told]) -> None:
    one, first, second = gentle
    for whole, *parts in zip(one.puzzles, first.puzzles, second.puzzles, strict=True):
        assert [len(part) for part in parts] == [2, 2]
        assert torch.equal(torch.cat(parts), whole)
        assert not torch.equal(*parts)
    torch.testing.assert_close(
        torch.cat([first.carry, second.carry]), one.carry, rtol=0, atol=1e-10
    )
    assert first.dealt == second.dealt == one.dealt > 4


def test_what_training_yields_is_of_the_joined_batch(gentle: tuple[Told, Told, Told]) -> None:
    one, *parts = gentle
    for told in parts:
        for theirs, ours in zip(told.sums, one.sums, strict=True):
            torch.testing.assert_close(theirs, ours, rtol=1e-9, atol=1e-10)
            for name in ("halted", "exact", "segments", "histogram"):
                assert torch.equal(theirs[name], ours[name])


def test_puzzle_embeddings_that_processes_share_take_one_step(two: Together) -> None:
    """Six slots with ids 0 2 1 | 0 2 1: each id has a slot in both processes."""
    model = replace(ATTENTION, puzzle_ids=3)
    config = tiny_run(slots=6, lr=0.0, puzzle_lr=0.5, warmup=0, model=model)
    one = processes.steps_with_ids(ALONE, config, 2)
    first, second = good(two.do(processes.steps_with_ids, config, 2))
    table = one.weights["puzzle_emb.weights"]
    assert torch.equal(first.weights["puzzle_emb.weights"], table)
    assert torch.equal(second.weights["puzzle_emb.weights"], table)


def test_rows_of_every_kind_come_back_whole(two: Together) -> None:
    for told in good(two.do(processes.exchanged)):
        assert [value.tolist() for value in told.values()] == [
            [[0, 1], [2, 0], [1, 2], [0, 1]]
        ] * 5 + [[[False, True], [True, False], [True, True], [False, True]]]


# --- a run folder ---------------------------------------------------------------------------------

GENTLE = tiny_run(lr=1e-4, bootstrap="delayed")


def folders(tmp_path: Path) -> list[Path]:
    return [tmp_path / "rank0", tmp_path / "rank1"]


def saved_step(folder: Path) -> int:
    with safe_open(folder / "state.safetensors", "pt") as file:
        return int(file.metadata()["step"])


def saved_count(folder: Path) -> int:
    with safe_open(folder / "state.safetensors", "pt") as file:
        return int(file.get_tensor("dealt"))


def alone(config: TrainConfig, folder: Path, stop: int | None = None) -> list[dict[str, float]]:
    return processes.run_folder(ALONE, config, [folder], stop)


def assert_goes_on(told: list[dict[str, float]], whole: list[dict[str, float]]) -> None:
    for theirs, ours in zip(told, whole, strict=True):
        assert theirs == pytest.approx(ours, rel=1e-3, abs=1e-5)
        assert theirs["halted"] == ours["halted"]


def test_two_processes_are_resumed_by_one(two: Together, tmp_path: Path) -> None:
    whole = alone(GENTLE, tmp_path / "whole")
    told, _ = good(two.do(processes.run_folder, GENTLE, folders(tmp_path), 6))
    assert_goes_on(told + alone(GENTLE, tmp_path / "rank0"), whole)
    assert saved_count(tmp_path / "rank0") == saved_count(tmp_path / "whole")


def test_one_process_is_resumed_by_two(two: Together, tmp_path: Path) -> None:
    whole = alone(GENTLE, tmp_path / "whole")
    begun = alone(GENTLE, tmp_path / "rank0", stop=6)
    told, other = good(two.do(processes.run_folder, GENTLE, folders(tmp_path)))
    assert_goes_on(begun + told, whole)
    assert saved_count(tmp_path / "rank0") == saved_count(tmp_path / "whole")
    assert told == other


def test_rank_0_alone_writes_and_reads(two: Together, tmp_path: Path) -> None:
    for stop in (4, None):
        good(two.do(processes.run_folder, GENTLE, folders(tmp_path), stop))
    here, there = folders(tmp_path)
    assert not there.exists()
    assert saved_step(here) == 12
    assert {path.suffix for path in here.iterdir()} > {".json", ".safetensors"}


def test_ctrl_c_in_one_process_ends_all_at_the_next_metrics(two: Together, tmp_path: Path) -> None:
    told = good(two.do(processes.run_interrupted, GENTLE, folders(tmp_path), 4))
    assert told == [[2, 4, 6], [2, 4, 6]]
    assert saved_step(tmp_path / "rank0") == 6


def test_what_diverges_in_one_process_stops_all(two: Together, tmp_path: Path) -> None:
    first, second = two.do(processes.run_spoilt, GENTLE, folders(tmp_path))
    for error in (first, second):
        assert isinstance(error, Diverged)
        assert "step 6: lm_loss, q_halt_loss, q_continue_loss are not finite" in str(error)


def test_an_error_of_rank_0_is_raised_in_all(two: Together, tmp_path: Path) -> None:
    (tmp_path / "rank0").write_text("not a folder")
    for error in two.do(processes.run_folder, GENTLE, folders(tmp_path)):
        assert isinstance(error, ValueError)
        assert "is a file; choose a folder" in str(error)


# --- the command ----------------------------------------------------------------------------------


def torchrun(folder: Path, slots: int) -> subprocess.CompletedProcess[str]:
    # Without "--" torchrun takes --run for an abbreviation of its own --run-path.
    command = "-m torch.distributed.run --standalone --nproc-per-node 2 -m -- hrm_rl train sudoku4"
    options = "--device cpu --steps 2 --log-every 1 --save-every 1"
    return subprocess.run(
        [sys.executable, *command.split(), *options.split(), f"--slots={slots}", f"--run={folder}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.slow
def test_torchrun_trains_and_rank_0_speaks(tmp_path: Path) -> None:
    done = torchrun(tmp_path, 8)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("weights.safetensors to load") == 1
    assert saved_step(tmp_path) == 2


@pytest.mark.slow
def test_torchrun_with_slots_that_cannot_be_shared(tmp_path: Path) -> None:
    done = torchrun(tmp_path / "run", 5)
    assert done.returncode != 0
    assert "hrm-rl: slots must be a multiple of the number of processes, got 5" in done.stderr
    assert "Traceback" not in done.stderr.partition("hrm-rl:")[0]
    assert not (tmp_path / "run").exists()


# --- the world ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slots", "size", "cure"), [(5, 2, "use 4 or 6"), (130, 8, "use 128 or 136"), (3, 4, "use 4")]
)
def test_slots_are_shared_out_evenly_or_not_at_all(slots: int, size: int, cure: str) -> None:
    said = f"got {slots} slots and {size} processes; {cure}$"
    with pytest.raises(ValueError, match=said):
        World(0, size).share(slots)
    with pytest.raises(ValueError, match=said):  # before there is a process group to speak with
        next(iter(run(tiny_run(slots=slots), "nowhere", world=_silent(size))))
    assert World(0, size).share(slots * size) == slots


def _silent(size: int) -> World:
    """A rank whose `first` has nobody to speak with."""

    class Alone(World):
        def first(self, work: Any) -> Any:
            return work()

    return Alone(0, size)


def test_own_rows_of_a_tree() -> None:
    rows = (torch.arange(6), torch.tensor(7))
    tree = processes.Batch(*(torch.arange(6) + n for n in range(3)))
    assert World(1, 3).own(rows[0]).tolist() == [2, 3]
    assert World(2, 3).own(tree).y_BT.tolist() == [5, 6]
    assert World(2, 3).own(rows[1]).item() == 7
    assert ALONE.own(tree) is tree


def test_each_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert World(9, 16, local_rank=1).device("auto") == torch.device("cuda", 1)
    assert World(9, 16, local_rank=1).device("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match=r"than it has GPUs \(2\); use --nproc-per-node 2"):
        World(2, 3, local_rank=2).device("cuda")
    with pytest.raises(ValueError, match='a GPU of its own, got "cuda:1"'):
        World(0, 2).device("cuda:1")
    assert ALONE.device("cuda:1") == torch.device("cuda", 1)
