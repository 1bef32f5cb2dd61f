"""GRPO on a stop head: play each puzzle several times, and make likely what went better than the rest.

Of a group of G episodes of one puzzle, all by the same policy, each decision a_m of episode i has

    A_i * grad log P(a_m | o_m),    A_i = R_i - mean(R_1 .. R_G),

so that the other episodes stand in for the baseline that `reinforce` has to learn.

Source: Shao et al. 2024 (arXiv 2402.03300); on a binary stop head, Ning et al. 2025 (arXiv 2511.21581).
Deviations:

- R is the return of the environment, whose price every segment pays. `length_penalty` takes the stop
  head paper's reward in its place (`relative_rewards`): only right episodes pay for being longer than
  others of their group, so that nobody learns to give up.
- Advantages are not divided by the deviation of their group, nor episodes' terms by their length, as in
  Liu et al. 2025 (arXiv 2503.20783, "Dr. GRPO"). With `normalize_advantage` they are divided: a
  puzzle that no episode solves, where returns differ by the price alone, then counts as much as one
  where being right is at stake, and the policy gives up too soon (measured in docs/learners/grpo.md).
- One step of Adam for each batch of groups: the ratio of policies is 1, and clipping has nothing to do.
  No penalty for leaving a reference policy, since there is none; the entropy bonus of `exact_pg`.

Hyperparameters: batches of 64 puzzles with 8 episodes each, learning rate 1e-2 and entropy 0.03, both
falling linearly to 0, first P(halt) of 1 / max_segments. `steps` counts all decisions of the puzzles
that were played, once for a group.

Shapes: M segments, D decisions (M - 1), P puzzles, G episodes of each.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.agents.learners.fitting import Feedback, descend, full_feedback, network_for
from hrm_rl.agents.learners.inputs import no_progress, rare_halt, start_at
from hrm_rl.agents.learners.policies import ChancePolicy
from hrm_rl.checks.numbers import real, whole
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.halting import MOST
from hrm_rl.statistics.survival import coin_entropy, log_probability

EPS = 1e-4
"""Added to a group's deviation, as in TRL."""


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    batch: int = 64,
    group: int = 8,
    lr: float = 1e-2,
    entropy: float = 0.03,
    normalize_advantage: bool = False,
    length_penalty: float | None = None,
) -> ChancePolicy:
    """Play groups of episodes on the environment's bank (`fitting.full_feedback`).

    Args:
        length_penalty: of the stop head paper's reward, >= 0, in units of a right answer; None: the
            environment's own return.

    Raises:
        ValueError: a group of fewer than two, or a number out of range.
    """
    group = whole("group", group, low=2, high=MOST, cure="an episode is held against others")
    entropy = real("entropy", entropy, low=0)
    if length_penalty is not None:
        length_penalty = real("length_penalty", length_penalty, low=0)
    seen = full_feedback(env, steps, seed, lr)
    network = start_at(network_for(seen, 1, seed), rare_halt(seen.max_segments))
    generator = torch.Generator(seen.obs_MPF.device).manual_seed(int(seed))

    def loss(part: Feedback, left: float) -> Tensor:
        logit_DP = network(part.decisions_DPF)[..., 0]
        coin_GDP = torch.rand(group, *logit_DP.shape, generator=generator, device=logit_DP.device)
        halt_GDP = coin_GDP < logit_DP.detach().sigmoid()
        end_GP = (halt_GDP.cumsum(1) == 0).sum(1)  # index of the segment halted after
        reward_GP = part.returns_MP.gather(0, end_GP)
        if length_penalty is not None:
            correct_GP = part.correct_MP.gather(0, end_GP)
            reward_GP = relative_rewards(correct_GP, end_GP + 1, length_penalty)
        advantage_GP = advantages(reward_GP, normalize=normalize_advantage)
        return grpo_loss(logit_DP, halt_GDP, advantage_GP, left * entropy)

    descend(network, loss, seen, steps=steps, batch=batch, seed=seed, lr=lr, progress=progress)
    return ChancePolicy(network, env.config.observation, env.config.time_aware)


def advantages(reward_GP: Float[Tensor, "G P"], *, normalize: bool) -> Float[Tensor, "G P"]:
    """Reward less the group's mean; `normalize`: divided by its deviation (of G - 1), or 0 if that is 0."""
    centred_GP = reward_GP - reward_GP.mean(0)
    return centred_GP / (reward_GP.std(0) + EPS) if normalize else centred_GP


def relative_rewards(
    correct_GP: Bool[Tensor, "G P"], segment_GP: Int[Tensor, "G P"], penalty: float
) -> Float[Tensor, "G P"]:
    """1 for a right answer, less penalty * (segments - mean) / (longest - shortest) of the right ones.

    Of the episodes of a group that are right; the wrong ones get 0, however long they are.
    """
    length_GP = segment_GP.float()
    count_P = correct_GP.sum(0).clamp(min=1)
    mean_P = torch.where(correct_GP, length_GP, 0).sum(0) / count_P
    longest_P = torch.where(correct_GP, length_GP, -torch.inf).amax(0)
    shortest_P = torch.where(correct_GP, length_GP, torch.inf).amin(0)
    range_P = (longest_P - shortest_P).clamp(min=1)  # with equal lengths all are at the mean
    reward_GP = 1 - penalty * (length_GP - mean_P) / range_P
    return torch.where(correct_GP, reward_GP, 0)


def grpo_loss(
    logit_DP: Float[Tensor, "D P"],
    halt_GDP: Bool[Tensor, "G D P"],
    advantage_GP: Float[Tensor, "G P"],
    entropy: float = 0.0,
) -> Float[Tensor, ""]:
    """Sum over an episode's decisions, mean over episodes: its gradient is that of GRPO, negated.

    Args:
        halt_GDP: the coins; an episode halts at the first that says so.
    """
    stopped_GDP = halt_GDP.cumsum(1) > 0
    reached_GDP = torch.cat([torch.ones_like(halt_GDP[:, :1]), ~stopped_GDP[:, :-1]], 1)
    log_p_GDP = log_probability(logit_DP.expand_as(halt_GDP), halt_GDP)
    gain_GDP = advantage_GP[:, None] * log_p_GDP + entropy * coin_entropy(logit_DP)
    return -torch.where(reached_GDP, gain_GDP, 0).sum(1).mean()
