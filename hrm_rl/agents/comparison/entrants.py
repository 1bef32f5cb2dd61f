"""Whatever can be scored on a bank, as a policy with a name: the one list of what that is.

Shapes: B puzzles, F features.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.agents.learners.policies import QPolicy
from hrm_rl.agents.rules import rule
from hrm_rl.agents.saved import read_network, seen_by
from hrm_rl.agents.trained import check_fits, is_saved, load_policy
from hrm_rl.banks.bank import Bank
from hrm_rl.halting import Policy


@dataclass(frozen=True)
class Called:
    """A function that says nothing of what it sees, with what it is to be shown."""

    function: Callable[[Tensor, Tensor], Tensor]
    observation: str

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        return self.function(obs_BF, m_B)


def entrant(policy: Any, bank: Bank, observation: str = "") -> tuple[str, str, Policy]:
    """Its name, its kind in a table (`rows.KINDS`), and the policy itself.

    Args:
        policy: a rule or its name, or where it is in a file ("my_rules.py:Settled"); what a learner
            returned, or the file that it was saved in; an algorithm of stable-baselines3, or the .zip
            that it was saved in (its best actions); or a function of observations and segment numbers.
        observation: what a function, or an algorithm whose width fits several, is shown.

    Raises:
        ValueError: no such rule, a file that is none, or what saw something else than the bank shows.
    """
    if is_saved(policy):
        check_fits(policy, bank, bank.max_segments)
        return Path(policy).stem, "learner", load_policy(policy)
    if isinstance(policy, os.PathLike) or (isinstance(policy, str) and policy.endswith(".zip")):
        network, width = read_network(policy)
        seen, time_aware = _seen(width, bank, observation)
        return Path(policy).stem, "learner", QPolicy(network, seen, time_aware)
    if isinstance(policy, str):
        return policy, "fixed" if policy.startswith("fixed") else "rule", rule(policy)
    if any(base.__module__.startswith("stable_baselines3.") for base in type(policy).__mro__):
        return type(policy).__name__, "learner", _of_sb3(policy, bank, observation)
    kind = "rule" if type(policy).__module__.startswith("hrm_rl.agents.rules.") else "learner"
    name = getattr(policy, "__name__", type(policy).__name__)
    if observation and callable(policy) and not hasattr(policy, "observation"):
        policy = Called(policy, observation)
    return name, kind, policy


def _seen(width: int, bank: Bank, observation: str) -> tuple[str, bool]:
    """`saved.seen_by` of what the bank holds."""
    widths = {name: part.shape[-1] for name, part in bank.columns.items()}
    if "scalars" in widths:
        widths.setdefault("q", 2)
    return seen_by(width, widths, observation)


def _of_sb3(algorithm: Any, bank: Bank, observation: str) -> Policy:
    """An algorithm as a policy that sees what it was trained on, which its width tells."""
    from hrm_rl.agents.sb3 import SB3Policy as plain

    width = (getattr(algorithm.observation_space, "shape", None) or (0,))[-1]
    seen, time_aware = _seen(width, bank, observation)
    make: Callable[..., Policy] = plain
    if hasattr(algorithm.policy, "lstm_actor"):
        from hrm_rl.agents.learners.recurrent_ppo import RecurrentPolicy as make
    return make(algorithm, seen, time_aware)
