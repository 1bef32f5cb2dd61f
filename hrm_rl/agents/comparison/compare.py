"""Halting policies side by side on one bank: accuracy, segments, value, and what they are held against.

Policies are fitted on one split ("fit") and compared on another ("test"). The bank holds all
segments, so every evaluation is exact, and intervals are about other puzzles and seeds only.

Suffixes: P puzzles, S seeds, M segments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import torch

from hrm_rl.agents.comparison.details import details
from hrm_rl.agents.comparison.rows import KINDS, Row, Yardstick
from hrm_rl.agents.rules.basic import FixedSegments, first_correct, random_accuracy
from hrm_rl.banks.bank import Bank, checked, play
from hrm_rl.banks.sampling import sampling
from hrm_rl.checks.numbers import reals, whole
from hrm_rl.halting import MOST, Halted, Policy
from hrm_rl.statistics import comparisons as statistics
from hrm_rl.statistics import metrics
from hrm_rl.statistics.comparisons import Interval
from hrm_rl.statistics.tails import highest, lowest
from hrm_rl.stopping.exact import best_fixed, check_halted, prophet

Runs = Sequence[Policy | Halted]
"""One policy for each seed (or where it halted, if it was played elsewhere)."""
_NONE: Mapping[str, Runs] = MappingProxyType({})


def compare(
    bank: Bank,
    rules: Mapping[str, Runs],
    learned: Mapping[str, Runs] = _NONE,
    step_costs: Sequence[float] = (0.0, 0.01, 0.02),
    *,
    best_m: Mapping[float, int] | None = None,
    snell: Mapping[float, Policy] | None = None,
    fit_bank: Bank | None = None,
) -> list[Row]:
    """Score policies on a bank, with fixed numbers of segments and the first-correct oracle beside.

    Args:
        rules, learned: name -> one policy for each seed.
        best_m: step cost -> the best fixed number of segments on the puzzles that learners were
            fitted on; left out, it is looked for on this bank, which favours it.
        snell: step cost -> optimal stopping fitted elsewhere (`snell.fit_snell`).
        fit_bank: what policies were fitted on: their values on it stand beside (`Row.on_fit`).

    Raises:
        ValueError: a name without policies, one that stands for two, or one that fails
            `check_ceiling`; no bank, or a step cost below 0.
    """
    step_costs = reals("step_costs", step_costs)
    checked(bank, *checked(bank).columns)
    for runs in (rules, learned):
        if not isinstance(runs, Mapping) or not all(isinstance(r, Sequence) for r in runs.values()):
            raise ValueError(
                "rules and learned are names with lists of policies, one for each seed, as "
                f'{{"mine": [policy]}}, got {runs!r:.60}'
            )
    if twice := rules.keys() & learned.keys():
        raise ValueError(f'"{min(twice)}" names a rule and a learner; give one another name')
    sticks = yardsticks(bank, step_costs, best_m, snell)
    shown = {*fixed_segments(bank.max_segments), *(stick.best_m for stick in sticks.values())}
    entries: list[tuple[str, str, Runs]] = [
        (f"fixed-{m}", "fixed", [always_at(bank, m)]) for m in sorted(shown)
    ]
    names = {name for name, _, _ in entries}
    entries += [(name, _kind(runs), runs) for name, runs in rules.items() if name not in names]
    entries += [(name, "learner", runs) for name, runs in learned.items()]
    for cost, policy in (snell or {}).items():
        at = f" {cost:g}" if snell and len(snell) > 1 else ""
        entries.append((f"snell {policy.observation}{at}", "snell", [policy]))
    entries += [("oracle", "oracle", [first_correct(bank)])]
    entries += [("oracle, gives up", "oracle", [first_correct(bank, give_up=True)])]
    rows = score(bank, entries, sticks)
    if fit_bank is not None:
        runs = {name: policies for name, _, policies in entries}
        rows = [
            replace(row, on_fit=_on_fit(checked(fit_bank), row, runs[row.name])) for row in rows
        ]
    return _adjusted(sorted(rows, key=_place))


def yardsticks(
    bank: Bank,
    step_costs: Sequence[float],
    best_m: Mapping[float, int] | None = None,
    snell: Mapping[float, Policy] | None = None,
) -> dict[float, Yardstick]:
    """What values at each step cost are held against."""
    sticks = {}
    for cost in step_costs:
        if best_m is not None and cost not in best_m:
            raise ValueError(f"best_m lacks the step cost {cost:g}; it has {sorted(best_m)}")
        m = best_fixed(bank, cost)[0] if best_m is None else best_m[cost]
        reference = play(bank, snell[cost]) if snell and cost in snell else None
        sticks[cost] = Yardstick(m, always_at(bank, m), prophet(bank, cost), reference)
    return sticks


def always_at(bank: Bank, m: int) -> Halted:
    """Where a fixed number of segments halts; unlike its policy it needs no observation set.

    Raises:
        ValueError: a number of segments that the bank does not hold.
    """
    m = whole("segments", m, low=1, high=checked(bank).max_segments)
    return Halted(torch.full((len(bank),), m), bank.correct_MP[m - 1])


def fixed_segments(max_segments: int) -> list[int]:
    """1, 2, 4, ... and max_segments."""
    max_segments = whole("max_segments", max_segments, low=1, high=MOST)
    return [*(2**k for k in range((max_segments - 1).bit_length())), max_segments]


def _place(row: Row) -> tuple[int, float]:
    """Fixed numbers of segments first and in order; the others by kind, as they were given."""
    return KINDS.index(row.kind), row.segments.mean if row.kind == "fixed" else 0.0


def _kind(runs: Runs) -> str:
    return "fixed" if all(isinstance(run, FixedSegments) for run in runs) and runs else "rule"


def score(
    bank: Bank,
    entries: Sequence[tuple[str, str, Runs]],
    sticks: Mapping[float, Yardstick],
) -> list[Row]:
    """Rows of policies given as (name, kind, one for each seed).

    Raises:
        ValueError: a name without policies, or a policy that fails `check_ceiling`.
    """
    rows = []
    for name, kind, runs in entries:
        if not runs:
            raise ValueError(f'"{name}" has no policies to score; give one for each seed')
        halted = [run if isinstance(run, Halted) else play(bank, run) for run in runs]
        for run in halted:
            check_ceiling(bank, name, run)
        rows.append(_row(bank, name, kind, halted, sticks))
    return rows


def _on_fit(bank: Bank, row: Row, runs: Runs) -> dict[float, float]:
    """The mean return of the same policies on the bank they were fitted on; none of what was played."""
    if row.kind == "fixed":
        halted = [always_at(bank, int(row.segments.mean))]
    elif row.kind == "oracle":
        halted = [first_correct(bank, give_up=row.name != "oracle")]
    elif any(isinstance(run, Halted) for run in runs):
        return {}
    else:
        halted = [play(bank, run) for run in runs if not isinstance(run, Halted)]
    return {c: float(np.mean([run.value_P(c).mean() for run in halted])) for c in row.value}


Key = tuple[str, float]
"""What, and at which step cost."""


def _columns(halted: Sequence[Halted], sticks: Mapping[float, Yardstick]) -> dict[Key, np.ndarray]:
    """Everything that is a mean over seeds and puzzles, as (S, P)."""
    columns = {("right", 0.0): np.stack([run.correct_P.numpy() for run in halted])}
    columns["segments", 0.0] = np.stack([run.segment_P.numpy() for run in halted]).astype(float)
    for cost, stick in sticks.items():
        value_SP = np.stack([run.value_P(cost).numpy() for run in halted])
        columns["value", cost] = value_SP
        columns["gain", cost] = value_SP - stick.fixed.value_P(cost).numpy()
        columns["regret", cost] = stick.prophet.value_P(cost).numpy() - value_SP
        if stick.snell:
            columns["snell", cost] = stick.snell.value_P(cost).numpy() - value_SP
    return columns


def _row(
    bank: Bank,
    name: str,
    kind: str,
    halted: Sequence[Halted],
    sticks: Mapping[float, Yardstick],
) -> Row:
    columns, sampled = _columns(halted, sticks), sampling(bank)
    mean = {key: float(column_SP.mean()) for key, column_SP in columns.items()}

    def interval(what: str, cost: float = 0.0) -> Interval:
        return statistics.mean_interval(columns[what, cost], *sampled)

    segments = interval("segments")
    return Row(
        name=name,
        kind=kind,
        seeds=len(halted),
        accuracy=interval("right"),
        segments=segments,
        value={c: interval("value", c) if c else interval("right") for c in sticks},
        gain={
            c: statistics.paired_difference(columns["value", c], fixed_P, *sampled)
            for c, fixed_P in ((c, stick.fixed.value_P(c).numpy()) for c, stick in sticks.items())
        },
        regret={c: interval("regret", c) for c in sticks},
        snell_regret={c: interval("snell", c) for c, stick in sticks.items() if stick.snell},
        score={
            c: metrics.normalised_score(
                gain := mean["gain", c], 0.0, max(0.0, gain + mean["regret", c])
            )
            for c in sticks
        },
        **details(bank, halted),
        segments_tail=highest(columns["segments", 0.0].ravel()),
        value_tail={c: lowest(columns["value", c].ravel()) for c in sticks},
        by_seed={c: tuple(columns["value", c].mean(1).tolist()) for c in sticks},
        iqm={
            c: statistics.iqm_interval(columns["value", c], *sampled)
            for c in sticks
            if len(halted) >= 5
        },
        random=random_accuracy(bank.correct_MP.double().mean(1), segments.mean),
    )


def _adjusted(rows: Sequence[Row]) -> list[Row]:
    """The rows with p-values adjusted for all rules and learners at each step cost."""
    tested = [row for row in rows if row.kind in ("rule", "learner")]
    held: dict[str, dict[float, float]] = {row.name: {} for row in tested}
    for cost in rows[0].value:
        p_H = np.array([row.gain[cost].p for row in tested])
        for row, p in zip(tested, statistics.holm(p_H), strict=True):
            held[row.name][cost] = float(p)
    return [replace(row, holm=held.get(row.name, {})) for row in rows]


def check_ceiling(bank: Bank, name: str, halted: Halted) -> None:
    """Refuse an accuracy that the bank does not have: halting chooses an answer, it makes none.

    So no policy is right more often than the model ever is, nor on a puzzle where it never is.

    Raises:
        ValueError: a puzzle counts as right that is wrong at the segment where the policy halted, or
            as `check_halted`.
    """
    check_halted(bank, halted)
    bank_P = bank.correct_MP.gather(0, halted.segment_P[None] - 1)[0]
    false = int((halted.correct_P & ~bank_P).sum())
    never = int((halted.correct_P & ~bank.correct_MP.any(0)).sum())
    if false:
        raise ValueError(
            f'"{name}" counts {false} puzzles as right that are wrong where it halted, {never} of '
            f"them never right ({bank.correct_MP.any(0).double().mean():.1%} ever are); "
            "it was scored on another bank, or it changes the answers"
        )
