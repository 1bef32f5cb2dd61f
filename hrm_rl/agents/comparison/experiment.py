"""A whole comparison on two banks: fit on one, score on the other, write it down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hrm_rl.agents.comparison import report
from hrm_rl.agents.comparison.bound import Bound, bound
from hrm_rl.agents.comparison.compare import Runs, always_at, compare
from hrm_rl.agents.comparison.curves import ParetoRow, pareto_table, value_curves
from hrm_rl.agents.comparison.details import logged_q_halt
from hrm_rl.agents.comparison.pairs import check_pair
from hrm_rl.agents.comparison.rows import Row
from hrm_rl.agents.comparison.scaling import ScalingRow, inference_scaling
from hrm_rl.agents.learners import learner
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.rules import kind_of, rule
from hrm_rl.agents.rules.basic import RandomHalting, probability_of_mean
from hrm_rl.agents.trained import check_fits, is_saved
from hrm_rl.banks.bank import Bank, play
from hrm_rl.checks.lock import try_folder
from hrm_rl.checks.numbers import distinct, real, reals, whole
from hrm_rl.checks.progress import bar as progress_bar
from hrm_rl.checks.reading import place
from hrm_rl.halting import MOST, Halted, Policy
from hrm_rl.statistics.calibration import calibration_by_segment
from hrm_rl.stopping.exact import best_fixed
from hrm_rl.stopping.snell import fit_snell

SHOWN = 4
"""Policies whose halting times are drawn, at most."""


@dataclass(frozen=True)
class Comparison:
    """What was compared, and what came out."""

    fit: Bank
    test: Bank
    rules: dict[str, Runs]
    learned: dict[str, Runs]
    learn_step_cost: float
    best_m: dict[float, int]
    """Step cost -> the best fixed number of segments on the fit bank."""
    rows: list[Row]
    areas: list[ParetoRow]
    scaling: list[ScalingRow]
    """Empty unless the test bank holds many more segments than are allowed."""
    bound: Bound | None = None
    """On the value at `learn_step_cost`; None where there is one puzzle to fit on."""
    pictures: tuple[Path, ...] = ()
    """The plots that were drawn."""

    @property
    def kinds(self) -> list[str]:
        """Of the rules that were compared, those with a curve to draw."""
        found = dict.fromkeys(map(kind_of, self.rules))
        return [kind for kind in found if kind not in ("", "fixed", "random")]


def run_comparison(
    fit_bank: Bank,
    test_bank: Bank,
    *,
    rules: Sequence[str],
    learners: Sequence[str],
    seeds: int,
    steps: int,
    step_costs: Sequence[float],
    learn_step_cost: float,
    max_segments: int,
    out: Path,
    plots: bool = True,
) -> Comparison:
    """Fit on one bank, score on the other; prints the tables, writes them and the plots in `out`.

    The model is frozen, so every learner plays on the log: the same observations and rewards as the
    live environment, without its forwards. A fit bank of one segment more lets the paper's edge look
    there. On a test bank of twice as many segments or more, rules are also given up to 64.

    Args:
        rules: names for `rules.rule`, of fitted policies too; "random" halts by a coin, at the mean segments
            of the first other rule.
        learners: names for `learners.learner`; each is fitted `seeds` times for `steps` decisions, paying
            `learn_step_cost` for each segment.
        step_costs: at which values are reported, besides `learn_step_cost`.

    Raises:
        ValueError: an unknown rule or learner, a number out of range, a bank that is too short or two
            that are no pair (`check_pair`), before anything is computed.
        OSError: nothing can be written in `out`, before anything is computed; what cannot be written
            later is a ValueError, after the tables were printed.
    """
    out = place("out", out)
    check_pair(fit_bank, test_bank)
    fit, test = fit_bank.first(max_segments), test_bank.first(max_segments)
    costs = check_arguments(
        rules, learners, seeds, steps, step_costs, learn_step_cost, max_segments, out
    )
    named = _named(rules, test, seeds)
    learned = _fitted(fit_bank, learners, seeds, steps, learn_step_cost, max_segments)
    best_m = {cost: best_fixed(fit, cost)[0] for cost in costs}
    seen = "q" if "scalars" in fit.columns else _observation(fit)  # 2 columns fit better than 17
    snell: dict[float, Policy] = {learn_step_cost: fit_snell(fit, seen, learn_step_cost)}
    rows = compare(test, named, learned, costs, best_m=best_m, snell=snell, fit_bank=fit)
    families = [kind for kind in dict.fromkeys(map(kind_of, named)) if kind not in ("", "fixed")]
    scaling = _scaling(test_bank, rules, max_segments)
    found = Comparison(
        fit, test, named, learned, learn_step_cost, best_m, rows,
        pareto_table(fit, test, families), scaling, bound(fit, test, seen, learn_step_cost),
    )  # fmt: skip
    _print(found)
    _write(found, {"learner_steps": steps}, out)
    print(out / "compare.csv", out / "compare.json", sep="\n")
    pictures = []
    for path in _draw(found, out) if plots else ():
        print(path, flush=True)
        pictures.append(path)
    return replace(found, pictures=tuple(pictures))


def check_arguments(
    rules: Sequence[str],
    learners: Sequence[str],
    seeds: int,
    steps: int,
    step_costs: Sequence[float],
    learn_step_cost: float,
    max_segments: int,
    out: Path,
) -> list[float]:
    """The step costs of a comparison, if it can be run and written down.

    Raises:
        ValueError, OSError: as `run_comparison`.
    """
    for kind, names in (("rules", rules), ("learners", learners)):
        if names:
            distinct(kind, names)
    whole("seeds", seeds, low=1, high=MOST)
    whole("steps", steps, low=1 if learners else 0, high=MOST)
    whole("max_segments", max_segments, low=2, high=MOST, cure="with one there is no choice")
    costs = reals("step_costs", step_costs)
    costs.append(real("learn_step_cost", learn_step_cost, low=0))
    for name in rules:
        rule(name)
    for name in learners:
        learner(name)
    try_folder(out)
    return sorted(set(costs))


def _named(rules: Sequence[str], test: Bank, seeds: int) -> dict[str, Runs]:
    """The rules; "random" runs as many segments on average as the first other one.

    Raises:
        ValueError: what was fitted on other segments than those of the test bank.
    """
    for name in rules:
        check_fits(name, test, test.max_segments)
    named: dict[str, Runs] = {name: [rule(name)] for name in rules if name != "random"}
    if "random" in rules:
        named["random"] = _coins(test, rule(next(iter(named), "q")), seeds)
    return named


def _scaling(bank: Bank, rules: Sequence[str], max_segments: int) -> list[ScalingRow]:
    """Rules with more segments than they were compared with; what was fitted is so for its own limit."""
    if bank.max_segments < 2 * max_segments:
        return []
    longer = [name for name in rules if name != "random" and not is_saved(name)]
    return inference_scaling(bank, {name: rule(name) for name in longer})


def _fitted(
    bank: Bank,
    learners: Sequence[str],
    seeds: int,
    steps: int,
    step_cost: float,
    max_segments: int,
) -> dict[str, Runs]:
    """Every learner, fitted once for each seed."""
    learned: dict[str, Runs] = {}
    total = len(learners) * seeds * steps
    with progress_bar(total=total, unit="decision", desc="fitting", disable=not total) as bar:
        for name in learners:
            bar.set_postfix_str(name)
            learn = learner(name)
            learned[f"learned {name}"] = [
                learn(
                    play_on(
                        bank, observation=_observation(bank), step_cost=step_cost,
                        max_segments=max_segments,
                    ),
                    steps=steps, seed=seed, progress=bar.update,
                )
                for seed in range(seeds)
            ]  # fmt: skip
    return learned


def _observation(bank: Bank) -> str:
    """What learners see: "scalars" unless the bank holds something else only."""
    return "scalars" if "scalars" in bank.columns else next(iter(bank.columns))


def _coins(bank: Bank, policy: Policy, seeds: int) -> list[Policy]:
    """Halting at random that runs as many segments on average as `policy` does, once per seed."""
    mean = float(play(bank, policy).segment_P.double().mean())
    probability = probability_of_mean(mean, bank.max_segments)
    return [RandomHalting(probability, seed) for seed in range(seeds)]


def _write(found: Comparison, about: dict[str, Any], out: Path) -> None:
    about |= {
        "puzzles": len(found.test),
        "fitted_on": len(found.fit),
        "max_segments": found.test.max_segments,
        "ever_right": float(found.test.correct_MP.any(0).double().mean()),
        "learn_step_cost": found.learn_step_cost,
        "best_fixed": found.best_m,
    }
    q_halt_MP = logged_q_halt(found.test)
    ranked = []
    if q_halt_MP is not None:
        ranked = calibration_by_segment(q_halt_MP, found.test.correct_MP.numpy())
    out.mkdir(parents=True, exist_ok=True)
    report.write_csv(found.rows, out / "compare.csv")
    report.write_json(
        found.rows, out / "compare.json", about,
        over_all_knobs=found.areas, scaling=found.scaling, q_halt_by_segment=ranked,
        dual_bound=found.bound,
    )  # fmt: skip


def _print(found: Comparison) -> None:
    cost = found.learn_step_cost
    parts = [report.table(found.rows), report.details(found.rows, cost, found.best_m[cost])]
    print()
    parts += [report.pareto(found.areas), str(found.bound or "")]
    print(*parts, "", sep="\n\n")


# --- plots ----------------------------------------------------------------------------------------


def _draw(found: Comparison, out: Path) -> Iterator[Path]:
    """Draw what can be drawn; the paths of the pictures."""
    try:
        from hrm_rl.agents.comparison import pareto, plots, reliability, scaling

        pareto.plot(found.rows, found.fit, found.test, out / "pareto.png", found.kinds)
        yield out / "pareto.png"
        halted = _halted(found)
        plots.halting_times(found.test, halted, out / "halting.png")
        yield out / "halting.png"
        curves = value_curves(found.fit, found.test, found.kinds, found.learned)
        plots.value(curves, out / "value.png", found.learn_step_cost, len(found.test))
        yield out / "value.png"
        if logged_q_halt(found.test) is not None:
            name, run = next(iter(halted.items()))
            reliability.plot(found.test, name, run, out / "reliability.png")
            yield out / "reliability.png"
        if found.scaling:
            scaling.plot(found.scaling, out / "scaling.png")
            yield out / "scaling.png"
    except ModuleNotFoundError as error:
        print(f"no plots: {error}; install hrm-rl[plots]")


def _halted(found: Comparison) -> dict[str, Halted]:
    """Where the first seeds of a few policies halt: of rules and learners, half of each."""
    rules = [name for name in found.rules if kind_of(name) != "random"] or list(found.rules)
    learned = list(found.learned)[: max(SHOWN // 2, SHOWN - len(rules))]
    names = [*rules[: SHOWN - len(learned)], *learned]
    runs = {name: ({**found.rules, **found.learned})[name][0] for name in names}
    if not runs:
        return {"never early": always_at(found.test, found.test.max_segments)}
    return {
        name: run if isinstance(run, Halted) else play(found.test, run)
        for name, run in runs.items()
    }
