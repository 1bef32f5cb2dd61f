"""Dictionaries that somebody else wrote: every key that there must be, no other, each value as it should.

A check is a function of what a value is called and the value, that gives it back or raises: those of
`numbers`, or one of these.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from hrm_rl.checks.numbers import did_you_mean

Check = Callable[[str, Any], Any]


def record(
    values: Mapping[str, Any],
    needed: Mapping[str, Check],
    optional: Mapping[str, Check] | None = None,
) -> dict[str, Any]:
    """The values, each checked under its name.

    Raises:
        ValueError: one is missing, unknown, or not what its check wants.
    """
    known = {**needed, **(optional or {})}
    for name in values:
        if name not in known:
            raise ValueError(f'it has an entry "{name[:40]}" too many{_hint(name, known)}')
    for name in needed:
        if name not in values:
            raise ValueError(f'it has no entry "{name}"')
    return {name: known[name](f'"{name}"', value) for name, value in values.items()}


def text(name: str, value: Any) -> str:
    """One line that can be printed."""
    if not isinstance(value, str) or len(value) > 1000 or not (value.isprintable() or not value):
        raise ValueError(f"{name} must be a text of one line, got {_short(value)}")
    return value


def words(name: str, value: Any) -> str:
    """Any text, as users call their things."""
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, got {_short(value)}")
    return value


def list_of(check: Check) -> Check:
    """A list in which every value passes the check."""

    def checked(name: str, value: Any) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{name} must be a list, got {_short(value)}")
        return [check(f"{name}[{i}]", part) for i, part in enumerate(value)]

    return checked


def table_of(check: Check) -> Check:
    """A dictionary in which every value passes the check."""

    def checked(name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValueError(f"{name} must be a dictionary, got {_short(value)}")
        return {key: check(f'{name}["{key[:40]}"]', part) for key, part in value.items()}

    return checked


def anything(name: str, value: Any) -> Any:
    """Another one checks it."""
    return value


def or_null(check: Check) -> Check:
    """None passes too."""
    return lambda name, value: None if value is None else check(name, value)


def sha256(name: str, value: Any) -> str:
    """64 digits of base 16."""
    if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
        raise ValueError(f"{name} must be a SHA-256, 64 digits of base 16, got {_short(value)}")
    return value


def _hint(name: str, known: Mapping[str, Check]) -> str:
    meant = did_you_mean(name, known)
    return f"; {meant}" if meant else ""


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
