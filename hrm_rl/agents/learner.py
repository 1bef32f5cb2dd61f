"""What a learner is, and the learners there are by name.

The diff of two learners shows the learning rule and nothing else: the environment, the observation,
its standardisation and the size of the network are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.halting import Policy


class Learner(Protocol):
    """A function that fits a halting policy to an environment (autoreset mode SameStep)."""

    def __call__(
        self,
        env: HaltingVectorEnv,
        *,
        steps: int,
        seed: int,
        progress: Callable[[int], object] = ...,
    ) -> Policy: ...


def learner(name: str, **settings: Any) -> Learner:
    """The learner of that name; `settings` take the place of its own.

    Raises:
        ValueError: no such learner.
    """
    if name not in LEARNERS:
        raise ValueError(f'no learner "{name}"; there are {", ".join(LEARNERS)}')
    return LEARNERS[name](**settings)


def _q(**settings: Any) -> Learner:
    from functools import partial

    from hrm_rl.agents import act_q

    return partial(act_q.learn, **settings)


def _ppo(**settings: Any) -> Learner:
    from stable_baselines3 import PPO

    from hrm_rl.agents.sb3_learners import sb3_learner

    defaults = {"rollout": 1024, "batch_size": 256, "n_epochs": 6, "learning_rate": 3e-3}
    return sb3_learner(PPO, **{**defaults, **settings})


def _a2c(**settings: Any) -> Learner:
    from stable_baselines3 import A2C

    from hrm_rl.agents.sb3_learners import sb3_learner

    defaults = {"rollout": 256, "gae_lambda": 0.95, "learning_rate": 3e-3, "use_rms_prop": False}
    return sb3_learner(A2C, **{**defaults, **settings})


def _dqn(**settings: Any) -> Learner:
    from stable_baselines3 import DQN

    from hrm_rl.agents.sb3_learners import sb3_learner

    defaults = {
        "learning_rate": 1e-3,
        "buffer_size": 50_000,
        "learning_starts": 1000,
        "batch_size": 256,
        "gradient_steps": 4,
        "target_update_interval": 1000,
        "exploration_initial_eps": 0.2,
        "exploration_final_eps": 0.02,
        "train_freq": 1,
    }
    return sb3_learner(DQN, **{**defaults, **settings})


LEARNERS: dict[str, Callable[..., Learner]] = {"q": _q, "ppo": _ppo, "a2c": _a2c, "dqn": _dqn}
"""Name -> what makes the learner; stable-baselines3 is imported only by those that need it."""
