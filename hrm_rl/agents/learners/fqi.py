"""Fitted Q iteration: one network for all segments, fitted anew to the targets of the one before.

With Q^0 = the value of halting at once, for k = 1 .. iterations: fit by least squares, over all
segments and puzzles of the bank,

    Q^k_halt(o_m) ~ 1{correct at m},
    Q^k_continue(o_m) ~ max(Q^{k-1}_halt, Q^{k-1}_continue)(o_{m+1}) - step_cost,

at m = M - 1 with Q_halt alone. The horizon is finite, so M - 1 iterations are enough for an exact
fit; the number of the segment must be seen (`time_aware`), or Q is one for all segments.

Source: Ernst, Geurts and Wehenkel 2005; Riedmiller 2005 (neural fitted Q). Deviations: the network
goes on from the last iteration's weights, with Adam and a learning rate that falls linearly to 0
over all of them; the fit of every iteration but the first is cut short (early stopping).

Hyperparameters: 30 iterations, batches of 64 puzzles, learning rate 1e-2.

Shapes: M segments, P puzzles.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

from jaxtyping import Bool, Float
from torch import Tensor

from hrm_rl.agents.learners.fitting import Feedback, batches_in, descend, full_feedback, network_for
from hrm_rl.agents.learners.inputs import no_progress
from hrm_rl.agents.learners.policies import QPolicy
from hrm_rl.checks.numbers import whole
from hrm_rl.envs.vector import HaltingVectorEnv


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    batch: int = 64,
    lr: float = 1e-2,
    iterations: int = 30,
) -> QPolicy:
    """Fit both Q on the environment's bank (`fitting.full_feedback`)."""
    iterations = whole("iterations", iterations, low=1)
    seen = full_feedback(env, steps, seed, lr)
    network = network_for(seen, 2, seed)
    last = copy.deepcopy(network)
    _, updates = batches_in(seen, steps, batch)
    fit = -(-updates // iterations)

    def loss(part: Feedback, left: float) -> Tensor:
        obs_MPF = part.obs_MPF[: seen.max_segments]
        q_MP2, last_MP2 = network(obs_MPF), last(obs_MPF)
        return fitted_q_loss(q_MP2, last_MP2, part.correct_MP[: seen.max_segments], seen.step_cost)

    def after(update: int) -> None:
        if update % fit == 0:
            last.load_state_dict(network.state_dict())

    descend(
        network, loss, seen,
        steps=steps, batch=batch, seed=seed, lr=lr, progress=progress, after=after,
    )  # fmt: skip
    return QPolicy(network, env.config.observation, env.config.time_aware, tie="halt")


def fitted_q_loss(
    q_MP2: Float[Tensor, "M P 2"],
    last_MP2: Float[Tensor, "M P 2"],
    correct_MP: Bool[Tensor, "M P"],
    step_cost: float,
) -> Float[Tensor, ""]:
    """Squared errors of both outputs, as means over puzzles and segments.

    Args:
        q_MP2: values, not logits; that of continuing from the last segment is not used.
        last_MP2: those of the last iteration.
    """
    best_MP = last_MP2.detach()[1:].amax(-1)
    best_MP[-1] = last_MP2.detach()[-1, :, 0]
    halting = (q_MP2[..., 0] - correct_MP.float()).square().mean()
    going_on = (q_MP2[:-1, :, 1] - (best_MP - step_cost)).square().mean()
    return halting + going_on
