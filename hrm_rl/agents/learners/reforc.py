"""Re-FORC: forecast the reward of t segments more, for every t, and stop if none repays its cost.

    psi_m(t, o) = E[1{correct at m + t} | o_m = o],   halt where max over t >= 1 of psi_m(t) - t * cost
                                                      is no more than psi_m(0)

by least squares over all puzzles of the bank. A horizon is a plan to run so many segments whatever is
seen on the way, so going on is worth at least that: where it matters that one may decide again, this
halts earlier than backward induction (`lsmc`). Where the best plan is always one segment (bank A), the
two are the same.

Source: Zabounidis et al. 2025 (arXiv 2511.02130). Deviations: a regression for each segment and horizon,
in place of an adapter that gives a Beta distribution for a number of tokens.

Hyperparameters: 128 random features, ridge penalty 1e-4 (`regressors.random_features`), or another
regressor. It is solved in closed form: `steps` is of no use, and the seed draws the features.

Shapes: P puzzles, B rows, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.agents.learners.inputs import asked, logged, no_progress
from hrm_rl.banks.bank import Bank, checked, observe
from hrm_rl.checks.numbers import real
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.statistics.regressors import Predict, Regress, random_features
from hrm_rl.stopping.exact import shares
from hrm_rl.stopping.snell import TIE


@dataclass(frozen=True)
class Forecast:
    """Halts where no horizon is forecast to repay its cost; what pays nothing and costs nothing halts."""

    right: Sequence[Sequence[Predict]]
    """psi_m(0), psi_m(1) ... of the segments m = 1 .. M - 1, up to the last segment."""
    step_cost: float
    observation: str
    time_aware: bool = True

    @torch.no_grad()
    def gains(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
        """What the best horizon is forecast to gain over halting now, its cost paid.

        Raises:
            ValueError: a segment that has no decision in the bank that this was fitted on.
        """
        gain_B = torch.empty(len(m_B), dtype=torch.float64, device=obs_BF.device)
        for m in m_B.unique().tolist():
            if not 1 <= m <= len(self.right):
                raise ValueError(
                    f"fitted for the decisions at 1..{len(self.right)}, asked at {m}; fit on a longer "
                    "bank"
                )
            rows_B = m_B == m
            now, *later = (predict(obs_BF[rows_B]) for predict in self.right[m - 1])
            paid = [psi_B - t * self.step_cost for t, psi_B in enumerate(later, start=1)]
            gain_B[rows_B] = torch.stack(paid).amax(0) - now
        return gain_B

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        return self.gains(obs_BF, m_B) <= TIE


def forecast(
    bank: Bank,
    observation: str,
    step_cost: float,
    regress: Regress,
    *,
    time_aware: bool = True,
    weight_P: Float[Tensor, " P"] | None = None,
) -> Forecast:
    """Fit every horizon of every segment.

    Args:
        regress: one of `hrm_rl.statistics.regressors`, or your own.

    Raises:
        ValueError: an observation set that was not logged, a step cost below 0, or as `shares`.
    """
    step_cost, weight_P = real("step_cost", step_cost, low=0), shares(len(checked(bank)), weight_P)
    right_MP = bank.correct_MP.double()
    fitted = []
    for m in range(1, bank.max_segments):
        obs_PF = observe(bank, observation, m, time_aware)
        fitted.append([regress(obs_PF, right_P, weight_P) for right_P in right_MP[m - 1 :]])
    return Forecast(fitted, step_cost, observation, time_aware)


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    regress: Regress | None = None,
) -> Forecast:
    """Fit the forecasts on the environment's bank (`inputs.logged`)."""
    asked(env, steps, seed)
    config = env.config
    policy = forecast(
        logged(env).first(config.max_segments),
        config.observation,
        config.step_cost,
        regress or partial(random_features, seed=seed),
        time_aware=config.time_aware,
    )
    progress(steps)
    return policy
