"""TRM's halting: one output that says whether the answer is right, learnt where the policy goes.

After every segment that is visited: BCE(q(o_m), 1{correct at m}) / 2; halt where the logit is above
0. No second output, no bootstrap, no second forward.

Source: Jolicoeur-Martineau 2025 (TRM, arXiv 2510.04871). It takes no account of a step cost, and
never gives up: puzzles that stay unsolved run to the end. Deviations: half of the episodes explore
(a tenth in TRM), with one minimum for an episode (TRM draws one for each segment); the logit starts
at -5, as HRM's do; the learning rate falls linearly to 0. `probe` is the same on all segments of a
bank, also those that the policy would not get to.

Hyperparameters: learning rate 3e-3, exploration 1/2, one update per step of all slots.

Shapes: B slots.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hrm_rl.agents.learners.inputs import asked, mlp, no_progress, standardise, start_at
from hrm_rl.agents.learners.policies import ChancePolicy
from hrm_rl.agents.learners.walking import walk
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.training import q_targets


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    explore_probability: float = 0.5,
    lr: float = 3e-3,
) -> ChancePolicy:
    """Fit the output to the environment by one gradient step per step of all its slots.

    Raises:
        ValueError: the environment is not in mode SameStep, or pays for something else than being right.
    """
    asked(env, steps, seed, lr)
    standard = standardise(env, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = start_at(mlp(standard, 1), -5.0).to(standard.mean_F.device)
    updates = -(-steps // env.num_envs)
    optimizer = torch.optim.Adam(network.parameters(), lr)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, updates)
    for decision in walk(
        env, lambda obs_BF: network(obs_BF)[:, 0] > 0, updates=updates, seed=seed,
        explore_probability=explore_probability, progress=progress,
    ):  # fmt: skip
        loss = halt_loss(network(decision.obs_BF)[:, 0], decision.correct_B)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
    network.requires_grad_(False).cpu()
    return ChancePolicy(network, env.config.observation, env.config.time_aware)


def halt_loss(logit_B: Float[Tensor, " B"], correct_B: Bool[Tensor, " B"]) -> Float[Tensor, ""]:
    """Half the mean BCE (the weight that TRM gives it beside its cross-entropy)."""
    return q_targets.q_loss(logit_B, q_targets.halt_target(correct_B)).mean() / 2
