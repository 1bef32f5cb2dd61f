"""One process at a time in a folder: the second is told who works there.

A lock is `flock` on a file `.lock` in the folder. The kernel drops it when its process ends, however
that comes about, so a lock never has to be cleared by hand. What the file says is for the message.
"""

from __future__ import annotations

import errno
import functools
import os
import re
import shlex
import socket
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from hrm_rl.checks.reading import place

try:
    import fcntl
except ModuleNotFoundError:  # no Unix: nothing to lock with
    fcntl = None  # type: ignore[assignment]

__all__ = ["NAME", "sole", "solely", "try_folder"]

NAME = ".lock"
_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_LONGEST = 100  # characters of the other's command that are shown

F = TypeVar("F", bound=Callable[..., Any])


@contextmanager
def sole(folder: str | Path, doing: str = "used", option: str = "") -> Iterator[None]:
    """Within it no other process, and no other block of this one, works in the folder.

    The folder is made if it is not there. One that cannot be made or written is not locked: nobody
    writes there, and the first who tries is told why not. Where the file system has no locks (some
    network drives), a warning says so and work goes on.

    Args:
        doing: what is done in the folder, for the message: "trained".
        option: how another folder is chosen: "--run".

    Raises:
        ValueError: somebody is at work there; says who.
    """
    folder = place("folder", folder)
    new = not folder.exists()
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    held = _locked(folder, doing, option)
    process = os.getpid()
    try:
        yield
    finally:
        if held is not None and os.getpid() == process:  # a forked child leaves it to its parent
            _release(held, folder / NAME)
            if new:
                with suppress(OSError):  # there is something in it
                    folder.rmdir()


def try_folder(folder: Path) -> None:
    """Write a file in a folder before work starts, and leave behind what was there before.

    Raises:
        OSError: it cannot be made or written in; says how to go on.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    trial = folder / f".trial.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except FileExistsError:
        raise NotADirectoryError(
            f"{folder} is a file; choose a folder for what is written"
        ) from None
    except OSError as error:
        raise OSError(
            f"nothing can be written in {folder} ({error.strerror}); choose another folder"
        ) from error
    finally:
        with suppress(OSError):
            for path in made:
                path.rmdir()


def solely(doing: str, option: str = "") -> Callable[[F], F]:
    """`sole` around a function whose first argument, `folder`, is the folder."""

    def wrap(function: F) -> F:
        @functools.wraps(function)
        def alone(folder: str | Path, *args: Any, **kwargs: Any) -> Any:
            with sole(folder, doing, option):
                return function(folder, *args, **kwargs)

        return cast(F, alone)

    return wrap


def _locked(folder: Path, doing: str, option: str) -> int | None:
    """An open file with the lock on it; None where there is none to be had."""
    if fcntl is None:
        return None
    path = folder / NAME
    while True:
        try:
            held = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        except OSError:
            return None
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            who = _who(held)
            os.close(held)
            if error.errno in _TAKEN:
                raise ValueError(_sentence(folder, doing, option, who)) from None
            _warn(folder, error)
            return None
        if _same(held, path):
            _sign(held)
            return held
        os.close(held)  # whoever had it took the file away just now


def _release(held: int, path: Path) -> None:
    """Take the file away while it is still locked, then give the lock up."""
    if _same(held, path):
        with suppress(OSError):
            path.unlink()
    with suppress(OSError):
        fcntl.flock(held, fcntl.LOCK_UN)  # a forked child may have the file open for longer
    os.close(held)


def _same(held: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(held), os.stat(path))
    except OSError:
        return False


def _sign(held: int) -> None:
    """Say in the file who has it: pid, host, since when, command."""
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    with suppress(OSError):  # a full disk does not keep the lock from holding
        os.ftruncate(held, 0)
        text = f"{os.getpid()}\n{socket.gethostname()}\n{since}\n{_command()}\n"
        os.pwrite(held, text.encode(errors="replace"), 0)


def _command() -> str:
    """How this process was called, on one line."""
    argv = [str(part) for part in getattr(sys, "orig_argv", None) or sys.argv or ["python"]]
    module = [part for part in argv if part.endswith(("/hrm-rl", "/hrm_rl"))]
    if module or argv[1:3] == ["-m", "hrm_rl"]:
        argv = ["hrm-rl", *sys.argv[1:]]
    text = re.sub(r"[^ -~]", "?", shlex.join(argv))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _who(held: int) -> list[str]:
    """What the file says: pid, host, since, command; empty if that was not written yet."""
    with suppress(OSError):
        text = os.pread(held, 1000, 0).decode("ascii", "replace")
        parts = [re.sub(r"[^ -~]", "?", line)[: _LONGEST + 40] for line in text.splitlines()]
        return parts if len(parts) == 4 else []
    return []


def _sentence(folder: Path, doing: str, option: str, who: list[str]) -> str:
    another = f"choose another {option or 'folder'}"
    if not who:
        return f"{folder} is being {doing} by another process; wait for it or {another}"
    pid, host, since, command = who
    if (pid, host) == (str(os.getpid()), socket.gethostname()):
        return (
            f"{folder} is being {doing} by this very process since {since}; close what has it "
            f"open, or {another}"
        )
    where = "" if host == socket.gethostname() else f" on {host}"
    return (
        f"{folder} is being {doing} by process {pid}{where} ({command}) since {since}; stop it or "
        f"{another}"
    )


def _warn(folder: Path, error: OSError) -> None:
    warnings.warn(
        f"{folder} cannot be locked ({error.strerror}), so nothing keeps a second process from "
        "working there: start none",
        stacklevel=6,
    )
