"""Every learner finds the known optimum, by one signature, and obeys its seed."""

from collections.abc import Callable

import pytest
import torch
from scripted import PUZZLES, Scripted
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.base_class import BaseAlgorithm

from hrm_rl.agents.inputs import standardise
from hrm_rl.agents.learner import LEARNERS, learner
from hrm_rl.agents.sb3_learners import sb3_learner
from hrm_rl.bank import log_bank, play
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.halting import Policy

M = 8
SMALL: dict[str, dict[str, int]] = {
    "q": {},
    "ppo": {"rollout": 32, "batch_size": 32},
    "a2c": {"rollout": 32},
    "dqn": {"learning_starts": 16},
}
"""Settings with which 64 decisions are enough to learn something."""


def scripted_env(right_from: int, slots: int = 32, **settings: object) -> HaltingVectorEnv:
    return HaltingVectorEnv(
        slots,
        model=Scripted(right_from=[right_from] * len(PUZZLES)),
        puzzles=PUZZLES,
        max_segments=M,
        step_cost=0.02,
        autoreset_mode="SameStep",
        **settings,
    )


def halts_at(policy: Policy, right_from: int) -> set[int]:
    """Segments at which the policy halts on the scripted model, whose puzzles are all alike."""
    bank = log_bank(Scripted(right_from=[right_from] * len(PUZZLES)), PUZZLES, M)
    return set(play(bank, policy).segment_P.tolist())


@pytest.mark.parametrize(
    ("name", "right_from"), [("q", 2), ("q", 6), ("ppo", 5), ("a2c", 3), ("dqn", 4)]
)
def test_finds_the_first_right_segment(name: str, right_from: int) -> None:
    """Right from segment k on, and the Q-head says so: to halt at k is best, and all find it."""
    policy = learner(name)(scripted_env(right_from), steps=6000, seed=0)
    assert halts_at(policy, right_from) == {right_from}


@pytest.mark.parametrize("name", ["ppo", "dqn"])
def test_one_seed_gives_one_policy(name: str) -> None:
    def learned(seed: int) -> torch.Tensor:
        policy = learner(name, **SMALL[name])(scripted_env(2, slots=4), steps=64, seed=seed)
        return torch.nn.utils.parameters_to_vector(policy.algorithm.policy.parameters())

    first = learned(0)
    assert torch.equal(first, learned(0))
    assert not torch.equal(first, learned(1))


@pytest.mark.parametrize(("algorithm", "batch"), [(PPO, {"batch_size": 8}), (A2C, {})])
def test_an_untrained_actor_sees_late_segments(
    algorithm: type[BaseAlgorithm], batch: dict[str, int]
) -> None:
    """P(halt) of about 1 / max_segments, so that an episode is not over after two segments."""
    learn = sb3_learner(algorithm, rollout=8, learning_rate=0.0, **batch)
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


@pytest.mark.parametrize("name", ["q", "ppo", "dqn"])
def test_learns_on_a_bank_what_it_learns_live(name: str) -> None:
    """Same observations and rewards, so the same numbers, to the last bit."""
    bank = log_bank(Scripted(right_from=[3] * len(PUZZLES)), PUZZLES, M)

    def learned(**settings: object) -> torch.Tensor:
        env = scripted_env(3, slots=4, **settings)
        policy = learner(name, **SMALL[name])(env, steps=64, seed=0)
        module = policy.network if name == "q" else policy.algorithm.policy
        return torch.nn.utils.parameters_to_vector(module.parameters())

    assert torch.equal(learned(), learned(bank=bank))


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_progress_adds_up_to_the_decisions(name: str) -> None:
    told: list[int] = []
    tell: Callable[[int], None] = told.append
    learner(name, **SMALL[name])(scripted_env(2, slots=4), steps=64, seed=0, progress=tell)
    assert sum(told) == 64


def test_unknown_learner_is_refused() -> None:
    with pytest.raises(ValueError, match='no learner "qq"; there are q, ppo, a2c, dqn'):
        learner("qq")
