"""How a file is opened, and how what is wrong with it is said: once, for every reader."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any


class Unfit(ValueError):
    """What is wrong with a file, without its name: `told` makes it a sentence."""


@contextmanager
def told(
    path: str | os.PathLike[str],
    cure: str,
    error: type[ValueError] = ValueError,
    blame: str = "cannot be read",
) -> Iterator[None]:
    """What goes wrong with a file within, as an `error` of one sentence."""
    try:
        yield
    except (OSError, MemoryError, ValueError) as why:
        raise error(f"{shown(path)} {blame} ({reason_of(why)}); {cure}") from why


def place(name: str, value: Any) -> Path:
    """A file or folder, which is named by a text or a path.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise ValueError(f"{name} must be a text or a path, got {value!r:.60}")
    return Path(value)


def shown(path: str | os.PathLike[str]) -> str:
    """A path as it may stand in a sentence: on one line, in characters that can be printed."""
    text = os.fspath(path)
    return text if text.isprintable() else ascii(text)


def reason_of(error: Exception) -> str:
    """What an error says, on one line."""
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[BufferedReader]:
    """A regular file to read. Opening a pipe would wait for a writer, a folder is none.

    Raises:
        OSError, Unfit: it cannot be opened, or is no regular file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    number = os.open(path, flags)
    mode = os.fstat(number).st_mode
    if not stat.S_ISREG(mode):
        os.close(number)
        raise Unfit("it is a folder" if stat.S_ISDIR(mode) else "it is no regular file")
    with os.fdopen(number, "rb") as file:
        yield file
