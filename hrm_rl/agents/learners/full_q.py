"""Full-feedback DQN: both Q of every logged segment are learnt, halted there or not.

For a horizon M, with a target network Q' held fixed between copies,

    BCE(Q_halt(o_m), 1{correct at m})                        m = 1 .. M
    BCE(Q_continue(o_m), max(Q'_halt, Q'_continue)(o_{m+1}))   m = 1 .. M - 1, at m = M - 1: Q'_halt

on Q rescaled to the returns that a step cost allows (`q_targets.rescaled`). `double=True`: Q says which
of the two is taken, and Q' what it is worth. `edge="paper"` is all of this for a horizon of M + 1,
the segment beyond included, played with M.

Sources: Mnih et al. 2015 (DQN), van Hasselt et al. 2016 (double DQN, arXiv 1509.06461), and the
targets of HRM (arXiv 2506.21734). Deviations: no exploration and no replay, since the bank is both;
BCE in place of Huber's loss, as in HRM; the learning rate falls linearly to 0.

Hyperparameters: batches of 64 puzzles, learning rate 1e-2, a copy every 10 updates.

Shapes: K segments, P puzzles.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hrm_rl.agents.learners.act_q import first_logit
from hrm_rl.agents.learners.fitting import Feedback, descend, full_feedback, network_for
from hrm_rl.agents.learners.inputs import no_progress, start_at
from hrm_rl.agents.learners.policies import QPolicy
from hrm_rl.checks.numbers import whole
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.training import q_targets

EDGES = {"exact": 0, "paper": 1}
"""Segments that the learnt horizon has more than the one that is played."""


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    batch: int = 64,
    lr: float = 1e-2,
    edge: str = "exact",
    double: bool = False,
    copy_every: int = 10,
    tie: str = "continue",
) -> QPolicy:
    """Fit both Q on the environment's bank (`fitting.full_feedback`).

    Raises:
        ValueError: unknown `edge`, or the paper's on a bank that ends with max_segments.
    """
    copy_every = whole("copy_every", copy_every, low=1)
    seen = full_feedback(env, steps, seed, lr)
    horizon = learnt_horizon(seen, edge)
    bias = first_logit(horizon, seen.step_cost)
    network = start_at(network_for(seen, 2, seed), bias, bias)
    target = copy.deepcopy(network)

    def loss(part: Feedback, left: float) -> Tensor:
        obs_KPF, correct_KP = part.obs_MPF[:horizon], part.correct_MP[:horizon]
        q_KP2, later_KP2 = network(obs_KPF), target(obs_KPF)
        return full_q_loss(q_KP2, later_KP2, correct_KP, seen.step_cost, double)

    def after(update: int) -> None:
        if update % copy_every == 0:
            target.load_state_dict(network.state_dict())

    descend(
        network, loss, seen,
        steps=steps, batch=batch, seed=seed, lr=lr, progress=progress, after=after,
    )  # fmt: skip
    return QPolicy(network, env.config.observation, env.config.time_aware, tie)


def learnt_horizon(seen: Feedback, edge: str) -> int:
    """M, or M + 1 for the paper's edge.

    Raises:
        ValueError: as `learn`.
    """
    if edge not in EDGES:
        raise ValueError(f'edge must be "exact" or "paper", got "{edge}"')
    horizon = seen.max_segments + EDGES[edge]
    if horizon > len(seen.obs_MPF):
        raise ValueError(
            f'edge="paper" looks at segment max_segments + 1 = {horizon}, which the bank lacks; '
            'log one segment more, or learn with edge="exact"'
        )
    return horizon


def full_q_loss(
    q_KP2: Float[Tensor, "K P 2"],
    later_KP2: Float[Tensor, "K P 2"],
    correct_KP: Bool[Tensor, "K P"],
    step_cost: float,
    double: bool = False,
) -> Float[Tensor, ""]:
    """BCE of both outputs, as means over puzzles and segments.

    Args:
        q_KP2: logits of rescaled Q over the learnt horizon; Q_continue at its end is not used.
        later_KP2: those of the target network.
    """
    K = len(q_KP2)
    chooser_KP2 = q_KP2 if double else later_KP2
    goes_on_KP = (chooser_KP2[1:, :, 1] > chooser_KP2[1:, :, 0]).clone()
    goes_on_KP[-1] = False  # at the end there is nothing but halting
    best_KP = torch.where(goes_on_KP, later_KP2[1:, :, 1], later_KP2[1:, :, 0])
    continue_KP = q_targets.one_segment_on(best_KP, K, step_cost)
    halt_X = q_targets.halt_target(correct_KP.flatten(), K, step_cost)
    halting = q_targets.q_loss(q_KP2[..., 0].flatten(), halt_X).mean()
    going_on = q_targets.q_loss(q_KP2[:-1, :, 1].flatten(), continue_KP.flatten()).mean()
    return halting + going_on
