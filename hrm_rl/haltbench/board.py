"""The scoreboard: entries as tables in Markdown, the best first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hrm_rl.checks.reading import place
from hrm_rl.haltbench.entry import Entry, read
from hrm_rl.haltbench.frozen import BUDGETS, CHAIN, COSTS, HIDDEN, TRACKS
from hrm_rl.stopping.belief import belief_optimum

MISSING = "-"
MIDDLE = len(COSTS) // 2
"""The step cost at which regrets are shown."""


def read_all(folder: str | Path) -> list[Entry]:
    """All entries of a folder, the best first.

    Raises:
        ValueError: no folder with an entry in it, or one that `entry.read` refuses.
    """
    where = place("the folder of entries", folder)
    files = sorted(where.glob("*.json")) if where.is_dir() else []
    if not files:
        raise ValueError(
            f"{where} holds no entries; write one with `mkdir -p {where}` and "
            f"`hrm-rl bench RULE --out {where}/mine.json`"
        )
    return ranked([read(file) for file in files])


def ranked(entries: Sequence[Entry]) -> list[Entry]:
    """The best first: by the mean score of all tracks, then by name."""
    return sorted(entries, key=lambda entry: (-overall(entry), entry["entrant"]))


def score_on(entry: Entry, track: str) -> float:
    """Gain over the best fixed number of segments, as a share of the prophet's; summed over step costs first.

    So a cost at which there is next to nothing to gain counts for next to nothing. It is 0 where an
    entry does not play, since a fixed number of segments needs to see nothing.
    """
    rows = entry["tracks"].get(track, {}).get("costs", [])
    gain = sum(row["gain"][0] for row in rows)
    most = gain + sum(row["regret_prophet"][0] for row in rows)
    return float(gain / most) if most > 1e-9 else 0.0


def overall(entry: Entry) -> float:
    """Mean score of all tracks."""
    return sum(score_on(entry, track) for track in TRACKS) / len(TRACKS)


def markdown(entries: Sequence[Entry]) -> str:
    """The scoreboard: one table of scores, then one for each track."""
    played = [track for track in TRACKS if any(track in entry["tracks"] for entry in entries)]
    parts = [_summary(ranked(entries)), *(_track(ranked(entries), track) for track in played)]
    return "\n\n".join(parts) + "\n"


def top(entries: Sequence[Entry], rows: int = 3) -> str:
    """The first rows of the scoreboard, by their scores alone."""
    best = [
        [_name(entry), *(_score(entry, track) for track in TRACKS), f"{overall(entry):.3f}"]
        for entry in ranked(entries)[:rows]
    ]
    return _table(["entry", *TRACKS, "mean"], best) + "\n"


def _summary(entries: Sequence[Entry]) -> str:
    rows = [
        [
            _name(entry),
            entry["kind"],
            str(entry["seeds"]),
            *(_score(entry, track) for track in TRACKS),
            f"{overall(entry):.3f}",
        ]
        for entry in entries
    ]
    return _table(["entry", "kind", "seeds", *TRACKS, "mean"], rows)


def _score(entry: Entry, track: str) -> str:
    return f"{score_on(entry, track):.3f}" if track in entry["tracks"] else MISSING


def _track(entries: Sequence[Entry], track: str) -> str:
    """Sorted by the score on this track."""
    there = [entry for entry in entries if track in entry["tracks"]]
    there.sort(key=lambda entry: -score_on(entry, track))
    head = [
        "entry",
        *(f"value at {cost:g}" for cost in COSTS),
        *(f"right within {budget:g}" for budget in BUDGETS),
        "area",
        f"regret to Snell at {COSTS[MIDDLE]:g}",
        "to the prophet",
    ]
    rows = [[_name(entry), *_figures(entry["tracks"][track])] for entry in there]
    lines = [f"### {track}", f"{TRACKS[track].about[0].upper()}{TRACKS[track].about[1:]}."]
    if track == HIDDEN:
        best = ", ".join(f"{belief_optimum(CHAIN, cost):.4f} at {cost:g}" for cost in COSTS)
        lines[1] += f" The best value that is possible, by all scores so far: {best}."
    return "\n\n".join([*lines, _table(head, rows)])


def _figures(track: dict[str, Any]) -> list[str]:
    middle = track["costs"][MIDDLE]
    return [
        *(_interval(row["value"]) for row in track["costs"]),
        *(_interval(row["accuracy"], 100) for row in track["budgets"]),
        _interval(track["area"]),
        _interval(middle["regret_snell"]),
        _interval(middle["regret_prophet"]),
    ]


def _interval(three: Sequence[float | None], times: float = 1) -> str:
    """Mean and half the width of the interval; percent with one digit."""
    mean, low, high = three
    digits = 1 if times == 100 else 3
    if mean is None:
        return MISSING
    half = "" if low is None or high is None else f" ± {times * (high - low) / 2:.{digits}f}"
    return f"{times * mean:.{digits}f}{half}".replace("-0.000", "0.000")


def _name(entry: Entry) -> str:
    return "`" + entry["entrant"].replace("|", "/").replace("`", "'") + "`"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    first, *others = ("| " + " | ".join(cells) + " |" for cells in [head, *rows])
    return "\n".join([first, "|" + "---|" * len(head), *others])
