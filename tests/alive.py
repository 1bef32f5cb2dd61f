"""Which processes there are, and waiting for what they do."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable


def processes() -> list[tuple[int, int, str]]:
    """Parent, group and name of those that have not ended."""
    command = ["ps", "-A", "-o", "ppid=,pgid=,stat=,comm="]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = (line.split(maxsplit=3) for line in text.splitlines())
    return [(int(row[0]), int(row[1]), row[3]) for row in rows if not row[2].startswith("Z")]


def alive(group: int) -> bool:
    return any(of == group for _, of, _ in processes())


def await_that(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.05)
