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

from hrm_rl.checks.numbers import choice
from hrm_rl.envs import border
from hrm_rl.envs.engine import Step
from hrm_rl.envs.engines import SlotEngine

OUTPUTS: Final = ("numpy", "torch")


class SlotsVectorEnv(VectorEnv[Any, Any, Any]):
    """Steps an engine and says what came of it, in numpy or torch. Resets are its heirs' own."""

    engine: SlotEngine

    def __init__(
        self,
        num_envs: int,
        autoreset_mode: AutoresetMode,
        output: str,
        bounds: tuple[list[float], list[float]],
        actions: int = 2,
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
        self.single_action_space = spaces.Discrete(actions)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._over_N, self._choices = np.zeros(num_envs, bool), actions

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Continue (0), halt (1) or, where there are restarts, restart (2) in every row.

        Raises:
            InvalidAction: not N of these.
            ResetNeeded: before the first reset, or in mode Disabled in a row that is over.
        """
        step = self.engine.step(self._actions(actions))
        return self._torch_step(step) if self.output == "torch" else self._numpy_step(step)

    def _torch_step(self, step: Step) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        obs_NF, info = border.tensors(self.engine, step.now)
        over_N, infos = border.tensor(step.terminated_N), dict[str, Any](info)
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            infos["final_obs"], infos["final_info"] = border.tensors(self.engine, step.final)
            infos |= {"_final_obs": over_N.clone(), "_final_info": over_N.clone()}
        reward_N = border.tensor(step.reward_N).float()
        return obs_NF, reward_N, over_N, torch.zeros_like(over_N), infos

    def _numpy_step(self, step: Step) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        obs_NF, info = border.show(self.engine, step.now)
        over_N = border.array(step.terminated_N)
        infos = border.batched(info, np.ones(self.num_envs, bool))
        if self.autoreset_mode is AutoresetMode.SAME_STEP and np.count_nonzero(over_N):
            infos |= self._final_infos(step, over_N)
        if self.autoreset_mode is AutoresetMode.DISABLED:
            self._over_N = over_N.copy()
        truncated_N = np.zeros(self.num_envs, bool)
        return obs_NF, border.array(step.reward_N), over_N, truncated_N, infos

    def _final_infos(self, step: Step, over_N: np.ndarray) -> dict[str, Any]:
        """In mode SameStep: the last moments of the episodes that ended, and nothing elsewhere."""
        rows_B = over_N.nonzero()[0]
        obs_BF = border.array(self.engine.observe(self.engine.pick(step.final, rows_B)))
        final_obs = np.empty(self.num_envs, dtype=object)  # None everywhere
        final_obs[rows_B] = np.fromiter(obs_BF, object, len(obs_BF))
        final_info = border.plain(self.engine.tell(step.final, over_N))
        return {
            "final_obs": final_obs,
            "final_info": border.batched(final_info, over_N),
            "_final_obs": over_N.copy(),
            "_final_info": over_N.copy(),
        }

    def action_masks(self) -> np.ndarray:
        """bool (N, A): which of the actions have an effect now."""
        return border.masks(self.engine)

    def _actions(self, actions: Any) -> Any:
        if not self.engine.begun:
            raise ResetNeeded("there is no episode yet; call reset() before step()")
        if self.output == "numpy":
            actions = border.actions(actions, self.num_envs, self._choices)
            if self.autoreset_mode is AutoresetMode.DISABLED and np.count_nonzero(self._over_N):
                raise ResetNeeded(
                    f"the episodes of rows {np.flatnonzero(self._over_N).tolist()} are over; call "
                    'reset(options={"reset_mask": terminated}) first, or use another autoreset_mode'
                )
            return self.engine.given(actions)
        actions_N = torch.as_tensor(actions, device=self.engine.device)
        if actions_N.shape != (self.num_envs,) or actions_N.is_floating_point():
            raise InvalidAction(
                f"actions must be {self.num_envs} whole numbers, {border.named(self._choices)}, got "
                f"{actions_N.dtype} of shape {tuple(actions_N.shape)}"
            )
        return self.engine.given(actions_N)
