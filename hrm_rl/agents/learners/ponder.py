"""PonderNet: the exact expected return of a halting distribution, drawn to a prior.

With p_m the probability of halting after segment m (`exact_pg`), Adam on

    sum_m p_m (1 - 1{correct at m} + step_cost * (m - 1)) + beta * KL(p || prior),

where the prior is a geometric distribution of rate lambda_p, cut off at max_segments and normalised
(mean about 1 / lambda_p), or uniform, which makes the KL an entropy bonus. beta = 0 is `exact_pg`.

Sources: Banino et al. 2021 (PonderNet, arXiv 2107.05407); the uniform prior: Zhu et al. 2025 (Ouro,
arXiv 2510.25741). Deviations: the loss of an answer is 1{wrong}, since a frozen model's answers
can't be bettered; it unrolls all segments, where PonderNet stops when 0.95 are halted; a step cost
may be added to the prior; as a policy it halts where P(halt) > 1/2 (PonderNet tosses a coin:
`probability`).

Hyperparameters: beta 0.01, lambda_p 1/5, batches of 64 puzzles, learning rate 3e-3 falling linearly
to 0, first P(halt) of 1 / max_segments.

Shapes: M segments, P puzzles, D decisions (M - 1).
"""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from hrm_rl.agents.learners.fitting import descend, full_feedback, halting_MP, network_for
from hrm_rl.agents.learners.inputs import no_progress, rare_halt, start_at
from hrm_rl.agents.learners.policies import ChancePolicy
from hrm_rl.checks.numbers import real
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.training.episode_losses import divergence, expected, prior


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    batch: int = 64,
    lr: float = 3e-3,
    beta: float = 0.01,
    lambda_p: float | None = 0.2,
) -> ChancePolicy:
    """Descend on the environment's bank (`fitting.full_feedback`).

    Args:
        lambda_p: rate of the geometric prior; None for a uniform one.
    """
    beta = real("beta", beta, low=0)
    seen = full_feedback(env, steps, seed, lr)
    prior_M = prior(seen.max_segments, lambda_p).to(seen.obs_MPF.device)
    network = start_at(network_for(seen, 1, seed), rare_halt(seen.max_segments))
    descend(
        network,
        lambda part, left: ponder_loss(
            network(part.decisions_DPF)[..., 0], part.returns_MP, prior_M, beta
        ),
        seen, steps=steps, batch=batch, seed=seed, lr=lr, progress=progress,
    )  # fmt: skip
    return ChancePolicy(network, env.config.observation, env.config.time_aware)


def ponder_loss(
    logit_DP: Float[Tensor, "D P"],
    returns_MP: Float[Tensor, "M P"],
    prior_M: Float[Tensor, " M"],
    beta: float,
) -> Float[Tensor, ""]:
    """Mean over puzzles of the expected 1 - return, and beta times the KL to the prior."""
    p_PM = halting_MP(logit_DP).mT
    # In this order: gradients of p add up as the terms were made.
    kl_P = divergence(p_PM, prior_M)
    return (expected(p_PM, 1 - returns_MP.mT) + beta * kl_P).mean()
