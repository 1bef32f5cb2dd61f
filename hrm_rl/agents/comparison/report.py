"""A comparison written down: tables for a terminal, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hrm_rl.agents.comparison.curves import ParetoRow
from hrm_rl.agents.comparison.rows import Row
from hrm_rl.models.tensorfile import write_atomically
from hrm_rl.statistics.comparisons import Difference, Interval

WIDTH = 100
"""Columns of a terminal that no line passes."""


# --- tables ---------------------------------------------------------------------------------------


def table(rows: Sequence[Row]) -> str:
    """How policies fared; * marks the best value that is no oracle's."""
    _some(rows)
    costs = [cost for cost in rows[0].value if cost]
    heads = ["policy", "kind", "seeds", "right %", "segments"]
    heads += [f"value at {cost:g}" for cost in costs]
    fitted = bool(costs) and any(row.on_fit for row in rows)
    heads += ["on fit"] * fitted
    best = {
        cost: max((row.value[cost].mean for row in rows if row.kind != "oracle"), default=None)
        for cost in costs
    }
    lines = [
        [
            row.name,
            row.kind,
            str(row.seeds),
            f"{100 * row.accuracy.mean:.1f} ±{100 * row.accuracy.half_width:4.1f}",
            f"{row.segments.mean:.2f} ±{row.segments.half_width:5.2f}",
            *(_value(row.value[cost], best[cost]) for cost in costs),
            *[_number(row.on_fit.get(costs[-1], math.nan), "{:.3f}") for _ in range(fitted)],
        ]
        for row in rows
    ]
    text = _grid(heads, lines, [row.kind for row in rows], words=2)
    ever = next((row.accuracy.mean for row in rows if row.kind == "oracle"), None)
    if ever is not None:
        text += [
            "",
            f"± half of a 95 % interval over puzzles and seeds. Ever right: {100 * ever:.1f} %,",
            "which no policy can pass. Oracles look at the solution. * best value"
            + "; on fit: the value there" * fitted,
        ]
    return "\n".join(text)


def details(rows: Sequence[Row], cost: float, best_m: int) -> str:
    """Each policy against the best fixed number of segments, and where its errors and segments go."""
    _some(rows)
    reference = f"fixed-{best_m}"
    heads = ["policy", f"value gained ({reference})", "p", "score", "early", "lost", "late"]
    heads += ["wasted", "gave up", "rightly"]
    shown = [row for row in rows if row.kind != "fixed" or row.name == reference]
    lines = []
    for row in shown:
        gain, p, e = row.gain[cost], row.holm.get(cost), row.errors
        lines.append(
            [
                row.name,
                _signed(gain, 3),
                "" if p is None else _p(p),
                _number(row.score[cost], "{:.2f}"),
                *(f"{100 * share:.1f}" for share in (e.under, e.lost)),
                *(f"{segments:.2f}" for segments in (e.late, e.wasted)),
                f"{100 * e.gave_up:.1f}",
                _number(100 * e.precision, "{:.0f}"),
            ]
        )
    text = [
        f"At {cost:g} per segment, on the same puzzles as {reference}, the best fixed number:",
        "",
    ]
    text += _grid(heads, lines, [row.kind for row in shown], words=1)
    text += [
        "",
        "value gained: with its 95 % interval; p: that it is 0, after Holm; score: 0 is the best fixed",
        "number, 1 the prophet. % of puzzles: halted too early, lost a right answer, gave up (and % of",
        "these rightly). Segments per puzzle: late, after the first right one; wasted, never right.",
    ]
    return "\n".join(text)


def pareto(rows: Sequence[ParetoRow]) -> str:
    """Rules over all their knobs: area under the hull, gain over the reference, segments saved."""
    _some(rows)
    heads = ["over all knobs", "knobs", "area", f"less {rows[0].reference}'s", "p"]
    heads += [f"-{100 * slack:g} pp" if slack else "saved %" for slack in rows[0].saved]
    lines = [
        [
            row.name,
            str(row.knobs),
            f"{row.area.mean:.3f} ±{row.area.half_width:.3f}",
            _signed(row.gain, 4),
            "" if row.name == row.reference else _p(row.holm),
            *(
                f"{100 * row.saved[c].mean:.0f} {0.0 - 100 * row.lost[c].mean:+.1f}"
                for c in row.saved
            ),
        ]
        for row in rows
    ]
    text = _grid(heads, lines, [""] * len(rows), words=1)
    text += [
        "",
        "area: mean accuracy over budgets of 1 to the last segment. saved %: of the segments of never",
        "halting early, and points of accuracy gained here; with the knobs that had its accuracy on the",
        "fit bank, or so many points less. All knobs are chosen there.",
    ]
    return "\n".join(text)


def _some(rows: Sequence[Any]) -> None:
    """Raises ValueError: nothing to write down."""
    if not rows:
        raise ValueError("a table needs at least one row, got none; `compare` makes them")


def _p(p: float) -> str:
    return "<.01" if p < 0.01 else f"{p:.2f}"


def _signed(gain: Difference, digits: int) -> str:
    """A difference and its interval; what rounds to 0 has a plus."""
    mean, low, high = (f"{round(x, digits) + 0.0:+.{digits}f}" for x in gain[:3])
    return f"{mean} [{low}, {high}]"


def _value(value: Interval, best: float | None) -> str:
    star = "*" if best is not None and abs(value.mean - best) < 1e-12 else " "
    return f"{value.mean:.3f} ±{value.half_width:.3f}{star}"


def _number(x: float, form: str) -> str:
    return "-" if math.isnan(x) else form.format(x)


def _grid(
    heads: Sequence[str], lines: Sequence[Sequence[str]], kinds: Sequence[str], words: int
) -> list[str]:
    """Aligned lines, a gap where the kind changes; names are cut where a line would be too long."""
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    widths[0] = min(widths[0], WIDTH - sum(widths[1:]) - 2 * (len(widths) - 1))
    text = [_aligned(heads, widths, words), "  ".join("-" * width for width in widths)]
    for i, line in enumerate(lines):
        if i and kinds[i] != kinds[i - 1]:
            text.append("")
        text.append(_aligned(line, widths, words))
    return text


def _aligned(cells: Sequence[str], widths: Sequence[int], words: int) -> str:
    """Words to the left, numbers to the right."""
    name = cells[0] if len(cells[0]) <= widths[0] else cells[0][: widths[0] - 1] + "…"
    pairs = enumerate(zip([name, *cells[1:]], widths, strict=True))
    return "  ".join(f"{c:<{w}}" if i < words else f"{c:>{w}}" for i, (c, w) in pairs).rstrip()


# --- files ----------------------------------------------------------------------------------------


def write_csv(rows: Sequence[Row], path: str | Path) -> None:
    """One line for each policy: figures, the ends of their 95 % intervals, adjusted p-values."""
    write_lines([_cells(row) for row in rows], path)


def write_lines(lines: Sequence[Mapping[str, Any]], path: str | Path) -> None:
    """A CSV with a column for every key of any line, in the order in which they first appear."""
    text = io.StringIO()
    heads = list(dict.fromkeys(head for line in lines for head in line))
    writer = csv.DictWriter(text, heads, lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({k: f"{x:.6g}" if isinstance(x, float) else x for k, x in line.items()})
    write_atomically(Path(path), text.getvalue().encode())


def _cells(row: Row) -> dict[str, Any]:
    cells: dict[str, Any] = {"name": row.name, "kind": row.kind, "seeds": row.seeds}
    cells |= _ends("accuracy", row.accuracy) | _ends("segments", row.segments)
    for c in row.value:
        cells |= _ends(f"value_at_{c:g}", row.value[c]) | _ends(f"gain_at_{c:g}", row.gain[c])
        cells[f"value_on_fit_at_{c:g}"] = row.on_fit.get(c, "")
        cells[f"p_holm_at_{c:g}"] = row.holm.get(c, "")
        cells |= _ends(f"regret_at_{c:g}", row.regret[c])
        cells[f"score_at_{c:g}"] = row.score[c]
    cells |= {**row.errors._asdict(), "precision": row.errors.precision}
    cells["spearman_rating"] = row.with_rating.spearman
    cells["spearman_first_correct"] = row.with_first_correct.spearman
    return {**cells, "mcnemar": row.mcnemar, "random_accuracy": row.random}


def _ends(name: str, interval: Interval | Difference) -> dict[str, float]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}


def write_json(rows: Sequence[Row], path: str | Path, about: dict[str, Any], **more: Any) -> None:
    """Everything that was computed; what is no finite number is null, step costs are strings.

    Args:
        about: what was compared: puzzles, segments, step costs.
        more: further results by name.
    """
    write_atomically(Path(path), as_json(rows, about, **more).encode())


def as_json(rows: Sequence[Row], about: dict[str, Any], **more: Any) -> str:
    """What `write_json` writes."""
    content = {**about, "policies": [asdict(row) for row in rows], **more}
    return json.dumps(_plain(content), indent=1) + "\n"


def _plain(x: Any) -> Any:
    """Tuples with names as dictionaries, nan as None."""
    if isinstance(x, tuple) and hasattr(x, "_asdict"):
        return _plain(x._asdict())
    if isinstance(x, dict):
        return {f"{key:g}" if isinstance(key, float) else key: _plain(v) for key, v in x.items()}
    if isinstance(x, list | tuple):
        return [_plain(value) for value in x]
    if hasattr(x, "tolist"):
        return _plain(x.tolist())
    return None if isinstance(x, float) and not math.isfinite(x) else x
