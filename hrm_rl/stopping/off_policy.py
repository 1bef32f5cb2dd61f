"""What a policy would be worth, from a log of another one that halts by coins.

Elsewhere a bank holds all segments, and every policy's value on it is exact. Whoever halts for real
sees nothing after the halt: the log is censored, and of each episode there are the observations up to
its end T, whether the answer was right there, and the logging policy's P(halt) on the way, `chance_MP`
(its propensities). Of a policy with P(halt) p_m, logged by one with b_m::

    importance     w = prod_{m<T} (1 - p_m) / (1 - b_m) * p_T / b_T
    IPS            w * r_T,    r_T = 1{right at T} - step_cost * (T - 1)
    doubly robust  D_T = V_T + p_T / b_T * (1{right at T} - H_T)
                   D_m = V_m + (1 - p_m) / (1 - b_m) * (D_{m+1} - step_cost - C_m)

with any model of what halting (H_m) and going on (C_m) are worth, and V_m = p_m H_m + (1 - p_m) C_m.
The mean over episodes is unbiased, in both, if the propensities are true and no decision of the policy
is impossible under the log; of the second one whatever the model says, as long as it was not fitted on
the same log. A good model makes it vary less, and where it is perfect no coin matters.

Sources: Precup, Sutton and Singh 2000; Jiang and Li 2016 (arXiv 1511.03722).

Shapes: M segments, D decisions (M - 1), P episodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.banks.bank import Bank, observe
from hrm_rl.checks.numbers import real, whole
from hrm_rl.halting import SEEDS, Policy
from hrm_rl.statistics.regressors import Predict, Regress
from hrm_rl.statistics.survival import halting
from hrm_rl.stopping.exact import halt_table
from hrm_rl.stopping.snell import Snell


@dataclass(frozen=True)
class Log:
    """Episodes of one policy; nothing is asked of what comes after their end."""

    segment_P: Int[Tensor, " P"]
    """Where each episode halted, from 1."""
    correct_P: Bool[Tensor, " P"]
    """Whether it was right there."""
    chance_MP: Float[Tensor, "M P"]
    """P(halt) of the policy that was run, after each segment up to the end; 1 at the last of all."""

    def __post_init__(self) -> None:
        """Raises ValueError: shapes that don't fit, segments out of range, or an impossible coin."""
        M, P = self.chance_MP.shape
        if self.segment_P.shape != (P,) or self.correct_P.shape != (P,):
            raise ValueError(
                f"a log has a segment and a verdict for each of its {P} episodes, got "
                f"{tuple(self.segment_P.shape)} and {tuple(self.correct_P.shape)}"
            )
        if P and not 1 <= self.segment_P.min() <= self.segment_P.max() <= M:
            raise ValueError(
                f"segments must be in 1..{M}, got {self.segment_P.min()} to {self.segment_P.max()}"
            )
        taken_MP = torch.where(self.halts_MP, self.chance_MP, 1 - self.chance_MP)
        reached_MP = self.goes_on_MP | self.halts_MP
        if not ((taken_MP > 0) & (taken_MP <= 1))[reached_MP].all():
            raise ValueError(
                "a log's P(halt) must be in [0, 1], and allow what was done, at every segment up to "
                "the end; log the probabilities that the coins were tossed with"
            )

    @property
    def halts_MP(self) -> Bool[Tensor, "M P"]:
        return self._m_M1 == self.segment_P

    @property
    def goes_on_MP(self) -> Bool[Tensor, "M P"]:
        return self._m_M1 < self.segment_P

    @property
    def _m_M1(self) -> Int[Tensor, "M 1"]:
        return torch.arange(1, len(self.chance_MP) + 1)[:, None]


def draw_log(bank: Bank, policy: Policy, *, seed: int) -> Log:
    """One episode of each puzzle of a bank, by the policy's coins.

    Raises:
        ValueError: a policy that has no `probability`, or a seed below 0.
    """
    chance_MP = halt_table(bank, policy, stochastic=True)
    generator = torch.Generator().manual_seed(whole("seed", seed, low=0, high=SEEDS))
    coin_MP = torch.rand(chance_MP.shape, generator=generator, dtype=torch.float64)
    segment_P = (coin_MP < chance_MP).double().argmax(0) + 1  # the first; at the last all halt
    return Log(segment_P, bank.correct_MP[segment_P - 1, torch.arange(len(bank))], chance_MP)


def importance(log: Log, halt_MP: Float[Tensor, "M P"]) -> Float[Tensor, " P"]:
    """How much likelier each episode is under a policy with P(halt) `halt_MP` than it was.

    Raises:
        ValueError: not a probability for each segment of the log, up to the end; or the policy may do
            what the log's never does, where the mean would be biased.
    """
    _check(log, halt_MP)
    end_1P = log.segment_P[None] - 1
    target_P, logged_P = (
        halting(t.double()).gather(0, end_1P)[0] for t in (halt_MP, log.chance_MP)
    )
    return target_P / logged_P


def inverse_propensity(
    log: Log, halt_MP: Float[Tensor, "M P"], step_cost: float
) -> Float[Tensor, " P"]:
    """IPS: the return of each episode times `importance`; the mean is the value.

    Raises:
        ValueError: as `importance`, or a step cost below 0.
    """
    step_cost = real("step_cost", step_cost, low=0)
    return importance(log, halt_MP) * (
        log.correct_P.double() - step_cost * (log.segment_P - 1).double()
    )


def doubly_robust(
    log: Log,
    halt_MP: Float[Tensor, "M P"],
    step_cost: float,
    model_DP2: Float[Tensor, "D P 2"],
) -> Float[Tensor, " P"]:
    """Doubly robust estimates of each episode; the mean is the value.

    Args:
        model_DP2: what halting and going on are thought to be worth at each decision, the price of the
            next segment taken off: `snell.value_table` of `fitted_model`. At the last of all segments the
            verdict itself is there, and no model is asked.

    Raises:
        ValueError: as `importance`, or a step cost below 0.
    """
    step_cost = real("step_cost", step_cost, low=0)
    _check(log, halt_MP)
    right_P, halts_MP = log.correct_P.double(), log.halts_MP
    ahead_P = right_P
    for m in range(len(model_DP2) - 1, -1, -1):
        p_P, b_P = halt_MP[m].double(), log.chance_MP[m].double()
        now_P, later_P = model_DP2[m].unbind(-1)
        halted_P = p_P / b_P * (right_P - now_P)
        went_on_P = (1 - p_P) / (1 - b_P) * (ahead_P - step_cost - later_P)
        surprise_P = torch.where(halts_MP[m], halted_P, went_on_P)
        ahead_P = torch.where(
            log.segment_P > m, p_P * now_P + (1 - p_P) * later_P + surprise_P, right_P
        )
    return ahead_P


def fitted_model(
    bank: Bank,
    log: Log,
    halt_MP: Float[Tensor, "M P"],
    step_cost: float,
    observation: str,
    regress: Regress,
) -> Snell:
    """H and C of the policy with P(halt) `halt_MP`, fitted to a log from the last segment backwards.

    Halting is learned from the episodes that did, and going on from those that did: given what was
    seen, a coin decided. Use the model on another log.

    Args:
        bank: what was seen. Rows after an episode's end are not looked at.

    Raises:
        ValueError: at a segment nobody halted or went on; or as `importance`.
    """
    step_cost = real("step_cost", step_cost, low=0)
    _check(log, halt_MP)
    right_P = log.correct_P.double()
    ahead_P = right_P
    now: list[Predict] = []
    later: list[Predict] = []
    for m in range(bank.max_segments - 1, 0, -1):
        obs_PF = observe(bank, observation, m)
        for what, met_P, target_P, fits in (
            ("halts", log.halts_MP[m - 1], right_P, now),
            ("goes on", log.goes_on_MP[m - 1], ahead_P - step_cost, later),
        ):
            if not met_P.any():
                raise ValueError(f"no episode of the log {what} at segment {m}; log more of them")
            weight_P = torch.full((int(met_P.sum()),), 1 / int(met_P.sum()), dtype=torch.float64)
            fits.append(regress(obs_PF[met_P], target_P[met_P], weight_P))
        p_P = halt_MP[m - 1].double()
        ahead_P = torch.where(
            log.segment_P >= m, p_P * now[-1](obs_PF) + (1 - p_P) * later[-1](obs_PF), 0
        )
    return Snell(now[::-1], later[::-1], observation)


def _check(log: Log, halt_MP: Float[Tensor, "M P"]) -> None:
    if halt_MP.shape != log.chance_MP.shape:
        raise ValueError(
            f"P(halt) must be of the log's {tuple(log.chance_MP.shape)} segments and episodes, got "
            f"{tuple(halt_MP.shape)}"
        )
    p_X = halt_MP[log.halts_MP | log.goes_on_MP]
    if not ((p_X >= 0) & (p_X <= 1)).all():
        raise ValueError(
            "P(halt) must be in [0, 1] at every segment up to an episode's end, got others"
        )
    p_DP, b_DP = halt_MP[:-1], log.chance_MP[:-1]
    never_DP = ((b_DP == 0) & (p_DP > 0)) | ((b_DP == 1) & (p_DP < 1))
    if (never_DP & (log.segment_P >= torch.arange(1, len(b_DP) + 1)[:, None])).any():
        raise ValueError(
            "the log's policy never does what this one may do, at a segment that was reached; a log "
            "has a value to offer where its P(halt) is neither 0 nor 1"
        )
