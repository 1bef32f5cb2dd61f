"""N slots at a step: what the vector environments share, whatever engine runs in their slots.

Shapes: N slots, F features.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from hrm_rl.checks.numbers import choice
from hrm_rl.envs import border
from hrm_rl.envs.engine import Step
from hrm_rl.loop import each

OUTPUTS: Final = ("numpy", "torch")


class SlotsVectorEnv(VectorEnv[Any, Any, Any]):
    """Steps an engine and says what came of it, in numpy or torch. Resets are its heirs' own."""

    engine: border.SlotEngine

    def __init__(
        self,
        num_envs: int,
        autoreset_mode: AutoresetMode,
        output: str,
        bounds: tuple[list[float], list[float]],
    ) -> None:
        """Spaces and metadata; `bounds` are those of an observation's columns.

        Raises:
            ValueError: no such output.
        """
        choice("output", output, OUTPUTS)
        self.num_envs, self.output, self.autoreset_mode = num_envs, output, autoreset_mode
        self.metadata = {**self.metadata, "autoreset_mode": autoreset_mode}
        self.single_observation_space = border.observation_space(bounds)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.single_action_space = spaces.Discrete(2)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._over_N = np.zeros(num_envs, bool)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Continue (0) or halt (1) in every row.

        Raises:
            InvalidAction: not N of the two.
            ResetNeeded: before the first reset, or in mode Disabled in a row that is over.
        """
        step = self.engine.step(self._actions(actions))
        return self._torch_step(step) if self.output == "torch" else self._numpy_step(step)

    def _torch_step(self, step: Step) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        obs_NF, info = self.engine.show(step.now)
        over_N, infos = step.terminated_N, dict[str, Any](info)
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            infos["final_obs"], infos["final_info"] = self.engine.show(step.final)
            infos |= {"_final_obs": over_N.clone(), "_final_info": over_N.clone()}
        return obs_NF, step.reward_N.float(), over_N, torch.zeros_like(over_N), infos

    def _numpy_step(self, step: Step) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        obs_NF, info = border.show(self.engine, step.now)
        over_N = border.array(step.terminated_N)
        infos = border.batched(info, np.ones(self.num_envs, bool))
        if self.autoreset_mode is AutoresetMode.SAME_STEP and over_N.any():
            infos |= self._final_infos(step, over_N)
        self._over_N = over_N.copy()
        return obs_NF, border.array(step.reward_N), over_N, np.zeros_like(over_N), infos

    def _final_infos(self, step: Step, over_N: np.ndarray) -> dict[str, Any]:
        """In mode SameStep: the last moments of the episodes that ended, and nothing elsewhere."""
        rows_B = np.flatnonzero(over_N)
        index_B = torch.from_numpy(rows_B).to(self.engine.device)
        ended = each(lambda part: part.index_select(0, index_B), step.final)
        obs_BF, info = border.show(self.engine, ended)
        final_obs = np.full(self.num_envs, None, dtype=object)
        final_obs[rows_B] = np.fromiter(obs_BF, object, len(obs_BF))
        final_info = {}
        for key, some_B in info.items():
            final_info[key] = np.zeros((self.num_envs, *some_B.shape[1:]), some_B.dtype)
            final_info[key][rows_B] = some_B
        return {
            "final_obs": final_obs,
            "final_info": border.batched(final_info, over_N),
            "_final_obs": over_N.copy(),
            "_final_info": over_N.copy(),
        }

    def action_masks(self) -> np.ndarray:
        """bool (N, 2): which of continue and halt have an effect now."""
        return border.masks(self.engine)

    def _actions(self, actions: Any) -> Tensor:
        if self.engine.moment is None:
            raise ResetNeeded("there is no episode yet; call reset() before step()")
        if self.output == "numpy":
            actions = border.actions(actions, self.num_envs)
            if self.autoreset_mode is AutoresetMode.DISABLED and self._over_N.any():
                raise ResetNeeded(
                    f"the episodes of rows {np.flatnonzero(self._over_N).tolist()} are over; call "
                    'reset(options={"reset_mask": terminated}) first, or use another autoreset_mode'
                )
        actions_N = torch.as_tensor(actions, device=self.engine.device)
        if actions_N.shape != (self.num_envs,) or actions_N.is_floating_point():
            raise InvalidAction(
                f"actions must be {self.num_envs} whole numbers, 0 (continue) or 1 (halt), got "
                f"{actions_N.dtype} of shape {tuple(actions_N.shape)}"
            )
        return actions_N
