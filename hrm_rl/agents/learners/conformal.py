"""Conformal Thinking: confident above one threshold, given up below another that rises with time.

Both are chosen on the environment's bank with risk control (`rules.sides.calibrate_rising`). With
probability 1 - delta over banks, halting confidently loses at most `alpha_up` of the answers that the
last segment has right, and giving up at most `alpha_down` of those that are right at any later one.

Source: Conformal Thinking 2026 (arXiv 2602.03814) and its public code. Deviations: the signal is the
first column of the observation (the Q-head's logit), not smoothed over time; learn-then-test in place
of an upper confidence bound; slopes are chosen from by fewest segments, other signals are not.

Hyperparameters: both levels 0.05, delta 0.1, slopes 1/2, 1 and 2 per segment, ceiling 1/2. Thresholds
are tried on grids that are written down. The step cost plays no part, `steps` and the seed are of no use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from hrm_rl.agents.learners.inputs import asked, logged, no_progress
from hrm_rl.agents.rules.sides import calibrate_rising
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.halting import Policy

UPPERS: tuple[float, ...] = tuple(torch.linspace(12, -2, 57).double().sigmoid().tolist())
"""Upper thresholds that are tried: logits from 12 to -2."""
LATER = 4
"""The latest lower threshold rises so many segments after the last one."""


def learn(
    env: HaltingVectorEnv,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    alpha_up: float = 0.05,
    alpha_down: float = 0.05,
    delta: float = 0.1,
    slopes: Sequence[float] = (0.5, 1.0, 2.0),
    ceiling: float = 0.5,
) -> Policy:
    """Calibrate both thresholds on the environment's bank (`inputs.logged`)."""
    asked(env, steps, seed)
    M = env.config.max_segments
    found = calibrate_rising(
        logged(env).first(M),
        UPPERS,
        torch.linspace(M + LATER, 0, 2 * (M + LATER) + 1).tolist(),
        alpha_up=alpha_up,
        alpha_down=alpha_down,
        delta=delta,
        slopes=slopes,
        ceiling=ceiling,
        observation=env.config.observation,
    )
    progress(steps)
    return found.policy
