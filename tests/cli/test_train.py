"""`hrm-rl train`: stopped, resumed, finished, grown, and what it says of folders that are not fit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hrm_rl.checks.lock import sole
from hrm_rl.cli.main import main
from hrm_rl.training.run import steps_done

ARGS = ["--slots", "4", "--width", "16", "--log-every", "2", "--save-every", "2", "--device", "cpu"]
ENDLESS = ["--steps", "1000000"]


def train(folder: Path, *more: str) -> int:
    return main(["train", "sudoku4", "--run", str(folder), *ARGS, *more])


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 4 steps, finished."""
    folder = tmp_path_factory.mktemp("begun") / "run"
    assert train(folder, "--steps", "4") == 0
    return folder


@pytest.fixture
def run(begun: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(begun, tmp_path / "run"))


def lines(capsys: pytest.CaptureFixture[str]) -> tuple[list[str], str]:
    """What was printed, and the last line of stderr, where bars are too."""
    out, err = capsys.readouterr()
    return out.splitlines(), err.splitlines()[-1] if err else ""


@pytest.fixture
def later() -> Iterator[list[threading.Thread]]:
    """Threads to join."""
    threads: list[threading.Thread] = []
    yield threads
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_saves_and_the_same_command_goes_on(
    number: signal.Signals,
    code: int,
    run: Path,
    later: list[threading.Thread],
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(number)

    def strike() -> None:
        while steps_done(run) <= 4:  # for a run of so many steps never ends by itself
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    later.append(threading.Thread(target=strike))
    later[0].start()
    assert train(run, *ENDLESS) == code
    out, said = lines(capsys)
    done = steps_done(run)
    assert out == [f"{run}: resumed at step 4 of 1000000"] and done > 4
    assert said == (
        f"hrm-rl: {run} stopped at step {done} of 1000000, saved; the same command goes on"
    )
    assert signal.getsignal(number) is before


def test_as_a_process(run: Path) -> None:
    """What a supervisor sees; a second process in the folder is told whom it meets."""
    command = [
        sys.executable,
        "-m",
        "hrm_rl",
        "train",
        "sudoku4",
        "--run",
        str(run),
        *ARGS,
        *ENDLESS,
    ]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        command, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == f"{run}: resumed at step 4 of 1000000\n"
    said = f"being trained by process {process.pid} .hrm-rl train sudoku4 --run .* choose another --run"
    with pytest.raises(ValueError, match=said), sole(run, "trained", "--run"):
        pass
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143 and "Traceback" not in err
    assert err.splitlines()[-1].endswith("saved; the same command goes on")


def test_a_finished_run_says_so_and_may_grow(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(run, "--steps", "4") == 0
    out, said = lines(capsys)
    assert out[0] == f"{run}: already complete" and said == ""
    assert train(run, "--steps", "7") == 0
    out, _ = lines(capsys)
    assert out[0] == f"{run}: resumed at step 4 of 7" and steps_done(run) == 7


def test_one_at_a_time(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sole(run, "trained"):
        assert train(run, "--steps", "4") == 2
    _, said = lines(capsys)
    assert said.startswith(f"hrm-rl: {run} is being trained by this very process since 2")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "config.json cannot be read"),
        ("[" * 100_000, "config.json cannot be read"),
        ("\xff", "config.json cannot be read"),
        (None, "config.json cannot be read"),
    ],
)
def test_a_damaged_config_is_named(
    text: str | None, says: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run / "config.json"
    if text is None:  # of another version
        text = path.read_text().replace('"slots"', '"slotz"')
    path.write_text(text, encoding="latin-1")
    assert train(run, "--steps", "4") == 2
    _, said = lines(capsys)
    assert says in said and "choose another run folder" in said


@pytest.mark.parametrize("size", [0, 8, 100, -1])
def test_a_damaged_state_is_named(size: int, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / "state.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    assert train(run, "--steps", "4") == 2
    _, said = lines(capsys)
    assert said.startswith(f"hrm-rl: {path} cannot be resumed from (") and "delete it" in said


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--device", "banana"], 'device must be "auto", "cpu", "cuda" or "mps", got "banana"'),
        (["--slots", "0"], "slots must be"),
        (["--data", "nowhere.csv", "1"], "nowhere.csv"),
    ],
)
def test_mistakes_are_one_sentence_and_make_no_folder(
    more: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = train(tmp_path / "run", *more)
    except SystemExit as ended:  # tyro's own, of a config that its class refuses
        code = ended.code
    assert code == 2
    err = capsys.readouterr().err
    assert says in " ".join(err.replace("│", " ").split()) and "Traceback" not in err
    assert not (tmp_path / "run").exists()


def test_a_file_in_place_of_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    file = tmp_path / "file"
    refusals = {
        file: f"{file} is a file; choose a folder",
        file / "run": "nothing can be written in",
    }
    for folder, refusal in refusals.items():
        assert train(folder, "--steps", "4") == 2
        _, said = lines(capsys)
        assert refusal in said
    assert (tmp_path / "file").read_text() == "mine"
