"""A whole comparison on two banks: fit on one, score on the other, write it down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hrm_rl.agents.comparison import report
from hrm_rl.agents.comparison.compare import Runs, always_at, compare, logged_q_halt
from hrm_rl.agents.comparison.curves import ParetoRow, pareto_table, value_curves
from hrm_rl.agents.comparison.rows import Row
from hrm_rl.agents.comparison.scaling import ScalingRow, inference_scaling
from hrm_rl.agents.learners import learner
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.rules import kind_of, rule
from hrm_rl.agents.rules.basic import RandomHalting, probability_of_mean
from hrm_rl.banks.bank import Bank, log_bank, play
from hrm_rl.banks.files import find_bank, read_bank, read_header
from hrm_rl.checks.progress import bar as progress_bar
from hrm_rl.halting import Halted, Policy
from hrm_rl.models import Model
from hrm_rl.puzzles import PuzzleSet
from hrm_rl.statistics.calibration import calibration_by_segment
from hrm_rl.stopping.exact import best_fixed
from hrm_rl.stopping.snell import fit_snell, take

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

    @property
    def kinds(self) -> list[str]:
        """Of the rules that were compared, those with a curve to draw."""
        found = dict.fromkeys(map(kind_of, self.rules))
        return [kind for kind in found if kind not in ("", "fixed", "random")]


def is_bank(name: str) -> bool:
    """Whether a bank of that name or in that folder can be found."""
    try:
        find_bank(name)
    except ValueError:
        return False
    return True


def read_banks(fit: str, test: str, max_segments: int, limit: int = 0) -> tuple[Bank, Bank]:
    """Two banks of one model by folder or name, and if `limit` so many puzzles of each at most.

    Raises:
        ValueError: no such bank, too short, of two models, or with puzzles in common.
    """
    folders = [find_bank(fit, "fit"), find_bank(test, "test")]
    if len({read_header(folder).weights for folder in folders}) > 1:
        raise ValueError(
            f"{folders[0]} and {folders[1]} were logged from different models; what is fitted on one "
            "says nothing of the other: log both from one checkpoint"
        )
    banks = [_spread(read_bank(folder, max_segments=max_segments), limit) for folder in folders]
    inputs = [{row.tobytes() for row in bank.puzzles.inputs_PL} for bank in banks if bank.puzzles]
    if len(inputs) == 2 and (shared := len(inputs[0] & inputs[1])):
        raise ValueError(
            f"{shared} puzzles are in both banks; policies must not be fitted on the puzzles that "
            "they are scored on: log two splits"
        )
    return banks[0], banks[1]


def _spread(bank: Bank, limit: int) -> Bank:
    """As many puzzles, evenly spread over the bank; all if it has no more."""
    if not 0 < limit < len(bank):
        return bank
    return take(bank, torch.linspace(0, len(bank) - 1, limit).round().long())


def logged_banks(
    model: Model, fit: PuzzleSet, test: PuzzleSet, max_segments: int
) -> tuple[Bank, Bank]:
    """Two banks logged now; that for fitting of one segment more, where the paper's edge looks."""
    print(
        "logging the puzzles that policies are fitted on, then those they are scored on", flush=True
    )
    return (
        log_bank(model, fit, max_segments + 1, progress=True),
        log_bank(model, test, max_segments, progress=True),
    )


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
        rules: names for `rules.rule`; "random" halts by a coin, at the mean segments of the first other rule.
        learners: names for `learners.learner`; each is fitted `seeds` times for `steps` decisions, paying
            `learn_step_cost` for each segment.
        step_costs: at which values are reported, besides `learn_step_cost`.

    Raises:
        ValueError: an unknown rule or learner, or a bank that is too short, before anything is computed.
    """
    named: dict[str, Runs] = {name: [rule(name)] for name in rules if name != "random"}
    makers = {name: learner(name) for name in learners}
    fit, test = fit_bank.first(max_segments), test_bank.first(max_segments)
    if "random" in rules:
        reference = rule(next(iter(named), "q"))
        named["random"] = _coins(test, reference, seeds)
    costs = sorted({*map(float, step_costs), float(learn_step_cost)})

    learned: dict[str, Runs] = {}
    total = len(makers) * seeds * steps
    with progress_bar(total=total, unit="decision", desc="fitting", disable=not total) as bar:
        for name, learn in makers.items():
            bar.set_postfix_str(name)
            learned[f"learned {name}"] = [
                learn(
                    play_on(
                        fit_bank, observation=_observation(fit_bank), step_cost=learn_step_cost,
                        max_segments=max_segments,
                    ),
                    steps=steps, seed=seed, progress=bar.update,
                )
                for seed in range(seeds)
            ]  # fmt: skip
    best_m = {cost: best_fixed(fit, cost)[0] for cost in costs}
    seen = "q" if "scalars" in fit.columns else _observation(fit)  # 2 columns fit better than 17
    snell: dict[float, Policy] = {learn_step_cost: fit_snell(fit, seen, learn_step_cost)}
    rows = compare(test, named, learned, costs, best_m=best_m, snell=snell)
    families = [kind for kind in dict.fromkeys(map(kind_of, named)) if kind not in ("", "fixed")]
    scaling: list[ScalingRow] = []
    if test_bank.max_segments >= 2 * max_segments:
        scaling = inference_scaling(test_bank, {n: rule(n) for n in rules if n != "random"})
    found = Comparison(
        fit, test, named, learned, learn_step_cost, best_m, rows,
        pareto_table(test, families), scaling,
    )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    _write(found, {"learner_steps": steps}, out)
    _print(found)
    print(out / "compare.csv", out / "compare.json", sep="\n")
    for path in _draw(found, out) if plots else ():
        print(path, flush=True)
    return found


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
    report.write_csv(found.rows, out / "compare.csv")
    report.write_json(
        found.rows, out / "compare.json", about,
        over_all_knobs=found.areas, scaling=found.scaling, q_halt_by_segment=ranked,
    )  # fmt: skip


def _print(found: Comparison) -> None:
    cost = found.learn_step_cost
    parts = [report.table(found.rows), report.details(found.rows, cost, found.best_m[cost])]
    print()
    print(*parts, report.pareto(found.areas), "", sep="\n\n")


# --- plots ----------------------------------------------------------------------------------------


def _draw(found: Comparison, out: Path) -> Iterator[Path]:
    """Draw what can be drawn; the paths of the pictures."""
    try:
        from hrm_rl.agents.comparison import pareto, plots, reliability, scaling

        pareto.plot(found.rows, found.test, out / "pareto.png", found.kinds)
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
