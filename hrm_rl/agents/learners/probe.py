"""Supervised probe "right now": logistic regression of correctness, over all segments of a bank.

BCE(q(o_m), 1{correct at m}) for m = 1 .. M - 1; halt where P(correct now) exceeds `threshold`. It
knows no future: at a step cost it never gives up. A strong baseline where correctness is visible.

Source: the correctness probes of early exits, such as the learned classifier of CALM (Schuster et
al. 2022, arXiv 2207.07061). Deviation: a network of two hidden layers, as every learner here has.

Hyperparameters: threshold 1/2, batches of 64 puzzles, learning rate 3e-3 falling linearly to 0.

Shapes: D decisions (M - 1), P puzzles.
"""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Bool, Float
from torch import Tensor

from hrm_rl.agents.learners.fitting import descend, full_feedback, network_for
from hrm_rl.agents.learners.inputs import no_progress
from hrm_rl.agents.learners.policies import ChancePolicy
from hrm_rl.checks.numbers import real
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.training import q_targets


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    batch: int = 64,
    lr: float = 3e-3,
    threshold: float = 0.5,
) -> ChancePolicy:
    """Fit P(correct now) on the environment's bank (`fitting.full_feedback`)."""
    threshold = real("threshold", threshold, low=0, high=1)
    seen = full_feedback(env, steps, seed, lr)
    network = network_for(seen, 1, seed)
    descend(
        network,
        lambda part, left: probe_loss(
            network(part.decisions_DPF)[..., 0], part.correct_MP[: seen.max_segments - 1]
        ),
        seen, steps=steps, batch=batch, seed=seed, lr=lr, progress=progress,
    )  # fmt: skip
    return ChancePolicy(network, env.config.observation, env.config.time_aware, threshold)


def probe_loss(
    logit_DP: Float[Tensor, "D P"], correct_DP: Bool[Tensor, "D P"]
) -> Float[Tensor, ""]:
    """Mean BCE over segments and puzzles."""
    return q_targets.q_loss(logit_DP.flatten(), q_targets.halt_target(correct_DP.flatten())).mean()
