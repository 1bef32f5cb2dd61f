"""What every learner does first: with it, learners differ in their learning rule only.

Shapes: N slots, F features, B rows, M segments.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.halting import CONTINUE

WIDTH = 64
"""Of both hidden layers of every learner's network."""

_CLIP = 10.0


class Standardise(nn.Module):
    """(x - mean) / deviation, clipped to +-10: Q logits span tens, residuals thousandths."""

    def __init__(self, mean_F: Float[Tensor, " F"], deviation_F: Float[Tensor, " F"]) -> None:
        super().__init__()
        self.mean_F: Tensor
        self.deviation_F: Tensor
        self.register_buffer("mean_F", mean_F)
        self.register_buffer("deviation_F", torch.where(deviation_F < 1e-6, 1.0, deviation_F))

    def forward(self, obs_BF: Float[Tensor, "B F"]) -> Float[Tensor, "B F"]:
        scaled_BF: Tensor = (obs_BF.float() - self.mean_F) / self.deviation_F
        return scaled_BF.clamp(-_CLIP, _CLIP)


def standardise(env: HaltingVectorEnv, seed: int) -> Standardise:
    """Mean and deviation of every column over all decisions of the first puzzle of each slot.

    Resets the environment, and again leaves it to be reset.
    """
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


def quiet(decisions: int) -> None:
    """Progress that nobody watches."""
