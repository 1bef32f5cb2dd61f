"""The exact stopping gradient: Adam on the expected return itself, with no action ever drawn.

With P(halt) = sigmoid(logit_m) after segment m < M, survival S_m = prod_{j < m} (1 - P_j) and
returns r_m = 1{correct at m} - step_cost * (m - 1), a puzzle is worth

    J = sum_m S_m P_m r_m  (P_M = 1),     dJ / dlogit_m = S_m P_m (1 - P_m) (r_m - V_{m+1}),

where V_{m+1} is the value of going on. It is the policy gradient that REINFORCE estimates, without
the noise of its actions.

Source: Venkata and Bhattacharyya 2023, "Deep Recurrent Optimal Stopping" (OSPG); the loss is that of
PonderNet (arXiv 2107.05407) without its prior. Deviations:

- The network is memoryless (`recurrent_pg` is not).
- J is written down and differentiated; OSPG gets its gradient from inference in a Bayesian network.
- A bonus of `entropy` times the entropy of where an episode halts, which falls linearly to 0.
  Without it the coins of puzzles that are not solved yet are soon as good as certain, and their
  gradient, which has the factor P_m (1 - P_m), is too small to find out when to give up.

Hyperparameters: batches of 64 puzzles, learning rate 1e-2 and entropy 0.03, both falling linearly to
0, first P(halt) of 1 / max_segments.

Shapes: M segments, P puzzles, D decisions (M - 1).
"""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from hrm_rl.agents.learners.fitting import (
    descend,
    entropy_P,
    full_feedback,
    halting_MP,
    network_for,
)
from hrm_rl.agents.learners.inputs import no_progress, rare_halt, start_at
from hrm_rl.agents.learners.policies import ChancePolicy
from hrm_rl.checks.numbers import real
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.training.episode_losses import expected


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    batch: int = 64,
    lr: float = 1e-2,
    entropy: float = 0.03,
) -> ChancePolicy:
    """Climb the exact value on the environment's bank (`fitting.full_feedback`)."""
    entropy = real("entropy", entropy, low=0)
    seen = full_feedback(env, steps, seed, lr)
    network = start_at(network_for(seen, 1, seed), rare_halt(seen.max_segments))
    descend(
        network,
        lambda part, left: exact_loss(
            network(part.decisions_DPF)[..., 0], part.returns_MP, left * entropy
        ),
        seen, steps=steps, batch=batch, seed=seed, lr=lr, progress=progress,
    )  # fmt: skip
    return ChancePolicy(network, env.config.observation, env.config.time_aware)


def exact_loss(
    logit_DP: Float[Tensor, "D P"], returns_MP: Float[Tensor, "M P"], entropy: float = 0.0
) -> Float[Tensor, ""]:
    """The negative of the mean over puzzles of J + entropy * H(where the episode halts)."""
    value_P = expected(halting_MP(logit_DP).mT, returns_MP.mT)
    return -(value_P + entropy * entropy_P(logit_DP)).mean()
