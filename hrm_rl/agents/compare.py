"""Halting policies side by side on one bank: accuracy at halting, segments, value at a step cost.

Policies are fitted on one split ("fit") and compared on another ("test"). The bank holds all
segments, so every evaluation is exact, and intervals are about other puzzles and seeds only.

Suffixes: P puzzles, S seeds, M segments.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hrm_rl import metrics
from hrm_rl.agents.rules import RULES, FixedSegments, first_correct, random_accuracy
from hrm_rl.bank import Bank, Halted, play
from hrm_rl.halting import Policy
from hrm_rl.metrics import Interval
from hrm_rl.tensorfile import write_atomically

KINDS = ("fixed", "rule", "learner", "oracle")


@dataclass(frozen=True)
class Row:
    """How one policy fared, over its seeds and the puzzles of a bank."""

    name: str
    kind: str
    """One of `KINDS`; an oracle looks at the solution."""
    seeds: int
    accuracy: Interval
    """Share of puzzles that are right where the policy halts."""
    segments: Interval
    """Mean segments at halting."""
    value: Mapping[float, Interval]
    """Step cost -> mean return: 1{correct} - step cost * (segments - 1)."""
    random: float
    """Accuracy of halting at random, without looking, after as many segments on average."""


def compare(
    bank: Bank,
    policies: Mapping[str, Sequence[Policy | Halted]],
    step_costs: Sequence[float] = (0.0, 0.01, 0.02),
    *,
    resamples: int = 2000,
) -> list[Row]:
    """Score policies on a bank, with fixed numbers of segments and the first-correct oracle beside.

    Args:
        policies: name -> one policy for each seed (or where it halted, if it was played elsewhere).

    Raises:
        ValueError: a name without policies, or one that fails `check_ceiling`.
    """
    fixed = {f"fixed-{m}": [FixedSegments(m)] for m in fixed_segments(bank.max_segments)}
    oracles = {"oracle": False, "oracle, gives up": True}
    entries: dict[str, Sequence[Policy | Halted]] = {**fixed, **policies}
    rows = []
    for name, runs in entries.items():
        if not runs:
            raise ValueError(f'"{name}" has no policies to score; give one for each seed')
        halted = [run if isinstance(run, Halted) else play(bank, run) for run in runs]
        rows.append(score(bank, name, _kind(runs[0]), halted, step_costs, resamples))
    for name, up in oracles.items():
        halted = [first_correct(bank, give_up=up)]
        rows.append(score(bank, name, "oracle", halted, step_costs, resamples))
    return sorted(rows, key=_place)


def fixed_segments(max_segments: int) -> list[int]:
    """1, 2, 4, ... and max_segments."""
    return [*(2**k for k in range((max_segments - 1).bit_length())), max_segments]


def _place(row: Row) -> tuple[int, float]:
    """Fixed numbers of segments first and in order; the others by kind, as they were given."""
    return KINDS.index(row.kind), row.segments.mean if row.kind == "fixed" else 0.0


def _kind(policy: Policy | Halted) -> str:
    if isinstance(policy, FixedSegments):
        return "fixed"
    return "rule" if type(policy) in RULES.values() else "learner"


def score(
    bank: Bank,
    name: str,
    kind: str,
    halted: Sequence[Halted],
    step_costs: Sequence[float],
    resamples: int = 2000,
) -> Row:
    """One row of the comparison, from where the policy of each seed halted on the bank's puzzles.

    Raises:
        ValueError: the policy fails `check_ceiling`.
    """
    for run in halted:
        check_ceiling(bank, name, run)
    tables = [[run.correct_P, run.segment_P, *map(run.value_P, step_costs)] for run in halted]
    quantities = [np.stack(runs) for runs in zip(*tables, strict=True)]
    accuracy, segments, *values = metrics.mean_intervals(quantities, resamples=resamples)
    return Row(
        name=name,
        kind=kind,
        seeds=len(halted),
        accuracy=accuracy,
        segments=segments,
        value=dict(zip(step_costs, values, strict=True)),
        random=random_accuracy(bank.correct_MP.double().mean(1), segments.mean),
    )


def check_ceiling(bank: Bank, name: str, halted: Halted) -> None:
    """Refuse an accuracy that the bank does not have: halting chooses an answer, it makes none.

    So no policy is right more often than the model ever is, nor on a puzzle where it never is.

    Raises:
        ValueError: a puzzle counts as right that is wrong at the segment where the policy halted.
    """
    bank_P = bank.correct_MP.gather(0, halted.segment_P[None] - 1)[0]
    false = int((halted.correct_P & ~bank_P).sum())
    never = int((halted.correct_P & ~bank.correct_MP.any(0)).sum())
    if false:
        raise ValueError(
            f'"{name}" counts {false} puzzles as right that are wrong where it halted, {never} of '
            f"them never right ({bank.correct_MP.any(0).double().mean():.1%} ever are); "
            "it was scored on another bank, or it changes the answers"
        )


def table(rows: Sequence[Row]) -> str:
    """The comparison for a terminal, within 100 columns; * marks the best that is no oracle."""
    costs = [cost for cost in rows[0].value if cost]
    heads = ["policy", "kind", "seeds", "right %", "at random", "segments"]
    heads += [f"value at {cost:g}" for cost in costs]
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
            f"{100 * row.random:.1f}",
            f"{row.segments.mean:.2f} ±{row.segments.half_width:5.2f}",
            *(_value(row.value[cost], best[cost]) for cost in costs),
        ]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    ruler = "  ".join("-" * width for width in widths)
    text = [_aligned(heads, widths), ruler]
    for before, row, line in zip([None, *rows], rows, lines, strict=False):
        if before is not None and row.kind != before.kind:
            text.append("")
        text.append(_aligned(line, widths))
    ever = next((row.accuracy.mean for row in rows if row.kind == "oracle"), None)
    if ever is not None:
        text += [
            "",
            f"± half of a 95 % interval over puzzles and seeds. Ever right: {100 * ever:.1f} %,",
        ]
        text += ["which no policy can pass. Oracles look at the solution. * best value"]
    return "\n".join(text)


def _value(value: Interval, best: float | None) -> str:
    star = "*" if best is not None and abs(value.mean - best) < 1e-12 else " "
    return f"{value.mean:.3f} ±{value.half_width:.3f}{star}"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Words to the left, numbers to the right."""
    pairs = enumerate(zip(cells, widths, strict=True))
    return "  ".join(f"{c:<{w}}" if i < 2 else f"{c:>{w}}" for i, (c, w) in pairs).rstrip()


def write_csv(rows: Sequence[Row], path: str | Path) -> None:
    """One line for each policy: means, and the ends of their 95 % intervals."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    named = ["accuracy", "segments", *(f"value_at_{cost:g}" for cost in rows[0].value)]
    ends = [f"{name}{end}" for name in named for end in ("", "_low", "_high")]
    writer.writerow(["name", "kind", "seeds", *ends, "random_accuracy"])
    for row in rows:
        intervals = [row.accuracy, row.segments, *row.value.values()]
        numbers = [f"{x:.6g}" for interval in intervals for x in interval]
        writer.writerow([row.name, row.kind, row.seeds, *numbers, f"{row.random:.6g}"])
    write_atomically(Path(path), text.getvalue().encode())
