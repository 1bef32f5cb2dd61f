"""Banks whose logging was broken off: it goes on, and ends with the same bytes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logged import content, log

from hrm_rl.banks import files
from hrm_rl.banks.files import read_bank, read_header


class Killed(BaseException):
    """Nobody catches it, as nobody catches SIGKILL."""


@pytest.mark.slow
@given(st.lists(st.integers(0, 60), min_size=1, max_size=3), st.floats(0, 1))
@settings(max_examples=15)
def test_a_bank_that_was_broken_off_anywhere_ends_with_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, whole: Path, stops: list[int], torn: float
) -> None:
    """Killed before, in the middle of, or after any write, several times over."""
    folder = tmp_path_factory.mktemp("broken") / "bank"
    for stop in stops:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files.os, "fsync", stopping(folder, stop, torn))
            try:
                log(folder, tier="full")
            except Killed:
                if (folder / "bank.json").exists() and not read_header(folder).complete:
                    with pytest.raises(ValueError, match=r"not complete.*goes on from there"):
                        read_bank(folder)
    log(folder, tier="full")
    assert content(folder) == content(whole)


def stopping(folder: Path, stop: int, torn: float) -> Callable[[int], None]:
    """An fsync that at its call number `stop` loses an end of what was written, and the process.

    What lies in the folder before is on the disk.
    """
    calls, there = iter(range(1000)), [path.stat() for path in folder.glob("*")]
    sizes = {file.st_ino: file.st_size for file in there}

    def call(file: int) -> None:
        now = os.fstat(file)
        before = sizes.get(now.st_ino, 0)
        if next(calls) == stop:
            os.ftruncate(file, before + int((now.st_size - before) * torn))
            raise Killed
        sizes[now.st_ino] = now.st_size

    return call


@pytest.mark.slow
def test_sigkill(tmp_path: Path) -> None:
    """A real one, in the second batch."""
    code = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from scripted import PUZZLES, tiny_hrm
from hrm_rl.banks import files
count, fsync = iter(range(100)), os.fsync
os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL) if next(count) == 15 else fsync(file)
files.log_to(Path(sys.argv[1]), tiny_hrm(), PUZZLES, 4, batch_size=3, name="mine", split="fit")
"""
    command = [sys.executable, "-c", code, str(tmp_path / "killed"), str(Path(__file__).parents[1])]
    outcome = subprocess.run(command, capture_output=True, check=False)
    assert outcome.returncode == -signal.SIGKILL, outcome.stderr
    assert 0 < read_header(tmp_path / "killed").done < 8
    assert content(log(tmp_path / "killed")) == content(log(tmp_path / "never"))


def test_a_complete_bank_is_left_alone(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "logged", None)
    before = {file: file.stat().st_mtime_ns for file in whole.iterdir()}
    log(whole, tier="full")
    assert before == {file: file.stat().st_mtime_ns for file in whole.iterdir()}
