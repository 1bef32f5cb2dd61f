"""Any algorithm of stable-baselines3 as a learner of halting policies.

`sb3_learner(PPO, n_epochs=4)` is a function with the signature of `act_q.learn`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

import gymnasium
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

from hrm_rl.agents.learners.inputs import WIDTH, Standardise, asked, no_progress, standardise
from hrm_rl.agents.learners.protocol import Learner
from hrm_rl.agents.lone_rows import refuse_lone_row
from hrm_rl.agents.sb3 import SB3Policy, SB3VecEnv, initial_halt_bias
from hrm_rl.checks.numbers import choice, real, whole
from hrm_rl.device import shelter
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.halting import Policy


def sb3_learner(
    algorithm: Callable[..., BaseAlgorithm],
    rollout: int | None = None,
    *,
    policy: str = "MlpPolicy",
    policy_kwargs: dict[str, Any] | None = None,
    wrap: Callable[..., Policy] = SB3Policy,
    learning_rate: float = 3e-3,
    entropy: float = 0.0,
    **settings: Any,
) -> Learner:
    """A learner that trains `algorithm` with these settings on the environment it is given.

    The return is not discounted, since the step cost says what a segment costs; inputs are
    standardised as for every learner; an actor begins with P(halt) of about 1 / max_segments; the
    learning rate falls linearly to 0, since the model stands still.

    Args:
        rollout: decisions between two updates of an on-policy algorithm, summed over slots; n_steps
            follows from it and the number of slots.
        policy, policy_kwargs: SB3's network, and what is added to our settings of it.
        wrap: makes a halting policy of (algorithm, observation, time_aware).
        entropy: weight of an actor's entropy bonus, which falls linearly to 0 (SB3's `ent_coef` stays
            what it is). Without one coins are soon too sure to find out when to give up.

    Raises:
        ValueError: no decisions between two updates, a setting that the algorithm does not have, or an
            entropy bonus of one that has no actor.
    """
    _check(algorithm, rollout, settings)
    _check_numbers(algorithm, learning_rate, entropy)

    @shelter(gradients=True)
    def learn(
        env: HaltingVectorEnv,
        *,
        steps: int,
        seed: int,
        progress: Callable[[int], object] = no_progress,
    ) -> Policy:
        asked(env, steps, seed, learning_rate)
        steps_each = {} if rollout is None else {"n_steps": max(2, rollout // env.num_envs)}
        model = algorithm(
            policy,
            SB3VecEnv(env),
            seed=seed,
            gamma=1.0,
            learning_rate=lambda left: learning_rate * left,
            device="cpu",
            policy_kwargs=_network(env, seed) | (policy_kwargs or {}),
            **settings | steps_each,
        )
        refuse_lone_row(model, env.num_envs)
        if isinstance(model.policy, ActorCriticPolicy):
            initial_halt_bias(model, env.config.max_segments)
        model.learn(steps, callback=_Progress(progress, entropy))
        return wrap(model, env.config.observation, env.config.time_aware)

    return learn


def _network(env: HaltingVectorEnv, seed: int) -> dict[str, Any]:
    """Two hidden layers on standardised inputs, as the other learners have."""
    return {
        "net_arch": [WIDTH, WIDTH],
        "activation_fn": torch.nn.Tanh,
        "features_extractor_class": _Standardised,
        "features_extractor_kwargs": {"standard": standardise(env, seed)},
    }


def _check_numbers(
    algorithm: Callable[..., BaseAlgorithm], learning_rate: float, entropy: float
) -> None:
    real("learning_rate", learning_rate, low=0, inside=True)
    if real("entropy", entropy, low=0) and "ent_coef" not in signature(algorithm).parameters:
        raise ValueError(
            f"entropy is of an actor, and {algorithm.__name__} has none, got {entropy!r}; leave it out"
        )


def _check(
    algorithm: Callable[..., BaseAlgorithm], rollout: int | None, settings: Mapping[str, Any]
) -> None:
    """Raises ValueError: no decisions between two updates, or a setting that there is not."""
    if rollout is not None:
        whole("rollout", rollout, low=1)
    there = [*signature(algorithm).parameters, "rollout", "entropy"]
    for name in settings:
        choice(f"a setting of {algorithm.__name__}", name, there)


class _Standardised(BaseFeaturesExtractor):
    """SB3's place for what is done to observations first."""

    def __init__(self, observation_space: gymnasium.Space[Any], standard: Standardise) -> None:
        super().__init__(observation_space, len(standard.mean_F))
        self.standard = standard

    def forward(self, obs_BF: Tensor) -> Tensor:
        scaled_BF: Tensor = self.standard(obs_BF)
        return scaled_BF


class _Progress(BaseCallback):
    """Tells how many decisions were made, and lets the entropy bonus fall."""

    def __init__(self, progress: Callable[[int], object], entropy: float = 0.0) -> None:
        super().__init__()
        self.progress, self.entropy = progress, entropy

    def _on_rollout_start(self) -> None:
        if self.entropy:
            left = self.model._current_progress_remaining
            self.model.ent_coef = self.entropy * left  # type: ignore[attr-defined]

    def _on_step(self) -> bool:
        self.progress(self.training_env.num_envs)
        return True
