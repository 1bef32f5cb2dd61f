"""What an ablation found, as Markdown tables, CSV and JSON lines."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hrm_rl.agents.ablation import cross, paired
from hrm_rl.agents.ablation.cross import Crossed
from hrm_rl.agents.ablation.grid import Done
from hrm_rl.agents.ablation.scoring import AREAS, SCORED
from hrm_rl.agents.ablation.variants import limit_of
from hrm_rl.agents.comparison import report
from hrm_rl.agents.comparison.compare import fixed_segments
from hrm_rl.models.checkpoint import write_atomically
from hrm_rl.statistics.comparisons import Difference, Interval, over_seeds


def markdown(done: Done, max_segments: int, reference: str = "") -> str:
    """All tables. `max_segments` is the base's; differences are to `reference`, if one is named."""
    chosen = {
        "at the end of training": cross.at_end(done),
        "at equal FLOPs": cross.at_budget(done, "flops"),
        "at equal samples": cross.at_budget(done, "samples"),
    }
    parts = ["# Ablation", budgets(done), trunks(done, max_segments), areas(done)]
    for title, points in chosen.items():
        spent = {key: max(point[key] for point in points.values()) for key in cross.BUDGETS}
        rules = ["own", *SCORED, *(f"fixed-{m}" for m in fixed_segments(max_segments))]
        parts.append(
            f"## Train-time rule (rows) x inference-time rule (columns), {title}\n\n"
            f"At most {spent['flops']:.3g} FLOPs and {spent['samples']:,.0f} puzzles a run.\n\n"
            + crossed(cross.cross(points, rules))
        )
    parts += [differences(done, max_segments, reference), failed(done, max_segments)]
    return "\n\n".join(parts) + "\n"


def budgets(done: Done) -> str:
    """What each variant spent, and how it did with its own rule at its end."""
    heads = [
        "trained with",
        "seeds",
        "steps",
        "forwards",
        "FLOPs",
        "puzzles dealt",
        "segments in training",
    ]
    heads += ["own rule", "accuracy %", "mean segments", "accuracy - act_q's"]
    points = cross.at_end(done)
    own = {row.variant: row for row in cross.cross(points, ["own"])}
    lines = []
    for name in cross.names_of(points):
        mine = [point for cell, point in points.items() if cell.variant == name]
        row, last = own[name], max(mine, key=lambda point: point["step"])
        lines.append(
            [
                name,
                str(len(mine)),
                f"{last['step']:,}",
                f"{last['forwards']:,}",
                f"{last['flops']:.3g}",
                number(over_seeds([point["samples"] for point in mine]), 0),
                number(over_seeds([point["training_segments"] for point in mine]), 2),
                last["own_rule"],
                percent(row.accuracy),
                number(row.segments, 2),
                percent(row.gain, signed=True),
            ]
        )
    return "## Runs\n\n" + grid(heads, lines)


def trunks(done: Done, max_segments: int) -> str:
    """What the models can do if all may run to the end: what the halting in training was good for."""
    rule, points = f"fixed-{max_segments}", cross.at_end(done)
    names = cross.names_of(points)
    against = [name for name in ("act_q", rule, "random-matched") if name in names]
    found = {
        name: {row.variant: row for row in cross.cross(points, [rule], reference=name)}
        for name in against
    }
    lines = []
    for name in names:
        rows = [found[other][name] for other in against if name in found[other]]
        if rows:  # else it was trained with a limit of its own
            lines.append([name, percent(rows[0].accuracy)])
            lines[-1] += [percent(row.gain, signed=True) for row in rows]
    text = (
        f"Right after {max_segments} segments, in %, and paired differences to three of them.\n\n"
    )
    heads = ["trained with", "accuracy %", *(f"less {name}'s" for name in against)]
    return "## Trunks: every model run to the last segment\n\n" + text + grid(heads, lines)


def areas(done: Done) -> str:
    """Pareto areas: what each checkpoint's best rule family could do, its knob chosen for each budget."""
    points, kinds = cross.at_end(done), [*AREAS, "own"]
    lines = []
    for name in cross.names_of(points):
        mine = [point for cell, point in points.items() if cell.variant == name and point["areas"]]
        if not mine:  # none came to its end
            continue
        found = [over_seeds([point["areas"][kind] for point in mine]) for kind in kinds]
        ever = over_seeds([point["ever"] for point in mine])
        lines.append([name, *map(percent, found), percent(ever)])
    text = (
        "Mean accuracy over budgets of 1 to the last segment, in %, knobs chosen on the fit split; "
    )
    text += "own: of the learner's own rule; ever: right at some segment.\n\n"
    return (
        "## Pareto areas at the end of training\n\n"
        + text
        + grid(["trained with", *kinds, "ever"], lines)
    )


def differences(done: Done, max_segments: int, reference: str = "") -> str:
    """What hypotheses about learners are decided by."""
    end, last = cross.at_end(done), paired.run_to(max_segments)
    parts = ["## Differences, paired by seed", "In points of 100, 95 % by t, p by Holm."]
    for title, points, figure in (
        ("Pareto area of the own rule", end, paired.own_area),
        (f"Right after {max_segments} segments, at the end of training", end, last),
        (
            f"Right after {max_segments} segments, at equal samples",
            cross.at_budget(done, "samples"),
            last,
        ),
    ):
        rows = [
            [name, other, signed(found), f"{p:.3f}"]
            for name, (other, found, p) in paired.against(points, figure, reference).items()
        ]
        if rows:
            parts += [f"### {title}", grid(["trained with", "less", "difference", "p"], rows)]
    costs = sorted({cost for point in end.values() for cost in point["frozen"]})
    columns = [paired.within(end, figure) for figure in (paired.settled, *map(paired.room, costs))]
    heads = ["trained with", "own halting less thresholds"]
    heads += [f"backward induction less own rule, at {cost}" for cost in costs]
    rows = [
        [name, *(signed(column[name]) if name in column else "" for column in columns)]
        for name in cross.names_of(end)
        if any(name in column for column in columns)
    ]
    if rows:
        parts += ["### On the same models", grid(heads, rows)]
    return "\n\n".join(parts)


def crossed(rows: Sequence[Crossed]) -> str:
    """Accuracy in % @ mean segments, a row for each variant, a column for each rule."""
    rules = list(dict.fromkeys(row.rule for row in rows))
    lines = []
    for variant in dict.fromkeys(row.variant for row in rows):
        mine = {row.rule: row for row in rows if row.variant == variant}
        cells = {
            rule: f"{percent(row.accuracy)} @ {row.segments.mean:.2f}" for rule, row in mine.items()
        }
        lines.append([variant, *(cells.get(rule, "") for rule in rules)])
    return grid(["trained with", *rules], lines)


def failed(done: Done, max_segments: int) -> str:
    """How many runs of each variant show which failure mode."""
    modes = ["collapsed", "endless", "unstable", "diverged"]
    lines = []
    for name in cross.names_of(done):
        limit = limit_of(name, max_segments)
        found = [cross.failures(run, limit) for cell, run in done.items() if cell.variant == name]
        lines.append(
            [name, str(len(found)), *(str(sum(mode in one for one in found)) for mode in modes)]
        )
    text = (
        f"collapsed: below {cross.COLLAPSED:g} mean segments in training at the end; endless: less "
        f"than {cross.ENDLESS:g} below the limit (neither is said of schedules); unstable: "
        f"{100 * cross.LOST:g} points below its own best point; diverged: no longer finite.\n\n"
    )
    return "## Failure modes\n\n" + text + grid(["trained with", "runs", *modes], lines)


# --- cells ----------------------------------------------------------------------------------------


def percent(value: Interval | None, signed: bool = False) -> str:
    if value is None:
        return ""
    sign = "+" if signed else ""
    return f"{100 * value.mean:{sign}.1f}{_half(100 * value.half_width, 1)}"


def number(value: Interval, digits: int) -> str:
    return f"{value.mean:,.{digits}f}{_half(value.half_width, digits)}"


def signed(value: Difference) -> str:
    mean, low, high = (100 * part for part in value[:3])
    ends = f" [{low:+.1f}, {high:+.1f}]" if math.isfinite(high) else ""
    return f"{mean:+.1f}{ends}"


def _half(width: float, digits: int) -> str:
    return f" ±{width:,.{digits}f}" if math.isfinite(width) else ""


def grid(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [heads, rule, *lines])


# --- files ----------------------------------------------------------------------------------------


def write(done: Done, folder: Path, max_segments: int, reference: str = "") -> None:
    """`rows.jsonl` (everything), `rows.csv` (flat) and `tables.md` in the folder."""
    rows = [{**cell._asdict(), **point} for cell, run in done.items() for point in run.points]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    write_atomically(folder / "rows.jsonl", lines.encode())
    report.write_lines([_flat(row) for row in rows], folder / "rows.csv")
    text = markdown(done, max_segments, reference)
    write_atomically(folder / "tables.md", text.encode())


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """One line: rules as two columns each, areas and accuracies as one each."""
    plain = {key: value for key, value in row.items() if not isinstance(value, dict | list)}
    for group, end in (("rules", ""), ("beyond", "_at_most")):
        for name, (accuracy, segments) in row[group].items():
            key = name if group == "rules" else f"own{end}_{name}"
            plain |= {f"{key}_accuracy": accuracy, f"{key}_segments": segments}
    plain |= {f"area_{kind}": area for kind, area in row["areas"].items()}
    return plain | {f"accuracy_at_{m}": x for m, x in enumerate(row["accuracy_at"], start=1)}
