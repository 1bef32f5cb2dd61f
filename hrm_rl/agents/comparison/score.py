"""One policy, scored exactly on a bank, in one call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hrm_rl.agents.comparison import compare
from hrm_rl.agents.comparison.pairs import check_pair
from hrm_rl.agents.comparison.rows import Row
from hrm_rl.agents.rules import rule
from hrm_rl.banks.bank import Bank, checked
from hrm_rl.banks.files import find_bank, read_bank
from hrm_rl.checks.numbers import real
from hrm_rl.halting import Policy
from hrm_rl.stopping.exact import best_fixed

PAIRED = {"fit": "test", "test": "fit"}
"""Split -> the split that what is scored on it is fitted on."""


def score(
    policy: Policy | Any,
    bank: Bank | str | Path,
    *,
    step_cost: float = 0.0,
    fit_bank: Bank | str | Path | None = None,
) -> Row:
    """Accuracy where the policy halts, mean segments, and value, exactly, with intervals over puzzles.

        print(score("stable-2", "sudoku9-test", step_cost=0.01))

    All segments of the bank may be used: `bank.first(16)` is the problem with at most 16. Of a bank
    that is given by name the last segment is left out: `hrm-rl bank` logs one more than its horizon.

    Args:
        policy: what a learner returned, a rule or its name ("q", "stable-2"), an algorithm of
            stable-baselines3 (its best actions), or anything that is called with observations and
            segment numbers and says what it sees by `observation`.
        bank: the puzzles that it is scored on; or a folder, or the name of a shipped bank.
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
    scored = _read(bank, "test")
    best_m = None
    if fit_bank is not None:
        fit = _read(fit_bank, "fit")
        check_pair(fit, scored)
        horizon = min(fit.max_segments, scored.max_segments)
        best_m = {step_cost: best_fixed(fit.first(horizon), step_cost)[0]}
    name, kind, chosen = _policy(policy, scored)
    sticks = compare.yardsticks(scored, [step_cost], best_m)
    (row,) = compare.score(scored, [(name, kind, [chosen])], sticks)
    return row if best_m else replace(row, gain={}, score={})


def _read(bank: Bank | str | Path, split: str) -> Bank:
    if isinstance(bank, (str, Path)):
        logged = read_bank(find_bank(bank, split))
        return logged.first(max(1, logged.max_segments - 1))
    return checked(bank)


def _other_half(folder: Path) -> Path | None:
    """The bank beside it whose name ends in the other split, if there is one."""
    stem, _, split = folder.name.rpartition("-")
    other = folder.with_name(f"{stem}-{PAIRED.get(split, split)}")
    try:
        return find_bank(other) if other != folder else None
    except ValueError:
        return None


def _policy(policy: Any, bank: Bank) -> tuple[str, str, Policy]:
    """Its name, its kind in a table, and the policy itself."""
    if isinstance(policy, str):
        return policy, "fixed" if policy.startswith("fixed") else "rule", rule(policy)
    if any(base.__module__.startswith("stable_baselines3.") for base in type(policy).__mro__):
        return type(policy).__name__, "learner", _of_sb3(policy, bank)
    kind = "rule" if type(policy).__module__.startswith("hrm_rl.agents.rules.") else "learner"
    return getattr(policy, "__name__", type(policy).__name__), kind, policy


def _of_sb3(algorithm: Any, bank: Bank) -> Policy:
    """An algorithm as a policy that sees what it was trained on, which its width tells."""
    from hrm_rl.agents.sb3 import SB3Policy

    width = (getattr(algorithm.observation_space, "shape", None) or (0,))[-1]
    widths = {name: part.shape[-1] for name, part in bank.columns.items()}
    if "scalars" in widths:
        widths.setdefault("q", 2)
    for name, columns in widths.items():
        for time_aware in (True, False):
            if columns + time_aware == width:
                return _wrapped(SB3Policy, algorithm, name, time_aware)
    raise ValueError(
        f"the algorithm sees {width} numbers, and the bank has {widths}, each with or without the "
        "segment number; score it on a bank with the observation that it was trained on"
    )


def _wrapped(plain: Any, algorithm: Any, observation: str, time_aware: bool) -> Policy:
    if hasattr(algorithm.policy, "lstm_actor"):
        from hrm_rl.agents.learners.recurrent_ppo import RecurrentPolicy as plain
    policy: Policy = plain(algorithm, observation, time_aware)
    return policy
