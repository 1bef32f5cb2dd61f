"""Runs that are stopped: nothing in them shows it, whatever stopped them and however often."""

from __future__ import annotations

import itertools
import resource
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import CONFIG, finish
from safetensors.torch import load_file, save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny import tiny_run

from hrm_rl.checks.lock import sole
from hrm_rl.training import journal as journals
from hrm_rl.training.run import run, steps_done


def events(folder: Path) -> list[Any]:
    """Everything that TensorBoard shows of a run but for the clock."""
    read = EventAccumulator(str(folder), size_guidance={"histograms": 0}).Reload()
    tags = sorted(set(read.Tags()["scalars"]) - {"train/steps_per_second"})
    lines = [(tag, event.step, event.value) for tag in tags for event in read.Scalars(tag)]
    halts = read.Histograms("train/halting_segment")
    return [*lines, *((event.step, event.histogram_value) for event in halts)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, float]]]:
    """A run that nothing stopped, with a line of metrics at steps 4, 8 and, half one, 9."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, finish(CONFIG, folder)


# --- no trace -------------------------------------------------------------------------------------


def test_a_run_stopped_at_every_step_is_the_run_that_was_not(
    whole: tuple[Path, list[dict[str, float]]], tmp_path: Path
) -> None:
    told: list[dict[str, float]] = []
    for stop in range(1, CONFIG.steps + 1):
        told += finish(CONFIG, tmp_path, stop)
        assert steps_done(tmp_path) == stop
    folder, expected = whole
    assert [line["step"] for line in told] == [*range(1, 10)], "each stop tells what there is"
    assert [line for line in told if line["step"] in (4, 8, 9)] == expected
    assert events(tmp_path) == events(folder)
    for name in ("state.safetensors", "weights.safetensors", "config.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_a_killed_run_has_the_events_of_one_that_was_not(
    whole: tuple[Path, list[dict[str, float]]], tmp_path: Path
) -> None:
    """Stopped in a line of metrics and then killed after another: both come again, once."""
    finish(CONFIG, tmp_path, 3)
    saved = {path: path.read_bytes() for path in tmp_path.glob("*.safetensors")}
    finish(CONFIG, tmp_path, 6)
    for path, content in saved.items():
        path.write_bytes(content)
    finish(CONFIG, tmp_path)
    assert events(tmp_path) == events(whole[0])


def test_steps_may_grow(whole: tuple[Path, list[dict[str, float]]], tmp_path: Path) -> None:
    """At a constant learning rate the longer run is the one that was so long from the first."""
    folder, expected = whole
    finish(replace(CONFIG, steps=6), tmp_path)
    assert finish(CONFIG, tmp_path) == expected[1:]
    assert events(tmp_path) == events(folder)
    for name in ("state.safetensors", "weights.safetensors", "config.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
    with pytest.raises(ValueError, match=r"another config .steps 9 there, 6 here.; choose another"):
        finish(replace(CONFIG, steps=6), tmp_path)
    with pytest.raises(ValueError, match=r"lr 0.01 there, 0.5 here"):
        finish(replace(CONFIG, steps=12, lr=0.5), tmp_path)


def test_a_cosine_is_drawn_over_the_longer_run_from_there_on(tmp_path: Path) -> None:
    short = tiny_run(steps=6, lr_min_ratio=0.1, log_every=2, save_every=2)
    assert finish(short, tmp_path)[-1]["lr"] == pytest.approx(0.001)
    longer = replace(short, steps=12)
    lrs = [line["lr"] for line in finish(longer, tmp_path)]
    assert lrs == [line["lr"] for line in finish(longer, tmp_path / "straight")][3:]


# --- the folder -----------------------------------------------------------------------------------


def test_the_run_in_a_folder_is_nobody_elses(tmp_path: Path) -> None:
    training = run(CONFIG, tmp_path)
    next(training)
    with pytest.raises(ValueError, match=r"is being trained by this very process since .* --run"):
        finish(CONFIG, tmp_path)
    training.close()
    assert finish(CONFIG, tmp_path)[0]["step"] == 8


def test_a_run_that_cannot_begin_gives_its_folder_up(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"cannot be read"):
        finish(CONFIG, tmp_path)
    with sole(tmp_path):
        pass


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    left = [tmp_path / f".state.safetensors.{pid}" for pid in (1, 4711)]
    kept = [tmp_path / name for name in (".gitignore", ".state.safetensors.bak", "notes.1")]
    for path in (*left, *kept):
        path.write_text("half")
    next(run(CONFIG, tmp_path))
    assert not any(path.exists() for path in left) and all(path.exists() for path in kept)


def test_a_state_of_another_run_is_refused_by_name(tmp_path: Path) -> None:
    finish(CONFIG, tmp_path / "a", 4)
    finish(replace(CONFIG, seed=1), tmp_path / "b", 4)
    shutil.copy(tmp_path / "a" / "state.safetensors", tmp_path / "b")
    with pytest.raises(ValueError, match=r"another run: seed 0 there, 1 here\); delete it"):
        finish(replace(CONFIG, seed=1), tmp_path / "b")


@pytest.mark.parametrize("step", ["10", "x", "", "1e3"])
def test_a_state_of_an_impossible_step_is_refused(step: str, tmp_path: Path) -> None:
    finish(CONFIG, tmp_path, 4)
    path = tmp_path / "state.safetensors"
    save_file(load_file(path), path, {"step": step})
    with pytest.raises(ValueError, match=r"state.safetensors cannot be resumed from"):
        finish(CONFIG, tmp_path)


@pytest.mark.parametrize("rows", [None, 0, 3])
def test_part_of_a_line_of_another_length_is_refused(rows: int | None, tmp_path: Path) -> None:
    finish(CONFIG, tmp_path, 6)
    path = tmp_path / "state.safetensors"
    value = torch.zeros(()) if rows is None else torch.zeros(rows)
    save_file(load_file(path) | {"window.loss": value}, path, {"step": "6"})
    with pytest.raises(ValueError, match=r"line of metrics is of another length"):
        finish(CONFIG, tmp_path)


@pytest.mark.parametrize("how", ["moved", "deleted", "replaced"])
def test_a_folder_that_goes_away_is_named_and_not_made_anew(how: str, tmp_path: Path) -> None:
    folder, away = tmp_path / "run", tmp_path / "away"
    with pytest.raises(ValueError, match=r"run was moved, deleted or replaced .* held step 4"):
        for metrics in run(replace(CONFIG, save_every=4), folder):
            if metrics["step"] == 4:
                folder.rename(away)
                if how == "deleted":
                    shutil.rmtree(away)
                if how == "replaced":
                    shutil.copytree(away, folder)
    assert folder.exists() == (how == "replaced")
    if how == "moved":
        away.rename(folder)
        assert finish(replace(CONFIG, save_every=4), folder)[-1]["step"] == 9


def test_a_full_disk_names_the_file_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    """Files of this process may not grow beyond a few KB, as on a disk with so much room."""
    config = replace(CONFIG, save_every=4)
    finish(config, tmp_path, 4)
    before = {path: path.read_bytes() for path in tmp_path.glob("*.safetensors")}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    said = []
    for room in (20_000, 100):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            with pytest.raises(ValueError) as caught:
                finish(config, tmp_path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        said.append(str(caught.value))
        assert {path: path.read_bytes() for path in tmp_path.glob("*.safetensors")} == before
    assert "weights.safetensors cannot be written (File too large)" in said[0]
    assert "events cannot be written (File too large); raise the limit" in said[1]
    assert all("`ulimit -f`" in one and "free some space" not in one for one in said)
    assert [line["step"] for line in finish(config, tmp_path)] == [8, 9]
    assert {step for _, step, _ in events(tmp_path)[:-3]} == {4, 8, 9}


def test_a_finished_run_is_not_written_to(
    whole: tuple[Path, list[dict[str, float]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may lie where nobody can write."""
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    monkeypatch.setattr("hrm_rl.models.tensorfile.os.replace", None)
    assert finish(CONFIG, folder) == []


def test_event_files_are_read_in_the_order_they_were_written(tmp_path: Path) -> None:
    """Their names begin with the second, which two of them may share."""
    names = []
    for step in range(3):
        file = journals.Events(tmp_path, step, CONFIG)
        file.line(step, {"loss": float(step)}, torch.zeros(2, dtype=torch.long))
        file.close()
        (new,) = {path.name for path in tmp_path.iterdir()} - {*names}
        names.append(new)
    assert names == sorted(names) and int(names[0].split(".")[3]) <= time.time()
    read = EventAccumulator(str(tmp_path)).Reload().Scalars("train/loss")
    assert [event.step for event in read] == list(itertools.chain(range(3)))
