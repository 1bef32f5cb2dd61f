"""Longstaff-Schwartz: backward induction on what the rule fitted so far really gets.

From the last segment to the first, by least squares over all puzzles of the bank,

    H_m(o) ~ E[1{correct at m} | o_m = o],    C_m(o) ~ E[R_{m+1} | o_m = o] - step_cost,

with R_{m+1} the return on that very puzzle of the rule that is already fitted for later segments;
halt where H_m >= C_m. An error of the fit acts only where it changes a decision, so there is less
bias than in `tvr`, and more noise.

Source: Longstaff and Schwartz 2001; random features as in Herrera et al. 2021 (arXiv 2104.13669).
Deviations: an option's payoff is known when one decides, whether the answer is right is not, so H
is fitted too; and the regressions are over all puzzles, where Longstaff and Schwartz take the paths
that are in the money.

Hyperparameters: 128 random features, ridge penalty 1e-4 (`regressors.random_features`), or another
regressor. It is solved in closed form: `steps` is of no use, and the seed draws the features.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hrm_rl.agents.learners.inputs import asked, logged, no_progress
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.statistics.regressors import Regress, random_features
from hrm_rl.stopping.snell import Snell, backward_induction


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    targets: str = "returns",
    regress: Regress | None = None,
) -> Snell:
    """Solve for H and C on the environment's bank (`inputs.logged`); see `snell.backward_induction`."""
    asked(env, steps, seed)
    config = env.config
    policy = backward_induction(
        logged(env).first(config.max_segments),
        config.observation,
        config.step_cost,
        regress or partial(random_features, seed=seed),
        targets=targets,
        time_aware=config.time_aware,
    )
    progress(steps)
    return policy
