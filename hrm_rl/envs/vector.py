"""N halting episodes at one forward per step: the engine as a Gymnasium vector environment.

Shapes: N slots, F features.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor

from hrm_rl.banks.bank import Bank
from hrm_rl.envs import border
from hrm_rl.envs.arguments import VECTOR_ONLY, HaltingArguments, spelled_out
from hrm_rl.envs.config import HaltingConfig
from hrm_rl.envs.engines import HaltingEngine
from hrm_rl.envs.frame import Frame
from hrm_rl.envs.slots import SlotsVectorEnv


def check_native(env: object) -> None:
    """Refuse what is not a `HaltingVectorEnv` itself.

    A wrapper is not taken off by us: it may change what is seen or paid.

    Raises:
        ValueError: it is a wrapper, a single environment, or something else.
    """
    if isinstance(env, HaltingVectorEnv) and not env.config.restarts:
        return
    if isinstance(env, HaltingVectorEnv):
        raise ValueError(
            f"a learner of halting chooses between two actions, got restarts={env.config.restarts}; leave "
            "them out, or fit hrm_rl.stopping.restart_snell, or let an algorithm of stable-baselines3 learn"
        )
    if isinstance(getattr(env, "unwrapped", None), HaltingVectorEnv):
        cure = "pass env.unwrapped, if what the wrapper does may be left out"
    elif isinstance(env, (str, os.PathLike, Bank)):
        cure = "hrm_rl.agents.learners.protocol.play_on makes one of a bank or its name"
    else:
        cure = 'make it with gymnasium.make_vec(id, num_envs=64, autoreset_mode="SameStep")'
    raise ValueError(f"a HaltingVectorEnv itself is needed, got a {type(env).__name__}; {cure}")


class HaltingVectorEnv(SlotsVectorEnv, VectorEnv[Any, Any, Any]):
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

    engine: HaltingEngine
    metadata: dict[str, Any] = {  # noqa: RUF012 # as Gymnasium declares it
        "render_modes": ["rgb_array"],
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    @spelled_out(HaltingConfig, HaltingArguments)
    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        output: str = "numpy",
        render_mode: str | None = None,
        **arguments: Unpack[HaltingArguments],
    ) -> None:
        """`arguments` are the fields of `HaltingConfig`.

        Raises:
            ValueError: an argument is wrong, or the parts don't fit each other.
        """
        mode = autoreset_mode.value if isinstance(autoreset_mode, AutoresetMode) else autoreset_mode
        self.config = HaltingConfig.of((*VECTOR_ONLY, "render_mode"), **arguments)
        self.engine, self.puzzles = self.config.engine(num_envs, mode)
        bounds = self.engine.segments.bounds()
        actions = self.config.actions
        super().__init__(self.engine.slots, AutoresetMode(mode), output, bounds, actions)
        self.render_mode = border.render_mode(
            render_mode,
            self.metadata["render_modes"],
            self.puzzles is not None,
            "a window shows a single environment" if render_mode == "human" else "",
        )
        self._generators: list[np.random.Generator] = []
        self._seeds: list[int] = []

    def kept(self) -> Callable[[], None]:
        """What brings back the present state, of the engine and of what is kept of it here."""
        own, state = dict(self.__dict__), self.engine.state

        def bring_back() -> None:
            self.__dict__.update(own)
            self.engine.state = state

        return bring_back

    @property  # type: ignore[misc]
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The generator of each row."""
        return tuple(self._generators)

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seed of each row."""
        return tuple(self._seeds)

    @border.whole_or_not_at_all
    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Continue (0), halt (1) or, where there are restarts, restart (2) in every row.

        Raises:
            InvalidAction: not N of these.
            ResetNeeded: before the first reset, or in mode Disabled in a row that is over.
        """
        return super().step(actions)

    @border.whole_or_not_at_all
    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Deal new puzzles in all rows, or where `options["reset_mask"]` is set.

        Args:
            seed: of row 0, with row i getting `seed + i`; or one for each row.
            options: beside the mask, "puzzle": an index of the set, for all rows or one for each.
                Unlike Gymnasium's `SyncVectorEnv`, it leaves this dict as it was given.

        Raises:
            ValueError, TypeError: not one seed for each row, not a mask of them, no such puzzle.
            ResetNeeded: the first reset has a mask.
        """
        where_N = self._mask(options)
        engine = self.engine
        puzzle_N = border.dealt(options, engine.segments.puzzles, where_N, ("puzzle", "reset_mask"))
        self._seed(seed, where_N)
        moment = engine.reset(
            engine.given(where_N), None if puzzle_N is None else engine.given(puzzle_N)
        )
        self._over_N = self._over_N & ~where_N
        if self.output == "torch":
            return border.tensors(engine, moment)
        info = border.plain(engine.tell(moment, where_N))
        return border.array(engine.observe(moment)), border.batched(info, where_N)

    def frames(self) -> list[Frame]:
        """The present moment of every row, to be drawn."""
        return [border.frame(self.engine, self.puzzles, row) for row in range(self.num_envs)]

    def render(self) -> tuple[np.ndarray, ...] | None:
        """RGB pictures (H, W, 3) uint8, one per row; None without a render mode."""
        pictures = border.pictures(self.render_mode, self.frames)
        return tuple(pictures) if self.render_mode else None

    def _mask(self, options: dict[str, Any] | None) -> np.ndarray:
        if not isinstance(options, Mapping) or options.get("reset_mask") is None:
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
        if not self.engine.begun:
            raise ResetNeeded("the first reset() starts every row; call it without a reset_mask")
        return where_N.copy()

    def _seed(self, seed: int | Sequence[int | None] | None, where_N: np.ndarray) -> None:
        n = self.num_envs
        if seed is None and self._generators:
            return
        seeds = [seed] * n if seed is None else seed
        if isinstance(seeds, (int, np.integer)):
            seeds = [int(seeds) + i for i in range(n)]
        if not isinstance(seeds, (Sequence, np.ndarray)) or isinstance(seeds, (str, bytes)):
            raise ValueError(f"seed must be one number or one for each of {n} rows, got {seed!r}")
        if len(seeds) != n:
            raise ValueError(
                f"seeds must be one number or one for each of {n} rows, got {len(seeds)}"
            )
        new_N = where_N & np.array([s is not None for s in seeds])
        generators, known = list(self._generators), list(self._seeds)
        if not generators:
            new_N[:] = True
            generators, known = [np.random.default_rng()] * n, [0] * n
        for row in np.flatnonzero(new_N).tolist():
            generators[row], known[row] = seeding.np_random(seeds[row])
        if new_N.any():
            border.seed(self.engine, generators, new_N)
        self._generators, self._seeds = generators, known
