"""What the command prints, wherever that goes, and the codes that it ends with.

Commands are started as processes where it matters what a process inherits: those that torch is not
needed for, since it takes seconds to start.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hrm_rl.checks.progress import bar
from hrm_rl.cli import main as cli

ROOT = Path(__file__).parents[2]
PRINTS = """
import sys
from hrm_rl.cli import main as cli
LINE = "\\u2500 Gr\\u00fc\\u00dfe \\udcff"
cli.COMMANDS["watch"] = lambda: [print(LINE, flush=i % 2 == 0) for i in range(8000)]
sys.exit(cli.main(sys.argv[1:]))
"""


def shell(script: str, code: str = PRINTS) -> subprocess.CompletedProcess[bytes]:
    """What a shell makes of a line in which $HRM is the command; `watch` prints more than a pipe holds."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "CODE": code}
    command = script.replace("$HRM", f'"{sys.executable}" -c "$CODE"')
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, env=env, check=False, timeout=60
    )


def test_a_closed_pipe_is_silence() -> None:
    done = shell("$HRM watch | head -1; echo ${PIPESTATUS[0]}")
    assert done.stdout.splitlines()[1:] == [b"141"] and done.stderr == b""


def test_so_it_is_for_help_and_for_what_is_written_at_the_end() -> None:
    done = shell("$HRM --version | true; sleep 0.1; $HRM --help 2>&1 | true; echo ${PIPESTATUS[0]}")
    assert done.stderr == b""
    assert done.stdout in (b"141\n", b"0\n"), "the reader may have been slower"


def test_a_terminal_of_few_letters_gets_question_marks() -> None:
    done = shell("PYTHONIOENCODING=latin-1 $HRM watch")
    assert done.returncode == 0 and done.stderr == b""
    assert done.stdout.splitlines()[-1] == b"? Gr\xfc\xdfe ?"


def test_a_full_disk_is_one_sentence() -> None:
    done = shell("$HRM watch > /dev/full")
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("hrm-rl: No space left on device") and "make room" in line


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing(closed: str, tmp_path: Path) -> None:
    """And no file gets the number of one, for others to write into."""
    code = PRINTS.replace("lambda:", "lambda: open('f', 'w').fileno() > 2 and")
    done = shell(f"cd {tmp_path} && $HRM watch {closed}; echo $? > code", code)
    assert (tmp_path / "code").read_text() == "0\n"
    assert (tmp_path / "f").read_bytes() == b"" and done.stderr == b""


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    import hrm_rl

    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"hrm-rl {hrm_rl.__version__}\n"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["trian"], 'did you mean "train"?'),
        (["evalute", "sudoku9"], 'did you mean "evaluate"?'),
        (["zzz"], "command must be one of train, ablate, "),
        (["train", "sudoku44"], 'did you mean "sudoku4"?'),
    ],
)
def test_commands_and_presets_that_there_are_not(
    args: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(args) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("hrm-rl: ") and says in line


@pytest.mark.parametrize(
    "args", [["evaluate", "--polcy", "q"], ["train", "sudoku4", "--stpes", "3"]]
)
def test_options_that_there_are_not(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(args)
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert "Perhaps you meant" in err and ("--policy" in err or "--steps" in err)


def too_much_for_torch() -> None:
    torch.empty(2**55)


def too_much_for_numpy() -> None:
    np.empty(2**55)


def too_much_for_a_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")


@pytest.mark.parametrize("work", [too_much_for_torch, too_much_for_numpy, too_much_for_a_gpu])
def test_out_of_memory_is_one_sentence(
    work: Callable[[], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(cli.COMMANDS, "watch", work)
    assert cli.main(["watch"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("hrm-rl: ") and "lower slots or batch_size" in line


def fails(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            FileNotFoundError(2, "No such file or directory", "x.csv"),
            "x.csv: No such file or directory",
        ),
        (PermissionError(13, "Permission denied", "out"), "out: Permission denied"),
        (ValueError("limit must be >= 0, got -1"), "limit must be >= 0, got -1"),
    ],
)
def test_mistakes_are_one_sentence(
    error: Exception, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(cli.COMMANDS, "watch", fails(error))
    assert cli.main(["watch"]) == 2
    assert capsys.readouterr().err == f"hrm-rl: {says}\n"


@pytest.mark.parametrize("error", [RuntimeError("mat1 and mat2"), KeyError("q"), RecursionError()])
def test_mistakes_of_ours_are_not_hidden(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cli.COMMANDS, "watch", fails(error))
    with pytest.raises(type(error)):
        cli.main(["watch"])


def test_ctrl_c_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(cli.COMMANDS, "watch", fails(KeyboardInterrupt()))
    assert cli.main(["watch"]) == 130
    assert capsys.readouterr().err == "hrm-rl: interrupted\n"


def test_a_warning_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> None:
        warnings.simplefilter("always")
        warnings.warn("mind this", stacklevel=1)

    monkeypatch.setitem(cli.COMMANDS, "watch", work)
    assert cli.main(["watch"]) == 0
    assert capsys.readouterr().err == "hrm-rl: warning: mind this\n"


@pytest.mark.parametrize("stream", [None, "closed"])
def test_without_a_stderr_there_is_no_bar(
    stream: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As in a program without a console, or whose stderr was closed."""
    if stream is not None:
        stream = open(tmp_path / "err", "w")  # noqa: SIM115
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    with bar(total=3) as progress:
        progress.update()
    assert progress.disable
