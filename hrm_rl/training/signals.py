"""Ctrl-C, SIGTERM and SIGHUP: a run ends after the step at hand, saved, and never in mid-save."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Ctrl-C, what supervisors and batch systems send, and a terminal that goes away."""


class Stopped(KeyboardInterrupt):
    """A signal ended a command, and all is saved. The message says how far it came."""

    def __init__(self, message: str, number: int = signal.SIGINT) -> None:
        super().__init__(message)
        self.code = 128 + number
        """What shells and supervisors expect as exit code: 130, 143, 129."""


class _Noted:
    """A handler that keeps the first signal's number."""

    def __init__(self, patient: bool) -> None:
        self.number, self.patient = 0, patient

    def __call__(self, number: int, frame: object) -> None:
        if self.number and number == signal.SIGINT and not self.patient:
            raise KeyboardInterrupt
        self.number = self.number or number

    def first(self) -> int:
        return self.number


@contextmanager
def interruptible(patient: bool = False, passes_on: bool = True) -> Iterator[Callable[[], int]]:
    """Within it the first Ctrl-C, SIGTERM or SIGHUP is only noted: the function it gives tells its number.

    A second Ctrl-C interrupts as ever. What is ignored stays ignored, as by `nohup`. Within another
    such block it is the other's function that is given. Outside the main thread signals are not ours
    to take, and the number is 0 for ever.

    Args:
        patient: a second Ctrl-C changes nothing either: torchrun sends one after the terminal's.
        passes_on: SIGTERM and SIGHUP are sent again after the block, to end the program as was
            asked. Without, the caller answers for that.
    """
    noted = _Noted(patient)
    before = _take(noted)
    if any(isinstance(handler, _Noted) for handler in before.values()):
        outer = next(handler for handler in before.values() if isinstance(handler, _Noted))
        _give_back(before)
        outer.patient |= patient
        yield outer.first
        return
    try:
        yield noted.first
    finally:
        _give_back(before)
    if passes_on and noted.number not in (0, signal.SIGINT):
        signal.raise_signal(noted.number)


@contextmanager
def unbroken() -> Iterator[None]:
    """Within it Ctrl-C, SIGTERM and SIGHUP wait: what is being saved is saved whole."""
    waiting: list[int] = []
    before = _take(lambda number, frame: waiting.append(number))
    try:
        yield
    finally:
        _give_back(before)
    for number in dict.fromkeys(waiting):
        signal.raise_signal(number)


def _take(handler: Any) -> dict[int, Any]:
    """Put a handler in the place of those there are, but for signals that are ignored."""
    before: dict[int, Any] = {}
    for number in STOPPING:
        there = signal.getsignal(number)
        if there is None or there is signal.SIG_IGN:  # None: somebody's, not set from Python
            continue
        try:
            signal.signal(number, handler)
        except ValueError:  # not the main thread
            break
        before[number] = there
    return before


def _give_back(before: dict[int, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)
