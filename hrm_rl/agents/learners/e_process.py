"""An e-process against hard negatives: halt when the evidence that this can be solved is 1 / alpha.

See `rules.evidence`, also for what the bound rests on: of the puzzles that are never right at most
`alpha` halt early. The pool is of the environment's bank.

Source: Cho and Sun 2026 (arXiv 2605.12947). The score is the first column of the observation.

Hyperparameters: alpha 0.1, kappa 1/2. The step cost plays no part, `steps` and the seed are of no use.
"""

from __future__ import annotations

from collections.abc import Callable

from hrm_rl.agents.learners.inputs import asked, logged, no_progress
from hrm_rl.agents.rules.evidence import Evidence, hard_negatives
from hrm_rl.envs.vector import HaltingVectorEnv


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    alpha: float = 0.1,
    kappa: float = 0.5,
) -> Evidence:
    """Take the pool from the environment's bank (`inputs.logged`)."""
    asked(env, steps, seed)
    observation = env.config.observation
    pool = hard_negatives(logged(env).first(env.config.max_segments), observation)
    found = Evidence(pool, alpha, kappa, observation)
    progress(steps)
    return found
