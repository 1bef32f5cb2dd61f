"""What a command prints, wherever that goes: a terminal of few letters, a pipe that closes, nowhere."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

CLOSED_PIPE = 141
"""128 + SIGPIPE: the exit code of a program whose reader has gone, as `head` does."""


def prepare() -> None:
    """Letters that the terminal does not have become "?"; what was closed swallows what comes."""
    with suppress(OSError):  # a closed stdin, stdout or stderr is a number that a file would get
        while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
            pass
        os.close(number)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            setattr(sys, name, open(os.devnull, "w", errors="replace"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper) and stream.errors != "backslashreplace":
            stream.reconfigure(errors="replace")


def complain(text: object) -> None:
    """One line on stderr, if anybody listens."""
    with suppress(OSError, ValueError):
        print(f"hrm-rl: {text}", file=sys.stderr, flush=True)


@contextmanager
def warned() -> Iterator[None]:
    """Within it a warning is one line, without the place in the code that Python puts before it."""

    def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        complain(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def finish() -> None:
    """Write out what is still held back.

    Raises:
        BrokenPipeError: nobody reads it.
        OSError: it cannot be written, as on a full disk.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()


def give_up() -> None:
    """Nothing more is written to streams that fail; Python would try once more at its end, and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)
