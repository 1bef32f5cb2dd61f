"""`hrm-rl compare`: halting policies on a frozen model, fitted on one split and scored on another."""

from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from hrm_rl.checks.numbers import whole
from hrm_rl.cli.arguments import Device

if TYPE_CHECKING:
    from hrm_rl.banks.bank import Bank


def compare(
    checkpoint: tyro.conf.Positional[str] = "sudoku9",
    policies: tuple[str, ...] = ("q", "trm", "confidence", "stable-2", "two-sided", "random"),
    learners: tuple[str, ...] = ("q", "ppo"),
    seeds: int = 3,
    steps: int = 50_000,
    step_costs: tuple[float, ...] = (0.0, 0.01),
    learn_step_cost: float = 0.01,
    fit_bank: str = "",
    test_bank: str = "",
    puzzles: str = "",
    fit_split: str = "fit",
    test_split: str = "test",
    limit: int = 0,
    max_segments: int = 16,
    out: Path = Path("out/compare"),
    plots: bool = True,
    device: Device = "auto",
) -> None:
    """Compare halting policies on a frozen model: fitted on the fit split, scored on the test split.

    Both splits are logged first, or read from banks that `hrm-rl bank` logged. Writes tables, CSV,
    JSON and plots.

    Args:
        checkpoint: a shipped one, a file or a run folder; or a bank, to score policies on
        policies: rules: q, trm, confidence, stable-2, two-sided, random, fixed-8 ...
        learners: trained on the fit split, once per seed: q, ppo, a2c, dqn ...; none with --learners
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
        device: where the model runs
    """
    from hrm_rl.agents.comparison.experiment import check_arguments, run_comparison

    banks = _named(checkpoint, fit_bank, test_bank)
    whole("--limit", limit, low=0, cure="0 takes all")
    check_arguments(
        policies, learners, seeds, steps, step_costs, learn_step_cost, max_segments, out
    )
    splits = (fit_split, test_split)
    fit, test = _banks(checkpoint, banks, puzzles, splits, limit, max_segments, device)
    run_comparison(
        fit, test, rules=policies, learners=learners, seeds=seeds, steps=steps, step_costs=step_costs,
        learn_step_cost=learn_step_cost, max_segments=max_segments, out=out, plots=plots,
    )  # fmt: skip


def _named(checkpoint: str, fit_bank: str, test_bank: str) -> tuple[str, str]:
    """The banks that were named, to fit on and to score on; both or none."""
    from hrm_rl.agents.comparison.pairs import is_bank

    if not test_bank and is_bank(checkpoint):
        test_bank = checkpoint
    if bool(fit_bank) != bool(test_bank):
        missing, there = ("fit", "score") if test_bank else ("test", "fit")
        raise ValueError(
            f"there is a bank to {there} on and no other: policies must not be fitted on the "
            f"puzzles that they are scored on; give --{missing}-bank too"
        )
    return fit_bank, test_bank


def _banks(
    checkpoint: str,
    banks: tuple[str, str],
    puzzles: str,
    splits: tuple[str, str],
    limit: int,
    max_segments: int,
    device: str,
) -> "tuple[Bank, Bank]":
    """To fit on and to score on: read, or logged now."""
    from hrm_rl.agents.comparison.pairs import logged_banks, read_banks
    from hrm_rl.device import resolve_device
    from hrm_rl.models.checkpoint import load_model
    from hrm_rl.puzzles.source import for_model

    if banks[1]:
        return read_banks(*banks, max_segments, limit)
    if splits[0] == splits[1]:
        raise ValueError(
            f'--fit-split and --test-split are both "{splits[0]}": policies must not be fitted on the '
            "puzzles that they are scored on; name two splits"
        )
    model, _ = load_model(checkpoint, resolve_device(device))
    fit_set, test_set = (for_model(model.config, puzzles, split, limit) for split in splits)
    return logged_banks(model, fit_set, test_set, max_segments)
