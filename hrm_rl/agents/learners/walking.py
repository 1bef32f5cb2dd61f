"""What learners share that play: the environment walked by a policy that explores, decision by decision.

Shapes: B slots, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.envs.vector import HaltingVectorEnv, check_native
from hrm_rl.halting import CONTINUE, HALT, draw_min_segments


class Decision(NamedTuple):
    """One decision in every slot, and what it led to."""

    obs_BF: Float[Tensor, "B F"]
    correct_B: Bool[Tensor, " B"]
    """Full feedback: whether the answer is right now, halted or not."""
    m_B: Int[Tensor, " B"]
    puzzle_B: Int[Tensor, " B"]
    next_obs_BF: Float[Tensor, "B F"]
    """One segment later on the same puzzle; means nothing where it was halted."""
    next_correct_B: Bool[Tensor, " B"]
    continued_B: Bool[Tensor, " B"]
    forced_B: Bool[Tensor, " B"]
    """Continued to the last segment: no decision is due there, but its Q_halt is a target."""


def walk(
    env: HaltingVectorEnv,
    wants: Callable[[Tensor], Tensor],
    *,
    updates: int,
    seed: int,
    explore_probability: float,
    progress: Callable[[int], object],
) -> Iterator[Decision]:
    """Step the environment `updates` times, halting where the policy wants to and the minimum is reached.

    Args:
        env: in autoreset mode SameStep.
        wants: observations (B, F) -> whether to halt (B,); asked without a gradient.
        explore_probability: of a minimum above 1 for an episode (`halting.draw_min_segments`).

    Raises:
        ValueError: the environment resets otherwise, or pays for something else than being right.
    """
    _check(env)
    device = env.engine.device
    generator = torch.Generator(device).manual_seed(int(seed))

    def draw() -> Tensor:
        return draw_min_segments(
            env.num_envs, env.config.max_segments, explore_probability, generator, device
        )

    obs, info = env.reset(seed=seed)
    min_B = draw()
    for _ in range(updates):
        with torch.no_grad():
            wants_B = wants(torch.as_tensor(obs))
        halt_B = wants_B & (torch.as_tensor(info["segment"]) >= min_B)
        action = torch.where(halt_B, HALT, CONTINUE)
        next_obs, _, ended, _, next_info = env.step(
            action if env.output == "torch" else action.numpy()
        )
        yield _decision(obs, info, next_obs, torch.as_tensor(ended), next_info)
        min_B = torch.where(torch.as_tensor(ended), draw(), min_B)
        obs, info = next_obs, next_info
        progress(env.num_envs)


def _check(env: HaltingVectorEnv) -> None:
    check_native(env)
    if env.autoreset_mode.value != "SameStep":
        raise ValueError(
            f'this learner needs autoreset_mode="SameStep", which shows last segments; got '
            f'"{env.autoreset_mode.value}"'
        )
    if env.config.reward != "exact":
        raise ValueError(
            f'this learner learns 1{{correct}}: reward must be "exact", got "{env.config.reward}"'
        )


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
        torch.as_tensor(info["puzzle_id"]),
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
