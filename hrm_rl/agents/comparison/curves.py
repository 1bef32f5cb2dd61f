"""Policies over a whole range: of a rule's knobs, of step costs.

Suffixes: P puzzles, K knobs, H knobs on a hull, S seeds, R resamples, X figures, C step costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from hrm_rl.agents.comparison.compare import always_at
from hrm_rl.agents.rules import GRIDS, sweep
from hrm_rl.banks.bank import Bank, play
from hrm_rl.banks.sampling import sampling
from hrm_rl.checks.numbers import real, whole
from hrm_rl.halting import Halted, Policy
from hrm_rl.statistics import comparisons as statistics
from hrm_rl.statistics import metrics
from hrm_rl.statistics.bootstrap import resample
from hrm_rl.statistics.comparisons import Difference, Interval
from hrm_rl.statistics.spread import Seeds, of_draws, of_table, spread
from hrm_rl.stopping.exact import best_fixed, prophet

SLACKS = (0.0, 0.001, 0.005)
"""Accuracy that may be lost where compute saved is reported: 0, 0.1 and 0.5 percentage points."""
COSTS = tuple(0.05 * (i / 60) ** 2 for i in range(61))
"""Step costs of a value curve, denser where they are small."""

Curve = Sequence[Policy]
"""One rule at many knobs, or one learner at many step costs."""


def swept(kind: str, bank: Bank, points: int = 25) -> list[Policy]:
    """`rules.sweep`; a rule of several knobs gets a grid of four times as many points."""
    return sweep(kind, bank, 4 * points if kind in GRIDS else points)


# --- accuracy against segments --------------------------------------------------------------------


class ParetoRow(NamedTuple):
    """One family of policies over all its knobs: those on its hull on the fit bank, on the other one.

    Hulls: mixing two policies, puzzle by puzzle.
    """

    name: str
    seeds: int
    knobs: int
    area: Interval
    """Mean over budgets, from 1 to the last segment, of the accuracy that was chosen for them."""
    on_fit: float
    """The same on the bank that it was chosen on, where it is the best of its knobs."""
    gain: Difference
    """Area less that of the reference, on the same puzzles."""
    holm: float
    """p-value of the gain, adjusted for all families."""
    saved: Mapping[float, Interval]
    """Slack in accuracy, on the fit bank -> share of segments saved."""
    lost: Mapping[float, Interval]
    """Slack -> accuracy that is lost by it, compared to never halting early."""
    reference: str


class _Figures(NamedTuple):
    """What is said of a family: of every seed, and of every seed under every resample of puzzles."""

    on_fit: float
    area: Seeds
    saved: list[Seeds]
    lost: list[Seeds]


def pareto_table(
    fit_bank: Bank,
    bank: Bank,
    families: Sequence[str] | Mapping[str, Curve | Sequence[Curve]],
    *,
    reference: str = "fixed",
    points: int = 25,
    resamples: int = 1000,
    seed: int = 0,
) -> list[ParetoRow]:
    """Areas under the accuracy-segments curve with paired intervals: which rule is better over all.

    Knobs, and which two of them are mixed for a budget, are chosen on `fit_bank`, and what that comes
    to is scored on `bank`. "fixed", all fixed numbers of segments, is always there.

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
        families = {name: swept(name, fit_bank, points) for name in families}
    named = {name: _curves(name, family) for name, family in families.items() if name != "fixed"}
    if reference not in {*named, "fixed"}:
        there = ", ".join([*named, "fixed"])
        raise ValueError(f'no family "{reference}" to compare with; there are {there}')
    played = {
        name: [[(play(fit_bank, one), play(bank, one)) for one in curve] for curve in curves]
        for name, curves in named.items()
    }
    numbers = range(1, min(fit_bank.max_segments, bank.max_segments) + 1)
    played["fixed"] = [[(always_at(fit_bank, m), always_at(bank, m)) for m in numbers]]
    found = _figures(bank, played, fit_bank, resamples, seed)
    gains, holm = _gains(found, reference)
    return [
        ParetoRow(
            name=name,
            seeds=len(played[name]),
            knobs=len(played[name][0]),
            area=_interval(mine.area),
            on_fit=mine.on_fit,
            gain=gains[name],
            holm=holm.get(name, 1.0),
            saved=dict(zip(SLACKS, map(_interval, mine.saved), strict=True)),
            lost=dict(zip(SLACKS, map(_interval, mine.lost), strict=True)),
            reference=reference,
        )
        for name, mine in found.items()
    ]


def _gains(
    found: Mapping[str, _Figures], reference: str
) -> tuple[dict[str, Difference], dict[str, float]]:
    """What each family gains over the reference, and the p-values adjusted for all of them."""
    none = Difference(0.0, 0.0, 0.0, 1.0)
    gains = {
        name: none
        if name == reference
        else statistics.difference([(1.0, mine.area), (-1.0, found[reference].area)])
        for name, mine in found.items()
    }
    others = [name for name in found if name != reference]
    adjusted = statistics.holm(np.array([gains[name].p for name in others]))
    return gains, dict(zip(others, adjusted.tolist(), strict=True))


def _curves(name: str, family: Curve | Sequence[Curve]) -> list[list[Policy]]:
    """One list of policies for each seed."""
    seeds = [list(one) if isinstance(one, Sequence) else [one] for one in family]
    if family and not isinstance(family[0], Sequence):
        seeds = [[policy for (policy,) in seeds]]
    if not seeds or not all(seeds):
        raise ValueError(f'"{name}" has no policies; give one at least for each seed')
    return seeds


def _interval(seeds: Seeds) -> Interval:
    return statistics.student_interval(seeds.mean, spread([(1.0, seeds)]))


Played = Sequence[tuple[Halted, Halted]]
"""A curve, on the fit bank and on the other one."""


def _figures(
    bank: Bank, played: Mapping[str, Sequence[Played]], fit_bank: Bank, resamples: int, seed: int
) -> dict[str, _Figures]:
    """Area, compute saved and accuracy lost of every family: on the bank, and on each resample."""
    full_fit, full = always_at(fit_bank, fit_bank.max_segments), always_at(bank, bank.max_segments)
    chosen = {name: [_chosen(curve, full_fit) for curve in seeds] for name, seeds in played.items()}
    tables = [
        _points([*(curve[i][1] for i in one.hull), full])[:, None]
        for name, seeds in played.items()
        for curve, one in zip(seeds, chosen[name], strict=True)
    ]
    sampled = sampling(bank)
    drawn = iter(resample(tables, *sampled, resamples=resamples, seed=seed))
    freedom = of_table(tables[0][0], *sampled).freedom
    found, table = {}, iter(tables)
    for name, ones in chosen.items():
        rows_SXR = np.stack([
            _on(one, np.concatenate([next(table).mean(-1), next(drawn).means_KSR[:, 0]], 1), bank)
            for one in ones
        ])  # fmt: skip
        area, *rest = (
            of_draws(row_SR[:, 0], row_SR[:, 1:], freedom) for row_SR in rows_SXR.swapaxes(0, 1)
        )
        on_fit = float(np.mean([one.area for one in ones]))
        found[name] = _Figures(on_fit, area, rest[: len(SLACKS)], rest[len(SLACKS) :])
    return found


class _Chosen(NamedTuple):
    """What was chosen of a curve on the fit bank."""

    hull: list[int]
    """Policies, from the fewest segments up."""
    weights: list[np.ndarray]
    """For each slack, shares of those and of never halting early."""
    area: float


def _chosen(curve: Played, full: Halted) -> _Chosen:
    M, wanted = int(full.segment_P[0]), float(full.correct_P.double().mean())
    y_K, x_K = np.split(_points([one for one, _ in curve]).mean(-1), 2)
    hull = metrics.concave_hull(x_K, y_K)
    x, y = np.append(x_K[hull], M), np.append(y_K[hull], wanted)
    weights = [metrics.cheapest_mixture(x, y, wanted - slack) for slack in SLACKS]
    return _Chosen(hull.tolist(), weights, metrics.pareto_area(x_K, y_K, M))


def _points(halted: Sequence[Halted]) -> Float[np.ndarray, "_K P"]:
    """Whether each of K policies is right on each puzzle, then where it halts."""
    rows = [run.correct_P for run in halted] + [run.segment_P for run in halted]
    return np.stack([row.numpy() for row in rows]).astype(np.float64)


def _on(one: _Chosen, means_KR: Float[np.ndarray, "_K R"], bank: Bank) -> Float[np.ndarray, "_X R"]:
    """Area, and what each slack saves and loses, from accuracies and mean segments."""
    y_HR, x_HR = np.split(means_KR, 2)
    M = bank.max_segments
    return np.stack([
        metrics.path_area(x_HR[:-1], y_HR[:-1], M),
        *(1 - weight @ x_HR / M for weight in one.weights),
        *(y_HR[-1] - weight @ y_HR for weight in one.weights),
    ])  # fmt: skip


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
    as_fitted: Mapping[str, Sequence[Policy | Halted]],
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


def _values(bank: Bank, policies: Sequence[Policy | Halted], cost_C: np.ndarray) -> np.ndarray:
    """(K, C): mean return of each policy at each step cost."""
    halted = [run if isinstance(run, Halted) else play(bank, run) for run in policies]
    accuracy_K = np.array([float(run.correct_P.double().mean()) for run in halted])
    segments_K = np.array([float(run.segment_P.double().mean()) for run in halted])
    return accuracy_K[:, None] - cost_C * (segments_K[:, None] - 1)
