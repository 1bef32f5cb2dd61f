"""One policy, scored exactly on a bank, in one call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hrm_rl.agents.comparison import compare
from hrm_rl.agents.comparison.entrants import entrant
from hrm_rl.agents.comparison.pairs import check_pair
from hrm_rl.agents.comparison.rows import Row
from hrm_rl.banks.bank import Bank, checked
from hrm_rl.banks.files import find_bank, read_bank
from hrm_rl.checks.numbers import real, whole
from hrm_rl.halting import Policy
from hrm_rl.stopping.exact import best_fixed

PAIRED = {"fit": "test", "test": "fit"}
"""Split -> the split that what is scored on it is fitted on."""


def score(
    policy: Policy | Any,
    bank: Bank | str | Path,
    *,
    observation: str = "",
    max_segments: int | None = None,
    step_cost: float = 0.0,
    fit_bank: Bank | str | Path | None = None,
) -> Row:
    """Accuracy where the policy halts, mean segments, and value, exactly, with intervals over puzzles.

        print(score("stable-2", "sudoku9-test", step_cost=0.01))

    All episodes of the bank's puzzles are counted, none is drawn.

    Args:
        policy: what a learner returned, or the file that it was saved in (`agents.trained`); a rule or
            its name ("q", "stable-2", "my_rules.py:Mine"); an algorithm of stable-baselines3 or the .zip
            it was saved in (its best actions); or what is called with observations and segment numbers.
        bank: the puzzles that it is scored on; or a folder, or the name of a shipped bank.
        observation: what the policy is shown, where it does not say so by an attribute of that name.
        max_segments: the horizon. Left out, all segments; of a bank that is given by name all but the
            last, since `hrm-rl bank` logs one more than its horizon.
        fit_bank: where the best fixed number of segments is found, which `gain` is over. Left out,
            it is the other half of a named pair ("sudoku9-fit" of "sudoku9-test"). Without either
            there is no gain: found on the puzzles that are scored, that number would be favoured.

    Raises:
        ValueError: no policy or bank, the two banks are no pair (`pairs.check_pair`), or a number
            is out of range.
    """
    step_cost = real("step_cost", step_cost, low=0)
    if fit_bank is None and isinstance(bank, (str, Path)):
        fit_bank = _other_half(find_bank(bank, "test"))
    scored = _read(bank, "test", max_segments)
    best_m = None
    if fit_bank is not None:
        fit = _read(fit_bank, "fit", max_segments)
        check_pair(fit, scored)
        horizon = min(fit.max_segments, scored.max_segments)
        best_m = {step_cost: best_fixed(fit.first(horizon), step_cost)[0]}
    name, kind, chosen = entrant(policy, scored, observation)
    sticks = compare.yardsticks(scored, [step_cost], best_m)
    (row,) = compare.score(scored, [(name, kind, [chosen])], sticks)
    return row if best_m else replace(row, gain={}, score={})


def _read(bank: Bank | str | Path, split: str, max_segments: int | None) -> Bank:
    if isinstance(bank, (str, Path)):
        logged = read_bank(find_bank(bank, split))
        most = max(1, logged.max_segments - 1)
    else:
        logged = checked(bank)
        most = logged.max_segments
    if max_segments is None:
        return logged.first(most)
    return logged.first(whole("max_segments", max_segments, low=1, high=logged.max_segments))


def _other_half(folder: Path) -> Path | None:
    """The bank beside it whose name ends in the other split, if there is one."""
    stem, _, split = folder.name.rpartition("-")
    other = folder.with_name(f"{stem}-{PAIRED.get(split, split)}")
    try:
        return find_bank(other) if other != folder else None
    except ValueError:
        return None
