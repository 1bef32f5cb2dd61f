"""Numbers and names that users give: right at once, or a `ValueError` of one sentence.

Every border asks the same few questions, so they are asked here: is it a whole number, is it finite,
does it lie in its range, is it one of the names there are. A number that is right comes back as
Python's own `int` or `float`, whatever it came as (numpy and torch scalars are numbers too).
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Iterable
from typing import Any


def whole(
    name: str, value: Any, *, low: int | None = None, high: int | None = None, cure: str = ""
) -> int:
    """`value` as an int in `low..high`, both included.

    True and False are no numbers, and 4.0 is no whole number: both are slips.

    Args:
        name: what the user calls it ("max_segments", "--limit").
        cure: what to do instead, after a semicolon.

    Raises:
        ValueError: it is none.
    """
    try:
        number = operator.index(value)
        fits = not isinstance(value, bool) and _within(number, low, high)
    except TypeError:
        fits = False
    if not fits:
        raise ValueError(_sentence(name, f"a whole number{_range(low, high)}", value, cure))
    return number


def real(
    name: str,
    value: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    inside: bool = False,
    cure: str = "",
) -> float:
    """`value` as a finite float in `low..high`, both included, or neither if `inside`.

    Raises:
        ValueError: it is no number, not finite, or out of range.
    """
    try:
        number = math.nan if isinstance(value, (str, bytes, bool)) else float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last is a tensor of several
        number = math.nan
    at_an_end = inside and number in (low, high)
    if at_an_end or not (math.isfinite(number) and _within(number, low, high)):
        wanted = f"a finite number{_between(low, high) if inside else _range(low, high)}"
        raise ValueError(_sentence(name, wanted, value, cure))
    return number


def reals(name: str, values: Any) -> list[float]:
    """Finite numbers >= 0 in a list.

    Raises:
        ValueError: a number or a text in place of a list, or one in it that is out of range.
    """
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise ValueError(f"{name} must be numbers in a list, as (0.0, 0.01), got {values!r:.60}")
    return [real(name, value, low=0) for value in values]


def choice(name: str, value: Any, choices: Iterable[str], cure: str = "") -> str:
    """`value`, which is one of `choices`; a near miss is told what it was meant to be.

    Raises:
        ValueError: it is none of them.
    """
    names = list(choices)
    if isinstance(value, str) and value in names:
        return value
    cure = cure or did_you_mean(value, names)
    raise ValueError(_sentence(name, f"one of {', '.join(names)}", value, cure))


def identifier(what: str, name: Any, taken: Iterable[str]) -> str:
    """`name`, which may name `what` ("a rule"): a word of letters, digits, _ and -, that is not taken.

    Raises:
        ValueError: it may not.
    """
    if not isinstance(name, str) or not re.fullmatch(
        r"[A-Za-z][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*", name
    ):
        wanted = "a word, such as my_own"
        raise ValueError(_sentence(f"the name of {what}", wanted, name, "letters, digits, _ and -"))
    if name in set(taken):
        raise ValueError(f'"{name}" is the name of {what} already; choose another')
    return name


def distinct(name: str, values: Iterable[str], choices: Iterable[str] = ()) -> list[str]:
    """`values` as a list, which name something, and nothing twice.

    Args:
        choices: what may be named; anything if left out.

    Raises:
        ValueError: a text in place of a list, none, one twice, or none of the choices.
    """
    if isinstance(values, str):
        raise ValueError(f'{name} must be names in a list, as ("{values}",), got "{values}"')
    found, known = list(values), list(choices)
    if not found:
        raise ValueError(f"{name} must name at least one" + f" of {', '.join(known)}" * bool(known))
    for value in found:
        if known:
            choice(name, value, known)
        if found.count(value) > 1:
            raise ValueError(f'{name} names "{value}" twice; name it once')
    return found


def flag(name: str, value: Any) -> bool:
    """`value`, which is True or False: "no" is neither, and would count as True.

    Raises:
        ValueError: it is something else.
    """
    if type(value).__name__ not in ("bool", "bool_"):  # Python's, and both of numpy's names
        raise ValueError(f"{name} must be True or False, got {value!r:.60}")
    return bool(value)


def did_you_mean(value: Any, names: Iterable[str]) -> str:
    """`did you mean "step_cost"?`, or nothing where no name is near."""
    near = difflib.get_close_matches(str(value), list(names), n=1)
    return f'did you mean "{near[0]}"?' if near else ""


def _within(number: float, low: float | None, high: float | None) -> bool:
    return (low is None or number >= low) and (high is None or number <= high)


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    if high is None:
        return f" >= {low}"
    return f" <= {high}" if low is None else f" in {low}..{high}"


def _between(low: float | None, high: float | None) -> str:
    """As `_range`, the ends excluded."""
    if low is None or high is None:
        return f" > {low}" if high is None else f" < {high}"
    return f" between {low} and {high}"


def _sentence(name: str, wanted: str, value: Any, cure: str) -> str:
    try:
        got = repr(value)
    except ValueError:  # Python does not write out integers of thousands of digits
        got = f"one of type {type(value).__name__} that is too long to show"
    got = got if len(got) <= 80 else got[:77] + "..."
    return f"{name} must be {wanted}, got {got}" + (f"; {cure}" if cure else "")
