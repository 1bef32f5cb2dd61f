"""REINFORCE: play episodes by tossing coins, and make likely what went better than expected.

For an episode that halts after segment T and each of its decisions a_m (m <= T, m < max_segments),

    (G_m - b(o_m)) * grad log P(a_m | o_m),    G_m = 1{correct at T} - step_cost * (T - m),

with a baseline b of what was to be expected: a second output fitted by least squares to G_m
("value"), the mean of G_m over the batch ("mean"), or 0 ("none").

Source: Williams 1992. It uses of the bank what an episode shows, and no more: compare `exact_pg`,
which has the same gradient in expectation. Deviations: Adam; the entropy bonus of `exact_pg` (as in
Williams and Peng 1991), over the decisions that were reached.

Hyperparameters: batches of 64 puzzles, learning rate 1e-2 and entropy 0.03, both falling linearly to
0, first P(halt) of 1 / max_segments. `steps` counts all decisions of the puzzles that were played,
also those after an episode's end.

Shapes: M segments, P puzzles, D decisions (M - 1).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hrm_rl.agents.learners.fitting import Feedback, descend, full_feedback, network_for
from hrm_rl.agents.learners.inputs import no_progress, rare_halt, start_at
from hrm_rl.agents.learners.policies import ChancePolicy
from hrm_rl.checks.numbers import real
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.statistics.survival import coin_entropy, log_probability

BASELINES = ("value", "mean", "none")


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    batch: int = 64,
    lr: float = 1e-2,
    entropy: float = 0.03,
    baseline: str = "value",
) -> ChancePolicy:
    """Play on the environment's bank (`fitting.full_feedback`), one episode of each puzzle drawn.

    Raises:
        ValueError: unknown `baseline`.
    """
    if baseline not in BASELINES:
        raise ValueError(f"baseline must be one of {', '.join(BASELINES)}, got {baseline!r}")
    entropy = real("entropy", entropy, low=0)
    seen = full_feedback(env, steps, seed, lr)
    network = start_at(network_for(seen, 2, seed), rare_halt(seen.max_segments), 0.0)
    generator = torch.Generator(seen.obs_MPF.device).manual_seed(int(seed))

    def loss(part: Feedback, left: float) -> Tensor:
        logit_DP, value_DP = network(part.decisions_DPF).unbind(-1)
        coin_DP = torch.rand(logit_DP.shape, generator=generator, device=logit_DP.device)
        halt_DP = coin_DP < logit_DP.detach().sigmoid()
        expected_DP = value_DP if baseline == "value" else None
        return reinforce_loss(
            logit_DP, halt_DP, part.returns_MP, seen.step_cost,
            expected_DP, centred=baseline == "mean", entropy=left * entropy,
        )  # fmt: skip

    descend(network, loss, seen, steps=steps, batch=batch, seed=seed, lr=lr, progress=progress)
    return ChancePolicy(network, env.config.observation, env.config.time_aware)


def reinforce_loss(
    logit_DP: Float[Tensor, "D P"],
    halt_DP: Bool[Tensor, "D P"],
    returns_MP: Float[Tensor, "M P"],
    step_cost: float,
    value_DP: Float[Tensor, "D P"] | None = None,
    *,
    centred: bool = False,
    entropy: float = 0.0,
) -> Float[Tensor, ""]:
    """Sum over an episode's decisions, mean over episodes: its gradient is REINFORCE's, negated.

    Args:
        halt_DP: the coins; an episode halts at the first that says so.
        value_DP: the baseline, which is fitted to G_m too.
        centred: whether the baseline is the mean of G_m.
    """
    D, P = logit_DP.shape
    stopped_DP = halt_DP.cumsum(0) > 0
    reached_DP = torch.cat([torch.ones_like(halt_DP[:1]), ~stopped_DP[:-1]])
    end_P = (~stopped_DP).sum(0)  # index of the segment halted after
    m_D1 = torch.arange(D, device=logit_DP.device)[:, None]
    gain_DP = returns_MP.gather(0, end_P[None]) + step_cost * m_D1
    advantage_DP = gain_DP
    if value_DP is not None:
        advantage_DP = gain_DP - value_DP.detach()
    if centred:
        advantage_DP = gain_DP - gain_DP[reached_DP].mean()
    log_p_DP = log_probability(logit_DP, halt_DP)
    loss_DP = -advantage_DP * log_p_DP - entropy * coin_entropy(logit_DP)
    if value_DP is not None:
        loss_DP = loss_DP + (gain_DP - value_DP).square()
    return torch.where(reached_DP, loss_DP, 0).sum() / P
