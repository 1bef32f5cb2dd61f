"""The paper's Q-learning as a learner on a frozen model: two sigmoid outputs, bootstrapped.

After every segment m that is visited, with targets held fixed,

    BCE(Q_halt(o_m), 1{correct at m}) + BCE(Q_continue(o_m), max(Q_halt, Q_continue)(o_{m+1})),

and where o_{m+1} is the last segment its Q_halt alone. `edge="exact"`: the last segment is
max_segments, M. `edge="paper"`: it is M + 1, which is never visited, so that what is learnt is the Q
of a horizon one longer, played with the shorter one.

Source: Wang et al. 2025 (HRM, arXiv 2506.21734), section "Adaptive computational time"; no replay,
no target network. What differs from the joint regime, and why:

- Q is rescaled to the returns that a step cost allows, so that giving up can be worth more than
  going on.
- Continue targets come from the segment that the environment ran next (`bootstrap="delayed"` of
  `training.joint.act_q.ActQ`); a halted puzzle has none. Segment M + 1 is looked up in the bank, which
  must hold it, and its Q_halt is learnt too: here an observation may hold m, so that it can't be known
  from others.
- Half of the episodes explore, not a tenth: on a frozen model exploring spoils nothing, and Q is
  right about the segments that were seen.
- The learning rate falls linearly to 0: the model stands still, so Q can settle.

Hyperparameters: learning rate 3e-3, exploration 1/2, one update per step of all slots.

Shapes: B slots, F features.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hrm_rl.agents.learners.fitting import Feedback, full_feedback
from hrm_rl.agents.learners.inputs import asked, mlp, no_progress, standardise, start_at
from hrm_rl.agents.learners.policies import QPolicy
from hrm_rl.agents.learners.walking import Decision, walk
from hrm_rl.checks.numbers import choice
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.halting import greedy_q
from hrm_rl.training import q_targets


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    edge: str = "exact",
    tie: str = "continue",
    explore_probability: float = 0.5,
    lr: float = 3e-3,
) -> QPolicy:
    """Fit Q to the environment by one gradient step per step of all its slots.

    Args:
        env: in autoreset mode SameStep; its step cost is what the policy trades accuracy for.
        steps: decisions, summed over slots.
        seed: of puzzles, weights and exploration; two runs with one seed give one policy.
        progress: told how many decisions were made since it was last called.
        edge, tie: as in `q_targets.continue_target` and `halting.greedy_q`.
        explore_probability: of a minimum above 1 for an episode (`halting.draw_min_segments`).

    Raises:
        ValueError: the environment resets otherwise, or pays for something else than being right;
            or the paper's edge on a bank that ends with max_segments.
    """
    asked(env, steps, seed, lr)
    choice("edge", edge, ("exact", "paper"))
    choice("tie", tie, ("continue", "halt"))
    config, network = env.config, q_network(env, seed)
    updates = -(-steps // env.num_envs)
    optimizer = torch.optim.Adam(network.parameters(), lr)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, updates)
    seen = full_feedback(env, steps, seed) if edge == "paper" else None
    for decision in walk(
        env, lambda obs_BF: greedy_q(network(obs_BF), tie), updates=updates, seed=seed,
        explore_probability=explore_probability, progress=progress,
    ):  # fmt: skip
        loss = q_learning_loss(network, decision, config.max_segments, config.step_cost, edge)
        if seen is not None:
            loss = loss + loss_beyond(network, decision, seen)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
    return QPolicy(network.requires_grad_(False).cpu(), config.observation, config.time_aware, tie)


def q_learning_loss(
    network: Callable[[Tensor], Tensor],
    seen: Decision,
    max_segments: int,
    step_cost: float,
    edge: str = "exact",
) -> Float[Tensor, ""]:
    """BCE of both outputs against their targets, as means over slots."""
    q_B2, next_q_B2 = network(torch.cat([seen.obs_BF, seen.next_obs_BF])).chunk(2)
    halt_B = q_targets.halt_target(seen.correct_B, max_segments, step_cost)
    continue_B = q_targets.continue_target(next_q_B2, seen.m_B, max_segments, edge, step_cost)
    loss_B = q_targets.q_loss(q_B2[:, 0], halt_B)
    loss_B = loss_B + torch.where(seen.continued_B, q_targets.q_loss(q_B2[:, 1], continue_B), 0)
    last_B = q_targets.halt_target(seen.next_correct_B, max_segments, step_cost)
    loss_B = loss_B + torch.where(seen.forced_B, q_targets.q_loss(next_q_B2[:, 0], last_B), 0)
    return loss_B.mean()


def loss_beyond(
    network: Callable[[Tensor], Tensor], decision: Decision, seen: Feedback
) -> Float[Tensor, ""]:
    """The paper's edge, where segment M was reached: Q_continue there, from Q_halt of segment M + 1.

    Raises:
        ValueError: segment M + 1 was not logged.
    """
    M = seen.max_segments
    if len(seen.obs_MPF) == M:
        raise ValueError(
            f'edge="paper" looks at segment max_segments + 1 = {M + 1}, which the bank lacks; '
            'log one segment more, or learn with edge="exact"'
        )
    beyond_BF = seen.obs_MPF[M, decision.puzzle_B].to(decision.next_obs_BF.dtype)
    q_B2, next_q_B2 = network(torch.cat([decision.next_obs_BF, beyond_BF])).chunk(2)
    m_B = torch.full_like(decision.m_B, M)
    continue_B = q_targets.continue_target(next_q_B2, m_B, M, "paper", seen.step_cost)
    last_B = q_targets.halt_target(seen.correct_MP[M, decision.puzzle_B], M, seen.step_cost)
    loss_B = q_targets.q_loss(q_B2[:, 1], continue_B) + q_targets.q_loss(next_q_B2[:, 0], last_B)
    return torch.where(decision.forced_B, loss_B, 0).mean()


def q_network(env: HaltingVectorEnv, seed: int) -> nn.Sequential:
    """Both Q begin at a return of sigmoid(-5), as in the paper: a tie, which continues."""
    standard = standardise(env, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = mlp(standard, outputs=2)
    bias = first_logit(env.config.max_segments, env.config.step_cost)
    return start_at(network, bias, bias).to(standard.mean_F.device)


def first_logit(max_segments: int, step_cost: float) -> float:
    """A return of sigmoid(-5) as the logit of a rescaled value."""
    start = q_targets.rescaled(torch.tensor(-5.0).sigmoid(), max_segments, step_cost)
    return float(start.logit())
