"""Policies over a whole range: of a rule's knobs, of step costs.

Suffixes: P puzzles, K knobs, R resamples, C step costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from hrm_rl.agents.comparison.compare import always_at, check_ceiling
from hrm_rl.agents.rules import sweep
from hrm_rl.banks.bank import Bank, play
from hrm_rl.checks.numbers import real, whole
from hrm_rl.halting import Halted, Policy
from hrm_rl.statistics import comparisons as statistics
from hrm_rl.statistics import metrics
from hrm_rl.statistics.bootstrap import resample
from hrm_rl.statistics.comparisons import Difference, Interval
from hrm_rl.stopping.exact import best_fixed, prophet

SLACKS = (0.0, 0.001, 0.005)
"""Accuracy that may be lost where compute saved is reported: 0, 0.1 and 0.5 percentage points."""
COSTS = tuple(0.05 * (i / 60) ** 2 for i in range(61))
"""Step costs of a value curve, denser where they are small."""

Curve = Sequence[Policy | Halted]
"""One rule at many knobs, or one learner at many step costs."""


def swept(kind: str, bank: Bank, points: int = 25) -> list[Policy]:
    """`rules.sweep`; a rule of several knobs gets a grid of four times as many points."""
    return sweep(kind, bank, 4 * points if kind == "two-sided" else points)


# --- accuracy against segments --------------------------------------------------------------------


class ParetoRow(NamedTuple):
    """One family of policies over all its knobs. Hulls: mixing two policies, puzzle by puzzle."""

    name: str
    seeds: int
    knobs: int
    area: Interval
    """Mean over budgets, from 1 to the last segment, of the best accuracy (`metrics.pareto_area`)."""
    gain: Difference
    """Area less that of the reference, on the same resamples."""
    holm: float
    """p-value of the gain, adjusted for all families."""
    saved: Mapping[float, Interval]
    """Slack in accuracy -> share of segments saved (`metrics.compute_saved`)."""
    reference: str


def pareto_table(
    bank: Bank,
    families: Sequence[str] | Mapping[str, Curve | Sequence[Curve]],
    *,
    reference: str = "fixed",
    points: int = 25,
    resamples: int = 1000,
    seed: int = 0,
) -> list[ParetoRow]:
    """Areas under the accuracy-segments hull with paired intervals: which rule is better over all.

    Knobs are those of the bank itself: the area says what a rule could do, not what a knob chosen
    elsewhere does. "fixed", all fixed numbers of segments, is always there.

    Args:
        families: names of rules to sweep; or name -> policies at many knobs, or a list of such
            lists, one for each seed.
        reference: the family that the others are held against.
        points: knobs of a rule that is swept.

    Raises:
        ValueError: a family without policies, or a reference that is not there.
    """
    resamples, seed = whole("resamples", resamples, low=1), whole("seed", seed, low=0)
    if not isinstance(families, Mapping):
        families = {name: swept(name, bank, points) for name in families}
    fixed = [always_at(bank, m) for m in range(1, bank.max_segments + 1)]
    named: dict[str, Curve | Sequence[Curve]] = {**families, "fixed": fixed}
    if reference not in named:
        raise ValueError(f'no family "{reference}" to compare with; there are {", ".join(named)}')
    curves = {name: _curves(name, family) for name, family in named.items()}
    areas, saved = _resampled(bank, curves, resamples, seed)
    p_values = [
        statistics.difference(float((R - areas[reference])[0]), (R - areas[reference])[1:]).p
        for R in areas.values()
    ]
    others = [i for i, name in enumerate(areas) if name != reference]
    holm = np.ones(len(p_values))
    holm[others] = statistics.holm(np.array(p_values)[others])
    rows = []
    for (name, area_R), p in zip(areas.items(), holm, strict=True):
        gain_R = area_R - areas[reference]
        rows.append(
            ParetoRow(
                name=name,
                seeds=len(curves[name]),
                knobs=len(curves[name][0]),
                area=statistics.interval(float(area_R[0]), area_R[1:]),
                gain=statistics.difference(float(gain_R[0]), gain_R[1:]),
                holm=float(p),
                saved={
                    slack: statistics.interval(float(saved_R[0]), saved_R[1:])
                    for slack, saved_R in saved[name].items()
                },
                reference=reference,
            )
        )
    return rows


def _curves(name: str, family: Curve | Sequence[Curve]) -> list[list[Policy | Halted]]:
    """One list of policies for each seed."""
    seeds = [list(one) if isinstance(one, Sequence) else [one] for one in family]
    if family and not isinstance(family[0], Sequence):
        seeds = [[policy for (policy,) in seeds]]
    if not seeds or not all(seeds):
        raise ValueError(f'"{name}" has no policies; give one at least for each seed')
    return seeds


def _resampled(
    bank: Bank, curves: Mapping[str, Sequence[Curve]], resamples: int, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, dict[float, np.ndarray]]]:
    """Area and compute saved of every family: first on the bank, then on each resample.

    Puzzles are drawn in common; the seeds of each family by themselves. The last family is all
    fixed numbers of segments, in order.
    """
    tables = [_table(bank, name, curve) for name, seeds in curves.items() for curve in seeds]
    drawn = resample(tables, bank.cluster_P.numpy(), resamples=resamples, seed=seed)
    means = [
        np.concatenate([table.mean(-1), one.means_KSR[:, 0]], axis=1)
        for table, one in zip(tables, drawn, strict=True)
    ]
    full_R, rng = means[-1][bank.max_segments - 1], np.random.default_rng(seed)
    areas: dict[str, np.ndarray] = {}
    saved: dict[str, dict[float, np.ndarray]] = {}
    for name, seeds in curves.items():
        mine, means = means[: len(seeds)], means[len(seeds) :]
        found_SRX = np.stack([_figures(one, full_R, bank.max_segments) for one in mine])
        share_RS = rng.multinomial(len(seeds), [1 / len(seeds)] * len(seeds), resamples) / len(
            seeds
        )
        share_RS = np.concatenate([np.full((1, len(seeds)), 1 / len(seeds)), share_RS])
        area_R, *saved_XR = np.einsum("srx,rs->xr", found_SRX, share_RS)
        areas[name], saved[name] = area_R, dict(zip(SLACKS, saved_XR, strict=True))
    return areas, saved


def _table(bank: Bank, name: str, curve: Curve) -> np.ndarray:
    """(2K, 1, P): whether each of K policies is right on each puzzle, then where it halts."""
    halted = [run if isinstance(run, Halted) else play(bank, run) for run in curve]
    for run in halted:
        check_ceiling(bank, name, run)
    rows = [run.correct_P for run in halted] + [run.segment_P for run in halted]
    return np.stack([row.numpy() for row in rows]).astype(np.float64)[:, None]


def _figures(means_2KR: np.ndarray, full_R: np.ndarray, max_segments: int) -> np.ndarray:
    """(R, 1 + slacks): area, and compute saved at each slack, from accuracies and mean segments."""
    accuracy_RK, segments_RK = np.split(means_2KR.T, 2, axis=1)
    return np.array(
        [
            [
                metrics.pareto_area(x, y, max_segments),
                *(metrics.compute_saved(x, y, max_segments, full, slack) for slack in SLACKS),
            ]
            for x, y, full in zip(segments_RK, accuracy_RK, full_R.tolist(), strict=True)
        ]
    )


# --- value against step cost ----------------------------------------------------------------------


class ValueCurves(NamedTuple):
    """Mean returns on one bank at a range of step costs."""

    cost_C: Float[np.ndarray, " C"]
    prophet_C: Float[np.ndarray, " C"]
    best_fixed_C: Float[np.ndarray, " C"]
    """Of the number of segments that is best on the other bank."""
    best_m_C: Int[np.ndarray, " C"]
    tuned: Mapping[str, Float[np.ndarray, " C"]]
    """Rules whose knob is chosen anew at every step cost, on the other bank."""
    as_fitted: Mapping[str, Float[np.ndarray, " C"]]
    """Policies that stay what they are: a straight line, the mean over seeds."""


def value_curves(
    fit_bank: Bank,
    bank: Bank,
    kinds: Sequence[str],
    as_fitted: Mapping[str, Curve],
    costs: Sequence[float] = COSTS,
) -> ValueCurves:
    """What policies are worth on `bank` at each step cost; whatever is chosen, is on `fit_bank`.

    Args:
        kinds: names of rules to sweep.
        as_fitted: name -> one policy for each seed.

    Raises:
        ValueError: a step cost below 0.
    """
    costs = [real("step cost", cost, low=0) for cost in costs]
    cost_C = np.array(costs, dtype=np.float64)
    best_m_C = np.array([best_fixed(fit_bank, cost)[0] for cost in costs])
    fixed_C = _values(bank, [always_at(bank, m) for m in best_m_C.tolist()], cost_C).diagonal()
    tuned = {}
    for kind in kinds:
        policies = swept(kind, fit_bank)
        best_C = _values(fit_bank, policies, cost_C).argmax(0)
        tuned[kind] = _values(bank, policies, cost_C)[best_C, np.arange(len(cost_C))]
    top_C = [float(prophet(bank, cost).value_P(cost).mean()) for cost in costs]
    lines = {name: _values(bank, runs, cost_C).mean(0) for name, runs in as_fitted.items()}
    return ValueCurves(cost_C, np.array(top_C), fixed_C.copy(), best_m_C, tuned, lines)


def _values(bank: Bank, policies: Curve, cost_C: np.ndarray) -> np.ndarray:
    """(K, C): mean return of each policy at each step cost."""
    halted = [run if isinstance(run, Halted) else play(bank, run) for run in policies]
    accuracy_K = np.array([float(run.correct_P.double().mean()) for run in halted])
    segments_K = np.array([float(run.segment_P.double().mean()) for run in halted])
    return accuracy_K[:, None] - cost_C * (segments_K[:, None] - 1)
