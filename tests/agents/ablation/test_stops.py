"""Ablations that are stopped, started twice, or whose folders lost something."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import MLP, tiny_run

from hrm_rl.agents.ablation import member
from hrm_rl.agents.ablation.grid import Cell, Done, train_grid
from hrm_rl.agents.ablation.member import Held
from hrm_rl.checks.lock import sole
from hrm_rl.cli.main import main
from hrm_rl.training import presets
from hrm_rl.training.run import steps_done

BASE = tiny_run(model=MLP, steps=16, log_every=1)
HELD = Held(limit=4)
CELL = Cell("fixed-2", 0)


def grid(out: Path, **more: object) -> Done:
    return train_grid(BASE, ["fixed-2"], 1, out, **{"held": HELD, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    out = tmp_path_factory.mktemp("grid")
    return out, grid(out)


def no_scores(run: Path) -> None:
    (run / "scores.json").unlink()


def older_scores(run: Path) -> None:
    text = (run / "scores.json").read_text()
    (run / "scores.json").write_text(text[: text.index('"step": 3')].rpartition(",")[0] + "]}")


def half_scores(run: Path) -> None:
    (run / "scores.json").write_text((run / "scores.json").read_text()[:-200])


def scores_of_another_version(run: Path) -> None:
    text = (run / "scores.json").read_text()
    (run / "scores.json").write_text(text.replace('"areas"', '"regions"'))


def no_events(run: Path) -> None:
    for path in run.glob("events.*"):
        path.unlink()


def half_a_state(run: Path) -> None:
    path = run / "state.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def a_turned_bit(run: Path) -> None:
    path = run / "state.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lose", "said"),
    [
        (no_scores, "scores.json is missing, or older than its state"),
        (older_scores, "scores.json is missing, or older than its state"),
        (half_scores, "scores.json is damaged"),
        (scores_of_another_version, "scores.json is of another version"),
        (no_events, "TensorBoard events are incomplete"),
        (half_a_state, "state.safetensors is damaged"),
        (a_turned_bit, "state.safetensors is damaged"),
    ],
)
def test_what_a_finished_run_lost_is_named_and_it_is_trained_again(
    lose: Callable[[Path], None], said: str, finished: tuple[Path, Done], tmp_path: Path
) -> None:
    out, expected = finished
    shutil.copytree(out, tmp_path / "grid")
    lose(tmp_path / "grid" / "fixed-2" / "0")
    with pytest.warns(UserWarning, match=f"fixed-2/0 is trained again from step 1: its {said}"):
        assert grid(tmp_path / "grid") == expected


def test_a_run_without_its_state_needs_no_training(
    finished: tuple[Path, Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is wanted of it is there."""
    out, expected = finished
    shutil.copytree(out, tmp_path / "grid")
    (tmp_path / "grid" / "fixed-2" / "0" / "state.safetensors").unlink()
    monkeypatch.setattr(member, "run", None)
    assert grid(tmp_path / "grid") == expected


def test_an_ablation_is_nobody_elses(finished: tuple[Path, Done], tmp_path: Path) -> None:
    with sole(tmp_path), pytest.raises(ValueError, match=r"by this very process .* another --out"):
        grid(tmp_path)
    assert grid(finished[0]) == finished[1]


def test_a_run_in_it_that_somebody_trains_is_named(tmp_path: Path) -> None:
    run = tmp_path / "fixed-2" / "0"
    with (
        sole(run, "trained", "--run"),
        pytest.raises(ValueError, match=r"fixed-2/0 is being trained by"),
    ):
        grid(tmp_path)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_saves_in_one_sentence(
    number: int,
    code: int,
    finished: tuple[Path, Done],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It comes while the fifth step is saved."""
    put = os.replace

    def struck(source: Path, target: Path) -> None:
        put(source, target)
        if target.name == "state.safetensors" and steps_done(target.parent) == 5:
            signal.raise_signal(number)

    monkeypatch.setitem(presets.PRESETS, "tiny", lambda: BASE)
    args = ["ablate", "--preset", "tiny", "--learners", "fixed-2", "--seeds", "1", "--limit", "4"]
    with monkeypatch.context() as patched:
        patched.setattr("hrm_rl.models.tensorfile.os.replace", struck)
        assert main([*args, "--out", str(tmp_path)]) == code
    assert capsys.readouterr().err.splitlines()[-1] == (
        "hrm-rl: stopped with 0 of 1 runs complete, the others saved; the same command goes on"
    )
    assert steps_done(tmp_path / "fixed-2" / "0") == 6
    assert grid(tmp_path) == finished[1]
