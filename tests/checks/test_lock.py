"""One process at a time in a folder: the second is told who works there, and a kill frees it."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest

from hrm_rl.checks import lock
from hrm_rl.checks.lock import NAME, sole, solely

# Without torch: it starts at once.
HOLDS = """
import sys
from hrm_rl.checks.lock import sole
with sole(sys.argv[1], "trained", "--run"):
    print("here", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Another process that is at work in the folder until its stdin is closed."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    )
    assert process.stdout is not None and process.stdout.readline() == "here\n"
    return process


def test_the_second_is_told_who_works_there_until_that_one_is_killed(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        with pytest.raises(ValueError) as caught, sole(tmp_path, "trained", "--run"):
            pass
        said = str(caught.value)
        assert said.startswith(f"{tmp_path} is being trained by process {first.pid} (")
        assert said.endswith("; stop it or choose another --run") and "\n" not in said
        assert " since 2" in said
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert (tmp_path / NAME).exists(), "a kill cleans nothing up"
        with sole(tmp_path):
            pass
    assert not list(tmp_path.iterdir())


def test_a_stopped_process_leaves_nothing_behind(tmp_path: Path) -> None:
    first = holder(tmp_path / "new")
    first.communicate("", timeout=20)
    assert first.returncode == 0 and not list(tmp_path.iterdir())


def test_two_in_one_process_are_told_apart(tmp_path: Path) -> None:
    refused = pytest.raises(ValueError, match=r"logged by this very process")
    with sole(tmp_path, "logged"), refused, sole(tmp_path, "logged"):
        pass
    with sole(tmp_path):
        pass


def test_of_many_threads_one_gets_in(tmp_path: Path) -> None:
    """However the first takes its file away while others open it."""
    inside, most, refused = 0, 0, 0
    counting = threading.Lock()

    def work() -> None:
        nonlocal inside, most, refused
        for _ in range(50):
            try:
                with sole(tmp_path):
                    with counting:
                        inside += 1
                        most = max(most, inside)
                    with counting:
                        inside -= 1
            except ValueError:
                refused += 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, inside) == (1, 0) and refused < 200


def test_it_is_given_up_when_what_is_inside_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyError), sole(tmp_path):
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_a_forked_child_neither_frees_nor_keeps_it(tmp_path: Path) -> None:
    read, write = os.pipe()
    block = sole(tmp_path)
    block.__enter__()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        child = os.fork()
    if child == 0:
        block.__exit__(None, None, None)  # as where a child ends by itself
        os.read(read, 1)
        os._exit(0)
    with pytest.raises(ValueError, match=r"by this very process"), sole(tmp_path):
        pass
    block.__exit__(None, None, None)
    with sole(tmp_path):  # although the child has the file open
        pass
    os.write(write, b".")
    os.waitpid(child, 0)


@pytest.mark.parametrize(
    "text", ["", "garbage", "1\n2\n", "\x1b[31m\n\xff\n\0\n" + "x" * 900 + "\n"]
)
def test_whatever_the_file_says_the_message_is_one_printable_line(
    text: str, tmp_path: Path
) -> None:
    with sole(tmp_path):
        (tmp_path / NAME).write_text(text, encoding="latin-1")
        with pytest.raises(ValueError) as caught, sole(tmp_path):
            pass
    assert str(caught.value).isprintable() and len(str(caught.value)) < 700


def test_a_file_in_place_of_the_folder_is_left_to_who_writes(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with sole(tmp_path / "file"), sole(tmp_path / "file" / "run"):
        pass
    assert (tmp_path / "file").read_text() == "mine"


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / NAME).symlink_to(tmp_path / "precious")
    with sole(tmp_path):
        pass
    assert (tmp_path / "precious").read_text() == "mine"


def test_where_there_are_no_locks_a_warning_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network drive, which no test can mount: its answer is made up."""

    def none(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with (
        pytest.warns(UserWarning, match=r"cannot be locked \(No locks available\)"),
        sole(tmp_path),
    ):
        pass
    monkeypatch.setattr(lock, "fcntl", None)  # no Unix
    with sole(tmp_path), sole(tmp_path):
        pass


def test_around_a_function(tmp_path: Path) -> None:
    @solely("logged", "--out")
    def work(folder: Path, *, depth: int) -> int:
        """Doc."""
        return work(folder, depth=0) if depth else 3

    assert work(tmp_path, depth=0) == 3 and work.__doc__ == "Doc."
    with pytest.raises(ValueError, match=r"being logged .* choose another --out"):
        work(folder=tmp_path, depth=1)
