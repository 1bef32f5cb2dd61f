"""The study of restarts on banks: what is chosen, and what it scores."""

from __future__ import annotations

from argparse import Namespace
from types import ModuleType

import pytest
import torch
from loading import module_of

from hrm_rl.banks.bank import Bank
from hrm_rl.banks.synthetic import Chain, generate_copies
from hrm_rl.features import SCALARS
from hrm_rl.stopping.restart_snell import fit
from hrm_rl.stopping.restarts import Problem, outcome


@pytest.fixture(scope="module")
def rules() -> ModuleType:
    return module_of("restart_rules")


def shown(bank: Bank) -> Bank:
    """With Q among scalars that say nothing else."""
    scalars_MPF = torch.zeros(*bank.correct_MP.shape, len(SCALARS))
    scalars_MPF[..., :2] = bank.columns["q"]
    bank.columns["scalars"] = scalars_MPF  # type: ignore[index]
    return bank


def test_where_starts_are_lucky_restarts_gain(rules: ModuleType) -> None:
    """Half of the copies are right at once and no other ever: four free ones, 15/16 in place of 1/2."""
    chain = Chain(4, first=0.5, hazard=0.0)
    fitted, tested = (shown(generate_copies(chain, 400, 4, seed)) for seed in (1, 2))
    asked = Namespace(
        step_cost=0.01, recall="best-q", max_segments=4, seed=0, learn=10_000, ppo=0, seeds=1
    )
    found = rules.table(3, rules.study(fitted, tested, 3, asked))
    never, snell, at, still, best, *learnt = found
    assert never["policy"].startswith("never") and never["gain"] == 0.0
    assert never["accuracy"] == pytest.approx(0.5, abs=0.1) and snell["restarts"] == 0
    assert at["policy"].startswith("restart at 1,") and at["accuracy"] > 0.9
    assert best["value"] == pytest.approx(at["value"], abs=0.01) and best["low"] > 0.3
    assert best["restarts"] == pytest.approx(7 / 8, abs=0.1)  # 1/2 + 1/4 + 1/8
    assert still["value"] <= best["value"] + 0.01
    names = ["fitted Q, seed 0", "exact gradient, seed 0", "Q-learning, seed 0"]
    assert [row["policy"] for row in learnt] == names
    misses = [best["value"] - row["value"] for row in learnt]
    assert (
        misses[0] < 0.02 and max(misses[1:]) < 0.01
    )  # least squares at a cost of 0.01: restarts.md
    assert all(row["low"] > 0.3 for row in learnt)


@pytest.mark.slow
def test_ppo_learns_to_restart(rules: ModuleType) -> None:
    """On the same copies, where the best policy restarts until it is right."""
    chain = Chain(4, first=0.5, hazard=0.0)
    fitted, tested = (generate_copies(chain, 400, 4, seed) for seed in (1, 2))
    here, there = (Problem(bank, 3, 0.05, observation="q") for bank in (fitted, tested))
    found = outcome(there, rules.learnt(fitted, here, 50_000, 0))
    best = outcome(there, fit(here))
    assert best.value == pytest.approx(1 - 1 / 16 - 0.05 * 7 / 8, abs=0.05)
    assert found.value > best.value - 0.02 and found.restarts > 0.5
