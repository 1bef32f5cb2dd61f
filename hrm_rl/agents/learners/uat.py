"""A bandit over thresholds, which learns online and without labels.

Every puzzle that comes is one pull: an arm, a threshold of the Q-head's P = sigmoid(Q_halt), plays it to
its halt at segment m and is paid

    P at the halt - step cost * (m - 1),

what the answer is thought to be worth; whether it is right is never looked at. The arm of the next puzzle is
that of the highest upper confidence bound, `ucb1`. What is learned is the arm with the highest mean. It is
as good as P is: where P is calibrated at the halt, the mean reward of an arm is its value. A P that does not
know that earlier ones were low is not, since the first high one is then too high.

Source: UAT (Bajpai and Hanawal 2025, arXiv 2509.23666), of which the bandit over thresholds is, its upper
confidence bound, and a reward of certainty and its reliability less a penalty for late exits. Deviation:
there a function of how reliable a certainty is is trained beforehand; here the Q-head, which was trained
for that, is both.

Hyperparameters: 19 thresholds from 0.05 to 0.95, exploration 1 (UCB1 has it for rewards in [0, 1]).

Shapes: A arms, M segments, D decisions (M - 1), P puzzles.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log, sqrt

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hrm_rl.agents.learners.inputs import asked, logged, no_progress
from hrm_rl.agents.rules.basic import QThreshold
from hrm_rl.banks.bank import Bank, observe
from hrm_rl.checks.numbers import real
from hrm_rl.envs.vector import HaltingVectorEnv

ARMS: tuple[float, ...] = tuple(i / 20 for i in range(1, 20))
"""Thresholds."""


def ucb1(mean: float, pulls: int, pulls_of_all: int, exploration: float = 1.0) -> float:
    """mean + exploration * sqrt(2 ln t / n): the upper confidence bound of an arm pulled n of t times.

    Infinite before its first pull. Source: UCB1 (Auer, Cesa-Bianchi and Fischer 2002).
    """
    if not pulls:
        return inf
    return mean + exploration * sqrt(2 * log(pulls_of_all) / pulls)


def played(
    p_MP: Float[Tensor, "M P"], step_cost: float, arms: tuple[float, ...] = ARMS
) -> tuple[Int[Tensor, "A P"], Float[Tensor, "A P"]]:
    """Where each arm halts each puzzle, from 1, and what it is paid there."""
    forced_1P = torch.ones_like(p_MP[:1], dtype=torch.bool)
    halts = [torch.cat([p_MP[:-1] > arm, forced_1P]).int().argmax(0) for arm in arms]
    at_AP = torch.stack(halts)
    return at_AP + 1, p_MP.gather(0, at_AP) - step_cost * at_AP


def bandit(
    segment_AP: Int[Tensor, "A P"],
    reward_AP: Float[Tensor, "A P"],
    max_segments: int,
    *,
    steps: int,
    seed: int,
    exploration: float = 1.0,
) -> tuple[list[float], list[int]]:
    """Mean reward and pulls of each arm, after puzzles with `steps` decisions in all.

    They come in a random order, and again in another one when all have come.
    """
    cost_PA = segment_AP.clamp(max=max_segments - 1).T.tolist()
    paid_PA = reward_AP.T.tolist()
    generator = torch.Generator().manual_seed(seed)
    arms = range(len(segment_AP))
    mean, pulls, left = [0.0] * len(arms), [0] * len(arms), steps
    coming: list[int] = []
    for t in range(steps):
        if left <= 0:
            break
        coming = coming or torch.randperm(len(paid_PA), generator=generator).tolist()
        puzzle = coming.pop()
        arm = max(arms, key=lambda a: ucb1(mean[a], pulls[a], t, exploration))
        pulls[arm] += 1
        mean[arm] += (paid_PA[puzzle][arm] - mean[arm]) / pulls[arm]
        left -= cost_PA[puzzle][arm]
    return mean, pulls


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    exploration: float = 1.0,
) -> QThreshold:
    """Play the puzzles of the environment's bank (`inputs.logged`), one at a time."""
    asked(env, steps, seed)
    exploration = real("exploration", exploration, low=0)
    config = env.config
    p_MP = _probabilities(logged(env).first(config.max_segments), config.observation)
    segment_AP, reward_AP = played(p_MP, config.step_cost)
    mean, pulls = bandit(
        segment_AP, reward_AP, config.max_segments, steps=steps, seed=seed, exploration=exploration
    )
    progress(steps)
    best = max(range(len(ARMS)), key=lambda arm: mean[arm] if pulls[arm] else -inf)
    return QThreshold(ARMS[best], config.observation)


def _probabilities(bank: Bank, observation: str) -> Float[Tensor, "M P"]:
    """sigmoid of the first column of what is seen."""
    seen = [observe(bank, observation, m, False)[:, 0] for m in range(1, bank.max_segments + 1)]
    return torch.stack(seen).double().sigmoid()
