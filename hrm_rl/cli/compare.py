"""`hrm-rl compare`: halting policies on a frozen model, fitted on one split and scored on another."""

from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from hrm_rl.checks.numbers import whole
from hrm_rl.cli.arguments import Device, output, write_whole

if TYPE_CHECKING:
    from hrm_rl.banks.bank import Bank

SPLITS = ("fit", "test")
"""What is fitted on and scored on, if nothing else is said."""


def compare(  # long: its options, each with what it is for
    checkpoint: tyro.conf.Positional[str] = "",
    policies: tuple[str, ...] = ("q", "trm", "confidence", "stable-2", "two-sided", "random"),
    learners: tuple[str, ...] = ("act_q", "ppo", "exact_pg"),
    seeds: int = 3,
    steps: int = 50_000,
    step_costs: tuple[float, ...] = (0.0, 0.01),
    learn_step_cost: float = 0.01,
    fit_bank: str = "",
    test_bank: str = "",
    puzzles: str = "",
    fit_split: str = SPLITS[0],
    test_split: str = SPLITS[1],
    limit: int = 0,
    max_segments: int = 16,
    out: Path = Path("out/compare"),
    plots: bool = True,
    html: Path | None = None,
    save: bool = False,
    device: Device = "auto",
    task: str = "",
) -> None:
    """Compare halting policies on a frozen model: fitted on the fit split, scored on the test split.

    Both splits are logged first, or read from banks that `hrm-rl bank` logged. Writes tables, CSV,
    JSON and plots.

    Args:
        checkpoint: a shipped one (sudoku9 if left out), a file or a run folder; or a bank, to score
            policies on
        policies: rules: q, trm, confidence, stable-2, two-sided, random, fixed-8 ..., and what was fitted
            before: sudoku9-exact_pg, mine.safetensors
        learners: trained on the fit split, once per seed: act_q, ppo, exact_pg, a2c ...; none with --learners
        seeds: of each learner
        steps: environment steps of each learner
        step_costs: at which values are reported
        learn_step_cost: which the learners pay per segment
        fit_bank: fit and tune on this bank; no model is run then
        test_bank: score on this bank
        puzzles: a shipped set; the checkpoint's own task if left out
        fit_split: which split of the puzzles to fit on, where no banks are given
        test_split: which split to score on
        limit: take only so many puzzles, evenly spread over the set or bank (0: all)
        max_segments: forced halt
        out: folder for compare.csv, compare.json and the plots
        plots: draw them, if hrm-rl[plots] is installed
        html: a web page of tables and plots in this one file too
        save: keep what learners learnt, a file for each seed in the folder policies of --out
        device: where the model runs
        task: what the checkpoint was trained on ("maze30"), where its files leave that open
    """
    from hrm_rl.agents.comparison.experiment import check_arguments, run_comparison
    from hrm_rl.agents.comparison.kept import keep
    from hrm_rl.page import comparison

    banks = _named(checkpoint, fit_bank, test_bank)
    whole("--limit", limit, low=0, cure="0 takes all")
    html = html if html is None else output("--html", html, ".html")
    check_arguments(
        policies, learners, seeds, steps, step_costs, learn_step_cost, max_segments, out
    )
    splits = (fit_split, test_split)
    fit, test = _banks(checkpoint, banks, puzzles, splits, limit, max_segments, device, task)
    found = run_comparison(
        fit, test, rules=policies, learners=learners, seeds=seeds, steps=steps, step_costs=step_costs,
        learn_step_cost=learn_step_cost, max_segments=max_segments, out=out, plots=plots,
    )  # fmt: skip
    if save:
        about = f"{steps:,} decisions at step cost {learn_step_cost:g}"
        keep(found.learned, fit, max_segments, out / "policies", about)
    if html is not None:
        write_whole(html, comparison.page(found))
        print(html)


def _named(checkpoint: str, fit_bank: str, test_bank: str) -> tuple[str, str]:
    """The banks that were named, to fit on and to score on; both or none."""
    from hrm_rl.agents.comparison.pairs import is_bank

    if checkpoint and not test_bank and is_bank(checkpoint):
        checkpoint, test_bank = "", checkpoint
    if bool(fit_bank) != bool(test_bank):
        missing, there = ("fit", "score") if test_bank else ("test", "fit")
        raise ValueError(
            f"there is a bank to {there} on and no other: policies must not be fitted on the "
            f"puzzles that they are scored on; give --{missing}-bank too"
        )
    if test_bank:
        _refuse_beside(checkpoint=checkpoint)
    return fit_bank, test_bank


def _refuse_beside(**given: str) -> None:
    """Refuse what says what to log, where there are banks."""
    for name, value in given.items():
        if value:
            raise ValueError(
                f"banks are logged already, and {name.replace('_', '-')} {value!r} would not be "
                "looked at; leave it out, or the banks"
            )


def _banks(
    checkpoint: str,
    banks: tuple[str, str],
    puzzles: str,
    splits: tuple[str, str],
    limit: int,
    max_segments: int,
    device: str,
    task: str,
) -> "tuple[Bank, Bank]":
    """To fit on and to score on: read, or logged now."""
    from hrm_rl.agents.comparison.pairs import logged_banks, read_banks
    from hrm_rl.device import resolve_device
    from hrm_rl.models.checkpoint import load_model
    from hrm_rl.puzzles.source import for_model

    fit_split, test_split = splits
    if banks[1]:
        _refuse_beside(
            puzzles=puzzles,
            task=task,
            fit_split=fit_split if fit_split != SPLITS[0] else "",
            test_split=test_split if test_split != SPLITS[1] else "",
        )
        return read_banks(*banks, max_segments, limit)
    if fit_split == test_split:
        raise ValueError(
            f'--fit-split and --test-split are both "{fit_split}": policies must not be fitted on the '
            "puzzles that they are scored on; name two splits"
        )
    model, _ = load_model(checkpoint or "sudoku9", resolve_device(device), task=task)
    fit_set, test_set = (for_model(model.config, puzzles, split, limit) for split in splits)
    return logged_banks(model, fit_set, test_set, max_segments)
