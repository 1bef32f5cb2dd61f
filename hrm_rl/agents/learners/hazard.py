"""Supervised probe "right within k more segments", and a look ahead of that far.

A network says when the answer is first right, counted from now: a distribution f over 0 (now), 1,
.. k segments more, and "not within k", learnt by cross-entropy over all segments of a bank. One who
goes on until it is right, for at most k more, is worth

    sum_{j = 1 .. k} f_j (1 - step_cost * j) + f_0 (1 - step_cost) - f_not * step_cost * k,

one who halts f_0; halt where that is at least as much. For k = 1 this is the one-step look-ahead:
go on while the hazard f_1 exceeds the step cost, which is optimal where right answers stay right,
one sees what matters, and the hazard never rises. For k > 1 it is hopeful: it counts on seeing the
answer become right.

Source: discrete-time survival analysis (Cox 1972), one-step look-ahead (Chow and Robbins 1963).
Deviations: "not within k" costs no more segments than there are left.

Hyperparameters: k = 1, batches of 64 puzzles, learning rate 3e-3 falling linearly to 0.

Shapes: D decisions (M - 1), P puzzles, B rows, F features, K outcomes (k + 2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm_rl.agents.learners.fitting import descend, full_feedback, network_for
from hrm_rl.agents.learners.inputs import no_progress
from hrm_rl.checks.numbers import whole
from hrm_rl.envs.vector import HaltingVectorEnv


@dataclass(frozen=True)
class HazardPolicy:
    """Halt where being right now is worth at least the look ahead."""

    network: nn.Module
    """Observation (B, F) -> (B, K), logits of when it is first right."""
    observation: str
    max_segments: int
    step_cost: float
    time_aware: bool = True

    @torch.no_grad()
    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        first_BK = self.network(obs_BF).softmax(-1)
        return first_BK[:, 0] >= ahead(first_BK, self.max_segments - m_B, self.step_cost)


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    batch: int = 64,
    lr: float = 3e-3,
    k: int = 1,
) -> HazardPolicy:
    """Fit when the answer is first right on the environment's bank (`fitting.full_feedback`).

    Raises:
        ValueError: k < 1.
    """
    k = whole("k", k, low=1, cure="`probe` looks at the present alone")
    seen = full_feedback(env, steps, seed, lr)
    network = network_for(seen, k + 2, seed)
    descend(
        network,
        lambda part, left: nn.functional.cross_entropy(
            network(part.decisions_DPF).flatten(0, 1),
            first_right(part.correct_MP[: seen.max_segments], k).flatten(),
        ),
        seen, steps=steps, batch=batch, seed=seed, lr=lr, progress=progress,
    )  # fmt: skip
    config = env.config
    return HazardPolicy(
        network, config.observation, config.max_segments, config.step_cost, config.time_aware
    )


def first_right(correct_MP: Bool[Tensor, "M P"], k: int) -> Int[Tensor, "D P"]:
    """At each decision, in how many segments the answer is first right; k + 1: not within k."""
    M = len(correct_MP)
    first_DP = torch.full_like(correct_MP[:-1], k + 1, dtype=torch.long)
    for j in range(min(k, M - 1), -1, -1):
        later_XP = correct_MP[j:][: M - 1]
        first_DP[: len(later_XP)][later_XP] = j
    return first_DP


def ahead(
    first_BK: Float[Tensor, "B K"], left_B: Int[Tensor, " B"], step_cost: float
) -> Float[Tensor, " B"]:
    """Value of going on until the answer is right, for at most k of the `left` segments."""
    k = first_BK.shape[1] - 2
    wait_K = torch.tensor([1, *range(1, k + 1), k], device=first_BK.device)
    wait_BK = torch.minimum(wait_K, left_B[:, None])
    gain_BK = 1 - step_cost * wait_BK
    gain_BK[:, -1] -= 1
    return (first_BK * gain_BK).sum(-1)
