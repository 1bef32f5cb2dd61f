"""stable-baselines3 on the native vector environment, and its algorithms as halting policies.

Shapes: N slots, B puzzles, F features.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from jaxtyping import Bool, Float, Int
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices
from torch import Tensor, nn

from hrm_rl.agents.lone_rows import lone_row, refuse_nan
from hrm_rl.halting import CONTINUE, HALT

PER_ROW: Final = ("action_masks", "render")
"""Methods of the environment that return one thing for each row; `env_method` calls these."""


class SB3VecEnv(VecEnv):
    """A native vector environment as SB3 wants it: one step of it each, a loop over ended rows only.

    On a `HaltingVectorEnv` algorithms learn, bit for bit, what they learn on a DummyVecEnv of single
    environments; on a `TrainingVectorEnv` they drive the halting of a model that is learning too.
    Rows whose episode goes on have an empty info: SB3 reads the infos of ended episodes alone.

    It is its own `Monitor`: `info["episode"]` of an ended row has the return `r`, the decisions `l`,
    the seconds `t` since this was made, and `segment`, where it ended (l, but l + 1 of a forced halt
    of a frozen model). So `rollout/ep_rew_mean` is logged, and no `VecMonitor` is needed.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        """Raises ValueError if `env` has another autoreset mode than SAME_STEP, or torch output."""
        if not isinstance(env, VectorEnv):
            raise ValueError(
                f"SB3VecEnv takes a vector environment, got a {type(env).__name__}; make it with "
                'gymnasium.make_vec(id, num_envs=64, autoreset_mode="SameStep")'
            )
        mode = env.metadata.get("autoreset_mode")
        if mode is not AutoresetMode.SAME_STEP:
            raise ValueError(
                f'SB3 resets in the same step, got {mode}; pass autoreset_mode="SameStep"'
            )
        if getattr(env.unwrapped, "output", "numpy") != "numpy":
            raise ValueError('SB3 takes numpy arrays, got output="torch"; pass output="numpy"')
        self.env = env
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self.metadata = dict(env.metadata)
        self._began, self._return_N = time.time(), np.zeros(env.num_envs)
        self._length_N = np.zeros(env.num_envs, np.int64)

    def reset(self) -> np.ndarray:
        obs_NF, infos = self.env.reset(**self._asked())
        self._reset_seeds()
        self._reset_options()
        self.reset_infos = [_row(infos, i) for i in range(self.num_envs)]
        self._return_N[:], self._length_N[:] = 0, 0
        return obs_NF

    def _asked(self) -> dict[str, Any]:
        """What `seed` and `set_options` said, as a vector environment wants it: a list of each option.

        Raises:
            ValueError: the rows were given other options than each other.
        """
        first, *others = self._options
        if any(row.keys() != first.keys() for row in others):
            raise ValueError(
                "options must be the same for all rows but for their values, got "
                f"{str(self._options)[:80]}; name them in every row"
            )
        if all(row is first or _same(row, first) for row in others):
            return {"seed": self._seeds, "options": first or None}
        joined = {key: [row[key] for row in self._options] for key in first}
        return {"seed": self._seeds, "options": joined}

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        obs_NF, reward_N, terminated_N, truncated_N, now = self.env.step(self._actions)
        done_N = terminated_N | truncated_N
        self._return_N += reward_N
        self._length_N += 1
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(done_N):
            infos[i] = _row(now["final_info"], i)
            infos[i]["episode"] = self._episode(i, infos[i]["segment"])
            infos[i]["terminal_observation"] = now["final_obs"][i]
            infos[i]["TimeLimit.truncated"] = bool(truncated_N[i] and not terminated_N[i])
            self.reset_infos[i] = _row(now, i)
        self._return_N[done_N], self._length_N[done_N] = 0, 0
        return obs_NF, reward_N.astype(np.float32), done_N, infos

    def _episode(self, row: int | np.integer, segment: int) -> dict[str, float]:
        """What a `Monitor` says of an episode, and the segment that it ended at."""
        return {
            "r": round(float(self._return_N[row]), 6),
            "l": int(self._length_N[row]),
            "t": round(time.time() - self._began, 6),
            "segment": segment,
        }

    def close(self) -> None:
        self.env.close()

    def get_images(self) -> Sequence[np.ndarray | None]:
        pictures: Any = self.env.render()  # a tuple, or None without a render mode
        return pictures or [None] * self.num_envs

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The attribute of the one environment, once for each row."""
        value = getattr(self.env.unwrapped, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        if indices is not None:
            raise ValueError(
                f"{attr_name} belongs to all rows, which are one environment; leave out indices"
            )
        setattr(self.env.unwrapped, attr_name, value)

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: VecEnvIndices = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        if method_name not in PER_ROW:
            raise ValueError(f"env_method must be one of {', '.join(PER_ROW)}, got {method_name!r}")
        rows = getattr(self.env.unwrapped, method_name)(*method_args, **method_kwargs)
        return [rows[i] for i in self._get_indices(indices)]

    def env_is_wrapped(
        self,
        wrapper_class: type[gymnasium.Wrapper[Any, Any, Any, Any]],
        indices: VecEnvIndices = None,
    ) -> list[bool]:
        """True for SB3's `Monitor`, whose part this plays; there are no single environments to wrap."""
        return [wrapper_class is Monitor for _ in self._get_indices(indices)]


def _row(infos: dict[str, Any], row: int | np.integer) -> dict[str, Any]:
    """The info of one row, as a single environment gives it: Python numbers and own arrays."""
    found: dict[str, Any] = {}
    for key, value in infos.items():
        if key.startswith("_") or key in ("final_obs", "final_info"):
            continue
        if isinstance(value, dict):  # a wrapper's
            found[key] = _row(value, row)
        else:
            found[key] = value[row].copy() if value.ndim > 1 else value[row].item()
    return found


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(np.array_equal(one[key], other[key]) for key in one)


@torch.no_grad()
def initial_halt_bias(policy: BaseAlgorithm | nn.Module, max_segments: int) -> None:
    """Let an untrained actor-critic halt, and restart if it can, with P of about 1 / `max_segments` each.

    With the usual 1/2 it would hardly ever see a late segment: an episode would have 2 on average. Warns
    where the algorithm's weights would become NaN: MaskablePPO's, if its batch_size leaves one row.

    Raises:
        ValueError: not an actor-critic, or max_segments < 2.
    """
    remark = lone_row(policy, policy.n_envs) if isinstance(policy, BaseAlgorithm) else ""
    policy = policy.policy if isinstance(policy, BaseAlgorithm) else policy
    head = getattr(policy, "action_net", None)
    if not isinstance(head, nn.Linear) or head.out_features not in (2, 3):
        raise ValueError(
            "policy must be an actor-critic of stable-baselines3 (PPO, A2C: a torch `action_net` of a logit "
            f"an action), got {type(policy).__module__}.{type(policy).__qualname__}; value learners "
            "explore by their epsilon, and other libraries (SBX) keep their weights elsewhere"
        )
    if max_segments < 2:
        raise ValueError(f"max_segments must be >= 2, got {max_segments}")
    head.bias[:] = -math.log(max(max_segments + 1 - head.out_features, 1))
    head.bias[CONTINUE] = 0.0
    if remark:
        warnings.warn(remark, stacklevel=3)  # past torch's decorator


@dataclass(frozen=True)
class SB3Policy:
    """What an SB3 algorithm has learnt, as a `halting.Policy`; its best action, not a drawn one.

    Play it with the `max_segments` of its environment, which scales the segment number that it sees,
    and take no halt before the environment's `min_segments` for a wish: there it meant to continue.
    """

    algorithm: BaseAlgorithm
    observation: str = "scalars"
    """The observation set that it was trained on."""
    time_aware: bool = True
    """Whether it saw the segment number."""

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        return torch.from_numpy(_best(self.algorithm, obs_BF) == HALT).to(obs_BF.device)


@dataclass(frozen=True)
class SB3RestartPolicy:
    """What an SB3 algorithm has learnt with restarts, as a `stopping.restarts.RestartPolicy`."""

    algorithm: BaseAlgorithm
    observation: str = "scalars"
    """The observation set that it was trained on."""

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
        return torch.from_numpy(_best(self.algorithm, obs_BF)).to(obs_BF.device)


def _best(algorithm: BaseAlgorithm, obs_BF: Float[Tensor, "B F"]) -> np.ndarray:
    """The best actions, of observations as the environment gives them.

    Raises:
        ValueError: the algorithm's weights are NaN.
    """
    refuse_nan(algorithm)
    obs: Any = obs_BF.cpu().numpy()
    normalizer = algorithm.get_vec_normalize_env()
    if normalizer is not None:
        obs = normalizer.normalize_obs(obs)
    return algorithm.predict(obs, deterministic=True)[0]
