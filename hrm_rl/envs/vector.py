"""N halting episodes at one forward per step: the engine as a Gymnasium vector environment.

Shapes: N slots, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from hrm_rl.envs import border
from hrm_rl.envs.config import HaltingConfig
from hrm_rl.envs.engine import Step
from hrm_rl.envs.frame import Frame
from hrm_rl.loop import each

OUTPUTS = ("numpy", "torch")


class HaltingVectorEnv(VectorEnv[Any, Any, Any]):
    """N slots of `HaltingEnv`, where Description, Spaces, Rewards and Episode End are.

    It equals `SyncVectorEnv` of N single environments in observations, rewards, ends and infos, in
    all three autoreset modes. Row i is seeded with `seed + i`.

    ## Arguments

    Those of `HaltingEnv`, and:

    | Parameter        | Type    | Default      | Description                                     |
    |------------------|---------|--------------|-------------------------------------------------|
    | `num_envs`       | **int** | `1`          | slots, N                                        |
    | `autoreset_mode` | **str** | `"NextStep"` | `"NextStep"`, `"SameStep"`, `"Disabled"` with   |
    |                  |         |              | `reset(options={"reset_mask": mask_N})`         |
    | `output`         | **str** | `"numpy"`    | `"torch"`: tensors on the device, see below     |
    | `render_mode`    | **str** | `None`       | `"rgb_array"`: `render()` gives a picture a row |

    With `output="torch"` nothing leaves the device and nothing is read from it. So actions are not
    checked, rewards are float32, rows that are over in mode Disabled stay as they are at reward 0,
    and which infos there are does not depend on what happened: in mode SameStep always `final_obs`
    (N, F) and `final_info`, to be used where `_final_obs` is set. There are no masks such as
    `_correct` of what is always said.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 # as Gymnasium declares it
        "render_modes": ["rgb_array"],
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        output: str = "numpy",
        render_mode: str | None = None,
        **arguments: Any,
    ) -> None:
        """The other arguments are the fields of `HaltingConfig`.

        Raises:
            ValueError: an argument is wrong, or the parts don't fit each other.
        """
        if output not in OUTPUTS:
            raise ValueError(f"output must be one of {', '.join(OUTPUTS)}, got {output!r}")
        mode = autoreset_mode.value if isinstance(autoreset_mode, AutoresetMode) else autoreset_mode
        self.config = HaltingConfig.of(**arguments)
        self.engine, self.puzzles = self.config.engine(num_envs, mode)
        self.num_envs, self.output = num_envs, output
        self.autoreset_mode = AutoresetMode(mode)
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}
        self.render_mode = border.render_mode(
            render_mode,
            self.metadata["render_modes"],
            self.puzzles,
            "; a window shows a single environment",
        )
        self.single_observation_space = border.observation_space(self.engine)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.single_action_space = spaces.Discrete(2)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._generators: list[np.random.Generator] = []
        self._seeds: list[int] = []
        self._over_N = np.zeros(num_envs, bool)

    @property  # type: ignore[misc]
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The generator of each row."""
        return tuple(self._generators)

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seed of each row."""
        return tuple(self._seeds)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Deal new puzzles in all rows, or where `options["reset_mask"]` is set.

        Args:
            seed: of row 0, with row i getting `seed + i`; or one for each row.

        Raises:
            ValueError, TypeError: not one seed for each row, or not a mask of them.
            ResetNeeded: the first reset has a mask.
        """
        where_N = self._mask(options)
        self._seed(seed, where_N)
        moment = self.engine.reset(torch.from_numpy(where_N).to(self.engine.device))
        self._over_N = self._over_N & ~where_N
        if self.output == "torch":
            return self.engine.show(moment)
        obs_NF, info = border.show(self.engine, moment)
        elsewhere = np.flatnonzero(~where_N)
        for value in info.values():
            value[elsewhere] = 0
        return obs_NF, _batched(info, where_N)

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
        infos = _batched(info, np.ones(self.num_envs, bool))
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
            "final_info": _batched(final_info, over_N),
            "_final_obs": over_N.copy(),
            "_final_info": over_N.copy(),
        }

    def action_masks(self) -> np.ndarray:
        """bool (N, 2): which of continue and halt have an effect now."""
        return border.masks(self.engine)

    def frames(self) -> list[Frame]:
        """The present moment of every row, to be drawn."""
        return [border.frame(self.engine, self.puzzles, row) for row in range(self.num_envs)]

    def render(self) -> tuple[np.ndarray, ...] | None:
        """RGB pictures (H, W, 3) uint8, one per row; None without a render mode."""
        pictures = border.pictures(self.render_mode, self.frames())
        return tuple(pictures) if self.render_mode else None

    def _mask(self, options: dict[str, Any] | None) -> np.ndarray:
        if options is None or "reset_mask" not in options:
            return np.ones(self.num_envs, bool)
        where_N = options["reset_mask"]
        if isinstance(where_N, Tensor):
            where_N = where_N.cpu().numpy()
        if not isinstance(where_N, np.ndarray) or where_N.dtype != np.bool_:
            kind = where_N.dtype if isinstance(where_N, np.ndarray) else type(where_N).__name__
            raise TypeError(f'options["reset_mask"] must be a numpy array of bool, got {kind}')
        if where_N.shape != (self.num_envs,) or not where_N.any():
            raise ValueError(
                f'options["reset_mask"] must have shape ({self.num_envs},) and one True at least, '
                f"got {where_N!r}"
            )
        if self.engine.moment is None:
            raise ResetNeeded("the first reset() starts every row; call it without a reset_mask")
        return where_N.copy()

    def _seed(self, seed: int | Sequence[int | None] | None, where_N: np.ndarray) -> None:
        n = self.num_envs
        if seed is None and self._generators:
            return
        seeds = [seed] * n if seed is None else seed
        if isinstance(seeds, (int, np.integer)):
            seeds = [int(seeds) + i for i in range(n)]
        if len(seeds) != n:
            raise ValueError(
                f"seeds must be one number or one for each of {n} rows, got {len(seeds)}"
            )
        new_N = where_N & np.array([s is not None for s in seeds])
        if not self._generators:
            new_N[:] = True
            self._generators, self._seeds = [np.random.default_rng()] * n, [0] * n
        for row in np.flatnonzero(new_N).tolist():
            self._generators[row], self._seeds[row] = seeding.np_random(seeds[row])
        if new_N.any():
            border.seed(self.engine, self._generators, new_N)

    def _actions(self, actions: Any) -> Tensor:
        if self.engine.moment is None:
            raise ResetNeeded("there is no episode yet; call reset() before step()")
        if self.output == "numpy":
            actions = np.asarray(actions)
            if actions.shape != (self.num_envs,) or not (actions == (actions == 1)).all():
                raise InvalidAction(
                    f"actions must be {self.num_envs} of 0 (continue) and 1 (halt), got {actions!r}"
                )
            if self.autoreset_mode is AutoresetMode.DISABLED and self._over_N.any():
                raise ResetNeeded(
                    f"the episodes of rows {np.flatnonzero(self._over_N).tolist()} are over; call "
                    'reset(options={"reset_mask": terminated}) first, or use another autoreset_mode'
                )
        return torch.as_tensor(actions, device=self.engine.device)


def _batched(values: dict[str, np.ndarray], where_N: np.ndarray) -> dict[str, Any]:
    """`info` as Gymnasium batches it: beside each key `_key`, for where it is said."""
    infos: dict[str, Any] = {}
    for key, value in values.items():
        infos[key], infos[f"_{key}"] = value, where_N.copy()
    return infos
