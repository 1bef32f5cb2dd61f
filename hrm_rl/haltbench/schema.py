"""What an entry must hold, key by key (`checks.records`)."""

from __future__ import annotations

from typing import Any, Final

from hrm_rl.checks import records
from hrm_rl.checks.digests import SEAL
from hrm_rl.checks.numbers import choice, real, whole
from hrm_rl.haltbench.frozen import BUDGETS, COSTS, TRACKS

FORMAT: Final = 1


def _interval(name: str, value: Any) -> list[float | None]:
    """Mean, low and high; ends are null where the interval is endless."""
    three: list[float | None] = records.list_of(records.or_null(real))(name, value)
    if len(three) != 3:
        raise ValueError(
            f"{name} must be a mean, its low and its high end, got {len(three)} numbers"
        )
    real(f"{name}[0]", three[0])
    return three


_COST: Final[dict[str, records.Check]] = {
    "step_cost": real,
    "score": records.or_null(real),
    **dict.fromkeys(
        ("value", "gain", "regret_snell", "regret_prophet", "accuracy", "segments"), _interval
    ),
}
_BUDGET: Final[dict[str, records.Check]] = {
    "budget": real,
    "accuracy": _interval,
    "segments": _interval,
}
_COSTS_AND_BUDGETS: Final = {
    "costs": ("step_cost", COSTS, _COST),
    "budgets": ("budget", BUDGETS, _BUDGET),
}


def _track(name: str, value: Any) -> dict[str, Any]:
    """The figures of one track, at the costs and budgets of the protocol."""
    found = records.record(value, {"costs": _rows, "budgets": _rows, "area": _interval})
    for key, (at, wanted, checks) in _COSTS_AND_BUDGETS.items():
        rows = [records.record(row, checks) for row in found[key]]
        if tuple(row[at] for row in rows) != wanted:
            raise ValueError(f"{name} must have {key} {', '.join(map(str, wanted))}")
        found[key] = rows
    return found


def _rows(name: str, value: Any) -> list[Any]:
    return [dict(row) for row in records.list_of(records.table_of(records.anything))(name, value)]


def _tracks(name: str, value: Any) -> dict[str, Any]:
    found = records.table_of(_track)(name, value)
    for track in found:
        choice("a track", track, TRACKS)
    if not found:
        raise ValueError(f"{name} must hold a track")
    return found


def _kind(name: str, value: Any) -> str:
    return choice(name, value, ("rule", "learner"))


def _format(name: str, value: Any) -> int:
    return whole(name, value, low=FORMAT, high=FORMAT)


def _count(name: str, value: Any) -> int:
    return whole(name, value, low=0)


ENTRY: Final[dict[str, records.Check]] = {
    "format": _format,
    "entrant": records.text,
    "kind": _kind,
    "source": records.text,
    "seeds": _count,
    "steps": _count,
    "versions": records.table_of(records.text),
    "banks": records.table_of(records.sha256),
    "tracks": _tracks,
    SEAL: records.sha256,
}
"""Key of an entry -> its check."""
