"""What every learner does first: with it, learners differ in their learning rule only.

Shapes: N slots, F features, B rows, M segments.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hrm_rl.banks.bank import Bank, log_bank
from hrm_rl.checks import numbers
from hrm_rl.envs.segments import LiveSegments
from hrm_rl.envs.vector import HaltingVectorEnv, check_native
from hrm_rl.halting import CONTINUE, SEEDS
from hrm_rl.training import episode_losses

WIDTH = 64
"""Of both hidden layers of every learner's network."""

CLIP = 10.0
"""Deviations from the mean, at most."""


class Standardise(nn.Module):
    """(x - mean) / deviation, clipped to +-10: Q logits span tens, residuals thousandths."""

    def __init__(self, mean_F: Float[Tensor, " F"], deviation_F: Float[Tensor, " F"]) -> None:
        super().__init__()
        self.mean_F: Tensor
        self.deviation_F: Tensor
        self.register_buffer("mean_F", mean_F)
        self.register_buffer("deviation_F", torch.where(deviation_F < 1e-6, 1.0, deviation_F))

    def forward(self, obs_BF: Float[Tensor, "*B F"]) -> Float[Tensor, "*B F"]:
        scaled_BF: Tensor = (obs_BF.float() - self.mean_F) / self.deviation_F
        return scaled_BF.clamp(-CLIP, CLIP)


def standardise(env: HaltingVectorEnv, seed: int) -> Standardise:
    """Mean and deviation of every column over all decisions of the first puzzle of each slot.

    Resets the environment, and again leaves it to be reset.
    """
    check_native(env)
    obs, _ = env.reset(seed=seed)
    seen = [torch.as_tensor(obs)]
    for _ in range(env.config.max_segments - 2):  # no decision is due after the last segment
        obs, *_ = env.step(torch.full((env.num_envs,), CONTINUE, device=env.engine.device))
        seen.append(torch.as_tensor(obs))
    obs_XF = torch.cat(seen).double()
    return Standardise(obs_XF.mean(0).float(), obs_XF.std(0, correction=0).float())


def mlp(standard: Standardise, outputs: int) -> nn.Sequential:
    """Two hidden layers of tanh, as in SB3's MlpPolicy, behind the standardisation."""
    features = len(standard.mean_F)
    return nn.Sequential(
        standard,
        nn.Linear(features, WIDTH), nn.Tanh(),
        nn.Linear(WIDTH, WIDTH), nn.Tanh(),
        nn.Linear(WIDTH, outputs),
    )  # fmt: skip


@torch.no_grad()
def start_at(network: nn.Sequential, *biases: float) -> nn.Sequential:
    """Let every output begin as a constant, whatever is seen."""
    head = network[-1]
    assert isinstance(head, nn.Linear)
    nn.init.zeros_(head.weight)
    head.bias.copy_(torch.tensor(biases))
    return network


def rare_halt(max_segments: int) -> float:
    """`episode_losses.rare_halt`, with which a stochastic policy begins.

    Raises:
        ValueError: max_segments < 2.
    """
    if max_segments < 2:
        raise ValueError(
            f"max_segments must be >= 2, got {max_segments}; with one there is nothing to decide"
        )
    return episode_losses.rare_halt(max_segments)


def asked(env: Any, steps: int, seed: int, lr: float = 1e-3) -> None:
    """Refuse what no learner can learn from, before it starts.

    Raises:
        ValueError: no vector environment, no decisions, a seed below 0, no learning rate.
    """
    check_native(env)
    numbers.whole("steps", steps, low=1, cure="they are decisions to learn from")
    numbers.whole("seed", seed, low=0, high=SEEDS)
    numbers.real("lr", lr, low=0, inside=True)


def logged(env: HaltingVectorEnv) -> Bank:
    """All segments of all puzzles of the environment: full feedback, which a frozen model allows.

    The environment's bank, or one logged now, of one segment more than can be reached: that is where
    the paper's continue target looks.
    """
    if env.config.bank is not None:
        return env.config.bank
    segments = env.engine.segments
    assert isinstance(segments, LiveSegments)
    return log_bank(
        segments.model,  # type: ignore[arg-type] # any `FrozenModel` will do
        segments.set,
        env.config.max_segments + 1,
        observations=(env.config.observation,),
    )


def no_progress(decisions: int) -> None:
    """Progress that nobody watches."""
