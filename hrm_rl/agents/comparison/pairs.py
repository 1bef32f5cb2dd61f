"""Two banks of one model: one to fit on, one to score on, with no puzzle in common."""

from __future__ import annotations

import torch

from hrm_rl.banks.bank import Bank, checked, log_bank
from hrm_rl.banks.files import find_bank, read_bank, read_header
from hrm_rl.checks.numbers import whole
from hrm_rl.models import Model, config_to, differences
from hrm_rl.puzzles import PuzzleSet
from hrm_rl.stopping.snell import take


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
        ValueError: no such bank, too short, of two models, or with puzzles in common; or a limit
            below 0.
    """
    limit = whole("limit", limit, low=0, cure="0 takes all")
    folders = [find_bank(fit, "fit"), find_bank(test, "test")]
    if len({read_header(folder).weights for folder in folders}) > 1:
        raise ValueError(
            f"{folders[0]} and {folders[1]} were logged from different models; what is fitted on one "
            "says nothing of the other: log both from one checkpoint"
        )
    banks = [_spread(read_bank(folder, max_segments=max_segments), limit) for folder in folders]
    check_pair(*banks)
    return banks[0], banks[1]


def check_pair(fit: Bank, test: Bank) -> None:
    """Refuse two banks of which one says nothing of the other, or says its answers.

    Raises:
        ValueError: no banks, of two models or tasks, with other columns, or with puzzles in common.
    """
    if checked(fit) is checked(test):
        raise ValueError(
            "policies must not be fitted on the puzzles that they are scored on, got one bank for "
            "both: log two splits"
        )
    if fit.config is not None and test.config is not None and fit.config != test.config:
        apart = differences(config_to(fit.config), config_to(test.config))
        raise ValueError(
            "what is fitted on one bank says nothing of the other, they are of models that differ in "
            f"{apart}: log both from one model"
        )
    for what, (mine, theirs) in {
        "other observations": (sorted(fit.columns), sorted(test.columns)),
        "other tasks": tuple(
            b.puzzles.task if b.puzzles is not None else None for b in (fit, test)
        ),
    }.items():
        if mine is not None and theirs is not None and mine != theirs:
            raise ValueError(
                f"what is fitted on one bank says nothing of the other, they are of {what} "
                f"({mine!s:.60} and {theirs!s:.60}): log both from one checkpoint"
            )
    inputs = [
        {row.tobytes() for row in b.puzzles.inputs_PL} for b in (fit, test) if b.puzzles is not None
    ]
    if len(inputs) == 2 and (shared := len(inputs[0] & inputs[1])):
        raise ValueError(
            f"{shared} puzzles are in both banks; policies must not be fitted on the puzzles that "
            "they are scored on: log two splits"
        )


def _spread(bank: Bank, limit: int) -> Bank:
    """As many puzzles, evenly spread over the bank; all if it has no more."""
    if not 0 < limit < len(bank):
        return bank
    return take(bank, torch.linspace(0, len(bank) - 1, limit).round().long())


def logged_banks(
    model: Model, fit: PuzzleSet, test: PuzzleSet, max_segments: int
) -> tuple[Bank, Bank]:
    """Two banks logged now; that for fitting of one segment more, where the paper's edge looks.

    Puzzles that are in both sets, as those of small toys may be, are left out of what is fitted on.

    Raises:
        ValueError: nothing is left to fit on.
    """
    scored = {row.tobytes() for row in test.inputs_PL}
    others = [i for i, row in enumerate(fit.inputs_PL) if row.tobytes() not in scored]
    if not others:
        raise ValueError(
            "all puzzles to fit on are among those that are scored, and policies must not be fitted "
            "on what they are scored on; name another split or another set"
        )
    if len(others) < len(fit):
        print(f"{len(fit) - len(others)} of {len(fit)} puzzles are scored too, and not fitted on")
        fit = fit.take(others)
    print(
        "logging the puzzles that policies are fitted on, then those they are scored on", flush=True
    )
    return (
        log_bank(model, fit, max_segments + 1, progress=True),
        log_bank(model, test, max_segments, progress=True),
    )
