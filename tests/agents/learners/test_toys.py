"""Toys whose best policy is known: halt after as many segments as the rating says, or give up at once.

Nothing is estimated here: values are equal to what can be written down.
"""

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from hrm_rl.agents.learners import learner
from hrm_rl.agents.rules import rule
from hrm_rl.banks.bank import Bank, log_bank, play
from hrm_rl.envs import ENV_ARGUMENTS
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.halting import Policy
from hrm_rl.models.checkpoint import load_model
from hrm_rl.puzzles.source import source

M = 16
COSTS: Mapping[str, float] = {"parity16": 0.1, "life8": 0.2}
"""Segments cost so much that the longest puzzles are not worth it."""
IDS = {"parity16": "HRMParity-v0", "life8": "HRMLife-v0"}


def bank_of(task: str) -> Bank:
    model, _ = load_model(ENV_ARGUMENTS[IDS[task]]["checkpoint"])
    return log_bank(model, source(f"{task}:300:0", "test"), M)


def environment(task: str, **arguments: Any) -> HaltingVectorEnv:
    checkpoint = ENV_ARGUMENTS[IDS[task]]["checkpoint"]
    named = {"puzzles": f"{task}:300:0", "step_cost": COSTS[task], "max_segments": M}
    return HaltingVectorEnv(
        64, checkpoint=checkpoint, autoreset_mode="SameStep", **(named | arguments)
    )


def value(bank: Bank, policy: Policy, task: str) -> float:
    return play(bank, policy).value_P(COSTS[task]).mean().item()


def at_rating(bank: Bank, task: str) -> torch.Tensor:
    """Return of each puzzle if it is thought through, however long that takes."""
    return 1 - COSTS[task] * (bank.rating_P.double() - 1)


@pytest.mark.parametrize("task", COSTS)
@pytest.mark.parametrize("name", ["q", "trm", "confidence"])
def test_rules_that_see_the_end_halt_at_the_rating_and_never_give_up(task: str, name: str) -> None:
    bank = bank_of(task)
    assert torch.equal(play(bank, rule(name)).segment_P, bank.rating_P.to(torch.int64))
    assert value(bank, rule(name), task) == pytest.approx(at_rating(bank, task).mean().item())


@pytest.mark.parametrize("task", COSTS)
@pytest.mark.parametrize("patience", [1, 2, 3])
def test_waiting_until_nothing_changes_costs_just_the_wait(task: str, patience: int) -> None:
    bank = bank_of(task)
    halted = play(bank, rule(f"stable-{patience}"))
    assert halted.correct_P.all()
    assert torch.equal(halted.segment_P, (bank.rating_P + patience).clamp(max=M))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "name", "steps"),
    [
        ("parity16", "lsmc", 1),
        ("life8", "lsmc", 1),
        ("parity16", "act_q", 20_000),
        pytest.param("life8", "act_q", 20_000, marks=pytest.mark.slow),
    ],
)
def test_a_learner_finds_the_best_policy_there_is(task: str, name: str, steps: int) -> None:
    """Fitted on one split, on the environment itself, it is best on every puzzle of another."""
    policy = learner(name)(environment(task), steps=steps, seed=0)
    bank = bank_of(task)
    best_P = at_rating(bank, task).clamp(min=0)
    assert (at_rating(bank, task) < 0).any()
    value_P = play(bank, policy).value_P(COSTS[task])
    torch.testing.assert_close(value_P, best_P, rtol=0, atol=1e-9)


def test_what_takes_longer_than_there_is_time_is_given_up_at_once() -> None:
    """At a small price everything is worth its segments but what does not end within eight."""
    bank = bank_of("parity16").first(8)
    env = environment("parity16", step_cost=0.02, max_segments=8)
    halted = play(bank, learner("exact_pg")(env, steps=100_000, seed=0))
    possible_P = bank.rating_P <= 8
    best = torch.where(possible_P, 1 - 0.02 * (bank.rating_P.double() - 1), 0.0).mean().item()
    assert best - 0.01 < halted.value_P(0.02).mean().item() <= best + 1e-9
