"""Every learner finds the known optimum, by one signature, and obeys its seed."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from scripted import PUZZLES, Scripted
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.base_class import BaseAlgorithm

from hrm_rl.agents.learners import LEARNERS, learner
from hrm_rl.agents.learners.inputs import standardise
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.learners.sb3 import sb3_learner
from hrm_rl.banks.bank import log_bank, observe, play
from hrm_rl.banks.synthetic import bank_a, bank_c
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.halting import Policy

M = 8
SMALL: dict[str, dict[str, int]] = {
    "act_q": {},
    "ppo": {"rollout": 32, "batch_size": 32},
    "a2c": {"rollout": 32},
    "dqn": {"learning_starts": 16},
    "recurrent_ppo": {"rollout": 32, "batch_size": 32},
}
"""Settings with which 64 decisions are enough to learn something."""


def scripted_env(right_from: int, slots: int = 32, **settings: object) -> HaltingVectorEnv:
    model = None if "bank" in settings else Scripted(right_from=[right_from] * len(PUZZLES))
    return HaltingVectorEnv(
        slots,
        model=model,
        puzzles=PUZZLES,
        max_segments=M,
        step_cost=0.02,
        autoreset_mode="SameStep",
        **settings,
    )


def module_of(policy: Any) -> torch.nn.Module:
    """What has the learned parameters."""
    return policy.network if hasattr(policy, "network") else policy.algorithm.policy


def halts_at(policy: Policy, right_from: int) -> set[int]:
    """Segments at which the policy halts on the scripted model, whose puzzles are all alike."""
    bank = log_bank(Scripted(right_from=[right_from] * len(PUZZLES)), PUZZLES, M)
    return set(play(bank, policy).segment_P.tolist())


@pytest.mark.parametrize(
    ("name", "right_from"),
    [
        ("act_q", 2), ("act_q", 6), ("halt_bce", 4), ("ppo", 5), ("a2c", 3), ("dqn", 4), ("full_q", 3),
        ("fqi", 5), ("lsmc", 4), ("tvr", 3), ("exact_pg", 5), ("recurrent_pg", 4),
         ("reinforce", 3), ("grpo", 4), ("ponder", 3), ("graves", 4), ("probe", 6), ("hazard", 2),
         ("reforc", 5), ("uat", 4),
    ],
)  # fmt: skip
def test_finds_the_first_right_segment(name: str, right_from: int) -> None:
    """Right from segment k on, and the Q-head says so: to halt at k is best, and all find it."""
    policy = learner(name)(scripted_env(right_from), steps=6000, seed=0)
    assert halts_at(policy, right_from) == {right_from}


CLOSED = {"lsmc", "tvr", "reforc", "conformal", "conditional", "e_process", "uat"}
"""Learners without a network; the last five have tests of their own."""


@pytest.mark.parametrize("name", sorted(LEARNERS.keys() - CLOSED))
def test_one_seed_gives_one_policy(name: str) -> None:
    def learned(seed: int) -> torch.Tensor:
        made = learner(name, **SMALL.get(name, {}))
        policy = made(scripted_env(2, slots=4), steps=64, seed=seed)
        return torch.nn.utils.parameters_to_vector(module_of(policy).parameters())

    first = learned(0)
    assert torch.equal(first, learned(0))
    assert not torch.equal(first, learned(1))


@pytest.mark.parametrize("name", sorted(LEARNERS.keys() - CLOSED))
def test_inside_a_callers_autocast_it_learns_the_same(name: str) -> None:
    """Where torch keeps the casts of the first weights until the caller's block ends."""

    def learned() -> torch.Tensor:
        policy = learner(name, **SMALL.get(name, {}))(scripted_env(2, slots=4), steps=64, seed=0)
        return torch.nn.utils.parameters_to_vector(module_of(policy).parameters())

    plain = learned()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(learned(), plain)


@pytest.mark.parametrize("name", ["lsmc", "tvr"])
def test_one_seed_gives_one_solution(name: str) -> None:
    """In closed form: the seed draws the features."""
    bank = bank_c(200, 5)
    obs_BF = torch.cat([observe(bank, "o", m) for m in range(1, 5)])
    m_B = torch.arange(1, 5).repeat_interleave(200)

    def solved(seed: int) -> torch.Tensor:
        env = play_on(bank, observation="o", step_cost=0.02)
        policy: Any = learner(name)(env, steps=1, seed=seed)
        return policy.values(obs_BF, m_B)

    first = solved(0)
    assert torch.equal(first, solved(0))
    assert not torch.equal(first, solved(1))


@pytest.mark.parametrize(("algorithm", "batch"), [(PPO, {"batch_size": 8}), (A2C, {})])
def test_an_untrained_actor_sees_late_segments(
    algorithm: type[BaseAlgorithm], batch: dict[str, int]
) -> None:
    """P(halt) of about 1 / max_segments, so that an episode is not over after two segments."""
    learn = sb3_learner(algorithm, rollout=8, learning_rate=1e-12, **batch)
    policy = learn(scripted_env(2, slots=4), steps=8, seed=0)
    obs, _ = scripted_env(2, slots=4).reset(seed=0)
    distribution = policy.algorithm.policy.get_distribution(torch.as_tensor(obs))
    assert distribution.distribution.probs[:, 1].tolist() == pytest.approx([1 / M] * 4, abs=0.01)


def test_standardised_inputs_have_mean_0_and_deviation_1() -> None:
    """Over the decisions of the first puzzle of each slot: segments 1 to M - 1."""
    env = scripted_env(3, slots=4)
    standard = standardise(env, seed=0)
    obs, _ = env.reset(seed=0)
    seen = [torch.as_tensor(obs)]
    for _ in range(M - 2):
        seen.append(torch.as_tensor(env.step([0] * 4)[0]))
    scaled = standard(torch.cat(seen)).double()
    varies = torch.cat(seen).std(0) > 1e-6
    torch.testing.assert_close(
        scaled.mean(0), torch.zeros(scaled.shape[1]).double(), atol=1e-5, rtol=0
    )
    deviations = scaled.std(0, correction=0)
    torch.testing.assert_close(deviations, varies.double(), atol=1e-4, rtol=0)


def test_standardised_inputs_are_bounded() -> None:
    standard = standardise(scripted_env(3, slots=4), seed=0)
    far = torch.full((1, len(standard.mean_F)), 1e9)
    assert standard(far).max() == 10 and standard(-far).min() == -10


@pytest.mark.parametrize("name", ["act_q", "halt_bce", "ppo", "dqn", "exact_pg", "full_q"])
def test_learns_on_a_bank_what_it_learns_live(name: str) -> None:
    """Same observations and rewards, so the same numbers, to the last bit."""
    bank = log_bank(Scripted(right_from=[3] * len(PUZZLES)), PUZZLES, M)

    def learned(**settings: object) -> torch.Tensor:
        env = scripted_env(3, slots=4, **settings)
        policy = learner(name, **SMALL.get(name, {}))(env, steps=64, seed=0)
        return torch.nn.utils.parameters_to_vector(module_of(policy).parameters())

    assert torch.equal(learned(), learned(bank=bank))


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_progress_adds_up_to_the_decisions(name: str) -> None:
    told: list[int] = []
    tell: Callable[[int], None] = told.append
    made = learner(name, **SMALL.get(name, {}))
    made(scripted_env(2, slots=4), steps=64, seed=0, progress=tell)
    assert sum(told) == 64


def test_a_bank_is_an_environment_to_learn_in() -> None:
    """All of its segments, or fewer; `slots` puzzles at a time."""
    bank = bank_a(30, 6)
    env = play_on(bank, observation="o", step_cost=0.1, slots=3)
    assert env.config.max_segments == 6 and env.num_envs == 3 and env.config.step_cost == 0.1
    obs, info = env.reset(seed=0)
    assert obs[:, 0].tolist() == bank.correct_MP[0, info["puzzle_id"]].float().tolist()
    assert play_on(bank, observation="o", max_segments=4).config.max_segments == 4
    with pytest.raises(ValueError, match="max_segments"):
        play_on(bank, observation="o", max_segments=7)


def test_unknown_learner_is_refused() -> None:
    with pytest.raises(
        ValueError, match='no learner "qq"; there are act_q, halt_bce, ppo, a2c, dqn, '
    ):
        learner("qq")
