"""The paper's Q-learning as a learner on a frozen model: two sigmoid outputs, bootstrapped.

Source: Wang et al. 2025 (HRM), section "Adaptive computational time"; no replay, no target network.
What differs from the joint regime, and why:

- Q is rescaled to the returns that a step cost allows, so that giving up can be worth more than
  going on.
- Continue targets come from the segment that the environment ran next (`bootstrap="delayed"` of
  `joint.ActQ`); a halted puzzle has none.
- Half of the episodes explore, not a tenth: on a frozen model exploring spoils nothing, and Q is
  right about the segments that were seen.
- The learning rate falls linearly to 0: the model stands still, so Q can settle.

Shapes: B slots, F features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm_rl import losses
from hrm_rl.agents.inputs import mlp, quiet, standardise
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.halting import CONTINUE, HALT, draw_min_segments, greedy_q


@dataclass(frozen=True)
class QPolicy:
    """Halt where the learned Q_halt exceeds the learned Q_continue."""

    network: nn.Module
    """Observation (B, F) -> logits (B, 2) of rescaled Q: halt, continue."""
    observation: str
    time_aware: bool = True
    tie: str = "continue"

    @torch.no_grad()
    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        return greedy_q(self.network(obs_BF), self.tie)


class Decision(NamedTuple):
    """One decision in every slot, and what it led to."""

    obs_BF: Float[Tensor, "B F"]
    correct_B: Bool[Tensor, " B"]
    """Full feedback: whether the answer is right now, halted or not."""
    m_B: Int[Tensor, " B"]
    next_obs_BF: Float[Tensor, "B F"]
    """One segment later on the same puzzle; means nothing where it was halted."""
    next_correct_B: Bool[Tensor, " B"]
    continued_B: Bool[Tensor, " B"]
    forced_B: Bool[Tensor, " B"]
    """Continued to the last segment: no decision is due there, but its Q_halt is a target."""


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = quiet,
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
        edge, tie: as in `losses.continue_target` and `halting.greedy_q`.
        explore_probability: of a minimum above 1 for an episode (`halting.draw_min_segments`).

    Raises:
        ValueError: the environment resets otherwise, or pays for something else than being right.
    """
    _check(env)
    config = env.config
    network = _network(env, seed)
    optimizer = torch.optim.Adam(network.parameters(), lr)
    updates = -(-steps // env.num_envs)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, updates)
    device = next(network.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)

    def draw() -> Tensor:
        return draw_min_segments(
            env.num_envs, config.max_segments, explore_probability, generator, device
        )

    obs, info = env.reset(seed=seed)
    min_B = draw()
    for _ in range(updates):
        with torch.no_grad():
            wants_B = greedy_q(network(torch.as_tensor(obs)), tie)
        halt_B = wants_B & (torch.as_tensor(info["segment"]) >= min_B)
        action = torch.where(halt_B, HALT, CONTINUE)
        next_obs, _, ended, _, next_info = env.step(
            action if env.output == "torch" else action.numpy()
        )
        decision = _decision(obs, info, next_obs, torch.as_tensor(ended), next_info)
        loss = q_learning_loss(network, decision, config.max_segments, config.step_cost, edge)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
        min_B = torch.where(torch.as_tensor(ended), draw(), min_B)
        obs, info = next_obs, next_info
        progress(env.num_envs)
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
    halt_B, continue_B = targets(
        seen.correct_B, next_q_B2, seen.m_B, max_segments, step_cost, edge
    ).unbind(-1)
    loss_B = losses.q_loss(q_B2[:, 0], halt_B)
    loss_B = loss_B + torch.where(seen.continued_B, losses.q_loss(q_B2[:, 1], continue_B), 0)
    last_B = rescaled(losses.halt_target(seen.next_correct_B), max_segments, step_cost)
    loss_B = loss_B + torch.where(seen.forced_B, losses.q_loss(next_q_B2[:, 0], last_B), 0)
    return loss_B.mean()


def targets(
    correct_B: Bool[Tensor, " B"],
    next_q_B2: Float[Tensor, "B 2"],
    m_B: Int[Tensor, " B"],
    max_segments: int,
    step_cost: float,
    edge: str = "exact",
) -> Float[Tensor, "B 2"]:
    """Targets of both outputs as probabilities: 1{correct}, and -step_cost + max(next Q), rescaled.

    `next_q_B2` are logits of rescaled values, so the maximum is rescaled already and a step cost is
    taken off in the same measure. At step cost 0 these are the paper's targets.
    """
    halt_B = rescaled(losses.halt_target(correct_B), max_segments, step_cost)
    best_B = losses.continue_target(next_q_B2, m_B, max_segments, edge)
    cost = step_cost / (1 + step_cost * (max_segments - 1))
    return torch.stack([halt_B, (best_B - cost).clamp(min=0)], -1)


def rescaled(
    value_B: Float[Tensor, "*B"], max_segments: int, step_cost: float
) -> Float[Tensor, "*B"]:
    """A return, which lies in [-c, 1] with c = step_cost * (max_segments - 1), moved to [0, 1].

    A sigmoid can't be negative: without this the value of hopeless puzzles would be clipped at 0,
    where halting and continuing tie.
    """
    c = step_cost * (max_segments - 1)
    return (value_B + c) / (1 + c)


def _check(env: HaltingVectorEnv) -> None:
    if env.autoreset_mode.value != "SameStep":
        raise ValueError(
            f'Q-learning needs autoreset_mode="SameStep", which shows last segments; got '
            f'"{env.autoreset_mode.value}"'
        )
    if env.config.reward != "exact":
        raise ValueError(
            f'Q-learning learns 1{{correct}}: reward must be "exact", got "{env.config.reward}"'
        )


def _network(env: HaltingVectorEnv, seed: int) -> nn.Sequential:
    """Both Q begin at a return of sigmoid(-5), as in the paper: a tie, which continues."""
    start = rescaled(torch.tensor(-5.0).sigmoid(), env.config.max_segments, env.config.step_cost)
    standard = standardise(env, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = mlp(standard, outputs=2)
    head = network[-1]
    assert isinstance(head, nn.Linear)
    nn.init.zeros_(head.weight)
    nn.init.constant_(head.bias, float(start.logit()))
    return network.to(standard.mean_F.device)


def _decision(
    obs: Any, info: dict[str, Any], next_obs: Any, ended_B: Tensor, next_info: dict[str, Any]
) -> Decision:
    """In mode SameStep an ended episode shows its last segment in `final_obs` and `final_info`."""
    next_obs_BF, next_correct_B = torch.as_tensor(next_obs), torch.as_tensor(next_info["correct"])
    forced_B = torch.zeros_like(ended_B)
    if "final_info" in next_info:
        final = next_info["final_info"]
        forced_B = torch.as_tensor(final["forced"])
        last_BF = _stack(next_info["final_obs"], next_obs)
        next_obs_BF = torch.where(forced_B[:, None], last_BF, next_obs_BF)
        next_correct_B = torch.where(forced_B, torch.as_tensor(final["correct"]), next_correct_B)
    return Decision(
        torch.as_tensor(obs),
        torch.as_tensor(info["correct"]),
        torch.as_tensor(info["segment"]),
        next_obs_BF,
        next_correct_B,
        continued_B=~ended_B | forced_B,
        forced_B=forced_B,
    )


def _stack(final_obs: Any, otherwise: Any) -> Tensor:
    """Gymnasium's array of arrays and Nones as one tensor."""
    if isinstance(final_obs, Tensor):
        return final_obs
    rows = [o if f is None else f for f, o in zip(final_obs, otherwise, strict=True)]
    return torch.from_numpy(np.stack(rows))
