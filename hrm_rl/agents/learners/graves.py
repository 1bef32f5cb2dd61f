"""Graves' adaptive computation time: halting probabilities add up, and the answers are mixed.

With h_m = sigmoid(logit_m), N the first segment where h_1 + .. + h_N >= 1 - eps (or the last) and
R = 1 - (h_1 + .. + h_{N-1}), the weights are p_m = h_m for m < N and p_N = R. Adam on

    sum_m p_m (1 - 1{correct at m}) + step_cost * (N + R),

where N has no gradient. The weights are no halting distribution: nobody halts before N, all pay for
N, and the mixture is only an answer if answers can be mixed. So there are two read-outs: as a
policy it halts after N with the answer of N; `mixture_right` lets the answers up to N vote, cell by
cell, with their weights.

Source: Graves 2016 (ACT, arXiv 1603.08983). Deviations: on a frozen model answers are mixed, not
states; the loss of an answer is 1{wrong}; h starts at 1 / max_segments, so that N is the last
segment, where Graves starts with a bias of 1 and N = 2.

Hyperparameters: eps 0.01, batches of 64 puzzles, learning rate 1e-2 falling linearly to 0.

Shapes: M segments, P puzzles, D decisions (M - 1), B rows, F features, T tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm_rl.agents.learners.fitting import descend, full_feedback, network_for
from hrm_rl.agents.learners.inputs import no_progress, rare_halt, start_at
from hrm_rl.banks.bank import Bank, observe
from hrm_rl.checks.numbers import real
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.halting import Remembers
from hrm_rl.puzzles.verdicts import exact
from hrm_rl.training.episode_losses import EPS, graves_loss, graves_weights


@dataclass(frozen=True)
class ActPolicy(Remembers):
    """Halt where the halting probabilities so far add up to 1 - eps."""

    network: nn.Module
    """Observation (B, F) -> (B, 1), the logit of h."""
    observation: str
    time_aware: bool = True
    eps: float = EPS

    def begin(self, rows: int) -> RunningAct:
        return RunningAct(self)


class RunningAct:
    """An `ActPolicy` in the middle of episodes: every call is their next segment."""

    def __init__(self, policy: ActPolicy) -> None:
        self.policy, self.sum_B = policy, torch.zeros(())
        self.observation, self.time_aware = policy.observation, policy.time_aware

    @torch.no_grad()
    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        self.sum_B = self.sum_B + self.policy.network(obs_BF)[:, 0].sigmoid()
        return self.sum_B >= 1 - self.policy.eps


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    batch: int = 64,
    lr: float = 1e-2,
    eps: float = EPS,
) -> ActPolicy:
    """Descend on the environment's bank (`fitting.full_feedback`)."""
    eps = real("eps", eps, low=0, high=1, inside=True)
    seen = full_feedback(env, steps, seed, lr)
    network = start_at(network_for(seen, 1, seed), rare_halt(seen.max_segments))
    descend(
        network,
        lambda part, left: act_loss(
            network(part.decisions_DPF)[..., 0].sigmoid(),
            part.correct_MP[: seen.max_segments], seen.step_cost, eps,
        ),
        seen, steps=steps, batch=batch, seed=seed, lr=lr, progress=progress,
    )  # fmt: skip
    return ActPolicy(network, env.config.observation, env.config.time_aware, eps)


def act_weights(
    h_DP: Float[Tensor, "D P"], eps: float = EPS
) -> tuple[Float[Tensor, "M P"], Float[Tensor, " P"]]:
    """`episode_losses.graves_weights` of episodes that may go to the last segment of the bank."""
    none_1P = torch.zeros_like(h_DP[:1])
    h_MP = torch.cat([h_DP, none_1P])  # at the last segment all that is left halts
    before_MP = torch.cat([none_1P, h_DP.cumsum(0)])
    m_P = torch.full(h_DP.shape[1:], len(h_MP), device=h_DP.device)
    p_PM, ponder_P = graves_weights(h_MP.mT, before_MP.mT, m_P, eps)
    return p_PM.mT, ponder_P


def act_loss(
    h_DP: Float[Tensor, "D P"],
    correct_MP: Bool[Tensor, "M P"],
    step_cost: float,
    eps: float = EPS,
) -> Float[Tensor, ""]:
    """Mean over puzzles of the mixture's error and the ponder cost."""
    p_MP, ponder_P = act_weights(h_DP, eps)
    return graves_loss(p_MP.mT, ponder_P, (~correct_MP).float().mT, step_cost).mean()


@torch.no_grad()
def mixture_right(bank: Bank, policy: ActPolicy) -> Bool[Tensor, " P"]:
    """Whether the answers up to N, weighted and voting cell by cell, are right; the lower token on a tie."""
    seen = [
        observe(bank, policy.observation, m, policy.time_aware) for m in range(1, bank.max_segments)
    ]
    p_MP, _ = act_weights(
        torch.stack([policy.network(o)[:, 0] for o in seen]).sigmoid(), policy.eps
    )
    solution_PT = bank.solutions_PT
    tokens = int(max(bank.predictions_MPT.max(), solution_PT.max())) + 1
    votes = [
        torch.einsum("mp,mpt->pt", p_MP, (bank.predictions_MPT == v).to(p_MP.dtype))
        for v in range(tokens)
    ]
    return exact(torch.stack(votes, -1).argmax(-1).to(torch.uint8), solution_PT)
