"""Conditional learn-then-test: a threshold for each segment, with few losses among those halted by then.

See `rules.conditional`. Of the puzzles halted by m at most `alpha` are wrong that the last segment has
right, for every m, with probability 1 - delta over banks.

Source: Ringel et al. 2024 (arXiv 2402.00857) and its public code. Deviation: the estimate of being right
is the first column of the observation (the Q-head's logit), not a head that is trained for it.

Hyperparameters: alpha 0.05, delta 0.1. The seed splits the bank in the half that proposes and the half
that tests. The step cost plays no part, and `steps` is of no use.
"""

from __future__ import annotations

from collections.abc import Callable

from hrm_rl.agents.learners.inputs import asked, logged, no_progress
from hrm_rl.agents.rules.conditional import Stepwise, calibrate_conditional
from hrm_rl.envs.vector import HaltingVectorEnv


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    alpha: float = 0.05,
    delta: float = 0.1,
) -> Stepwise:
    """Calibrate on the environment's bank (`inputs.logged`)."""
    asked(env, steps, seed)
    bank = logged(env).first(env.config.max_segments)
    found = calibrate_conditional(bank, alpha, delta, observation=env.config.observation, seed=seed)
    progress(steps)
    return found.policy
