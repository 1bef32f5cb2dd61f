"""What may stand in `bank.json`: every entry's type and range, and that they agree with each other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from hrm_rl.banks.tiers import STATES, TIERS, arrays_of
from hrm_rl.checks.numbers import choice, real, whole
from hrm_rl.checks.records import (
    Check,
    anything,
    list_of,
    or_null,
    record,
    sha256,
    table_of,
    text,
    words,
)
from hrm_rl.models import config_from
from hrm_rl.puzzles import task_of

_COUNT: Final = partial(whole, low=1, high=2**40)  # what the files really hold is compared later


def _array(name: str, value: Any) -> tuple[str, list[int]]:
    pair = list_of(anything)(name, value)
    if len(pair) != 2:
        raise ValueError(f"{name} must be a number format and a shape, got {len(pair)} values")
    return text(name, pair[0]), list_of(_COUNT)(name, pair[1])


_NEEDED: Final[dict[str, Check]] = {
    "weights": sha256,
    "model": table_of(anything),
    "task": text,
    "puzzles": words,
    "split": words,
    "tokens": sha256,
    "sources": list_of(words),
    "count": _COUNT,
    "max_segments": _COUNT,
    "tier": partial(choice, choices=TIERS),
    "states": partial(choice, choices=STATES),
    "scalars": list_of(text),
    "batch_size": _COUNT,
    "device": text,
    "torch": text,
    "hrm_rl": text,
    "arrays": table_of(_array),
}
_OPTIONAL: Final[dict[str, Check]] = {
    "done": partial(whole, low=0),
    "mismatch_rate": or_null(partial(real, low=0, high=1)),
    "copies": partial(whole, low=1),
    "format": anything,
    "complete": anything,
    "digests": table_of(sha256),
    "sha256": text,
}


def checked(content: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a `bank.json`, with what each should be.

    Raises:
        ValueError: an entry is missing, unknown or wrong, or does not agree with the others.
    """
    entries = record(content, _NEEDED, _OPTIONAL)
    whole('"done"', entries.get("done", 0), low=0, high=entries["count"])
    if entries["count"] % (copies := entries.get("copies", 1)):
        raise ValueError(
            f'"count" must be a multiple of "copies", got {entries["count"]} and {copies}'
        )
    length = task_of(entries["task"]).length
    try:
        config = config_from(entries["model"])
        expected = arrays_of(
            config, length, entries["max_segments"], entries["tier"], entries["states"],
            len(entries["scalars"]),
        )  # fmt: skip
    except (TypeError, AttributeError) as error:
        raise ValueError(f'"model" is not the config of a model: {error}') from error
    for key in {**expected, **entries["arrays"]}:
        found, wanted = (arrays.get(key, "nothing") for arrays in (entries["arrays"], expected))
        if found != wanted:
            raise ValueError(
                f'"arrays" has {str(found)[:60]} for "{key[:40]}", where {wanted} belongs'
            )
    if foreign := sorted(entries.get("digests", {}).keys() - expected.keys()):
        raise ValueError(f'"digests" names "{foreign[0][:40]}", which is none of the arrays')
    return entries
