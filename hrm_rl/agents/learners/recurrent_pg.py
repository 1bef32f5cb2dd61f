"""The exact stopping gradient of a policy with a memory: a GRU in place of the first hidden layer.

The learning rule is that of `exact_pg`. Which segments follow does not depend on the policy, so the
GRU runs once over all segments of a puzzle, and all halting probabilities come out at once.

Source: Venkata and Bhattacharyya 2023, "Deep Recurrent Optimal Stopping" (OSPG), whose policy is
recurrent. Deviations and hyperparameters: those of `exact_pg`, but a learning rate of 3e-3.

Shapes: D decisions (M - 1), P puzzles, B rows, F features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm_rl.agents.learners.exact_pg import exact_loss
from hrm_rl.agents.learners.fitting import descend, full_feedback, standardise_all
from hrm_rl.agents.learners.inputs import WIDTH, Standardise, no_progress, rare_halt
from hrm_rl.checks.numbers import real
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.halting import Remembers


class Memory(nn.Module):
    """Standardised observations through a GRU and a hidden layer to the logit of P(halt)."""

    def __init__(self, standard: Standardise, bias: float) -> None:
        super().__init__()
        self.standard = standard
        self.gru = nn.GRU(len(standard.mean_F), WIDTH)
        self.head = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 1))
        nn.init.zeros_(self.head[-1].weight)  # type: ignore[arg-type]
        nn.init.constant_(self.head[-1].bias, bias)  # type: ignore[arg-type]

    def forward(
        self, obs_DPF: Float[Tensor, "D P F"], state: Tensor | None = None
    ) -> tuple[Float[Tensor, "D P"], Tensor]:
        """Logits of all segments given, and the state after the last."""
        hidden, state = self.gru(self.standard(obs_DPF), state)
        return self.head(hidden)[..., 0], state


@dataclass(frozen=True)
class MemoryPolicy(Remembers):
    """Halt where P(halt) > 1/2, given all segments so far."""

    network: Memory
    observation: str
    time_aware: bool = True

    def begin(self, rows: int) -> RunningMemory:
        return RunningMemory(self.network, self.observation, self.time_aware)


class RunningMemory:
    """A `MemoryPolicy` in the middle of episodes: every call is their next segment."""

    def __init__(self, network: Memory, observation: str, time_aware: bool) -> None:
        self.network, self.observation, self.time_aware = network, observation, time_aware
        self.state: Tensor | None = None

    @torch.no_grad()
    def probability(
        self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]
    ) -> Float[Tensor, " B"]:
        logit_1B, self.state = self.network(obs_BF.float()[None], self.state)
        return logit_1B[0].sigmoid()

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        return self.probability(obs_BF, m_B) > 0.5


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    batch: int = 64,
    lr: float = 3e-3,
    entropy: float = 0.03,
) -> MemoryPolicy:
    """Climb the exact value on the environment's bank (`fitting.full_feedback`)."""
    entropy = real("entropy", entropy, low=0)
    seen = full_feedback(env, steps, seed, lr)
    standard = standardise_all(seen)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Memory(standard, rare_halt(seen.max_segments)).to(standard.mean_F.device)
    descend(
        network,
        lambda part, left: exact_loss(
            network(part.decisions_DPF)[0], part.returns_MP, left * entropy
        ),
        seen, steps=steps, batch=batch, seed=seed, lr=lr, progress=progress,
    )  # fmt: skip
    return MemoryPolicy(network, env.config.observation, env.config.time_aware)
