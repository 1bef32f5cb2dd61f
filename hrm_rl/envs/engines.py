"""What the environments ask of an engine: a model's segments, a bank's, or those of a training run.

Shapes: N slots, M segments, B rows.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from hrm_rl.envs.engine import Moment
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.segments import Segments


class SlotEngine(Protocol):
    """What the border asks of an engine, whatever runs in its slots.

    Its arrays are of one kind, tensors or numpy's; so are those that it takes (`given`).
    """

    device: torch.device
    mask_MA: Tensor
    """int8 (M, A): which of the actions have an effect after segment m."""

    @property
    def begun(self) -> bool: ...
    @property
    def moment(self) -> Moment | None:
        """Where every slot is; None before the first reset."""

    def given(self, numbers: Any) -> Any:
        """Numbers from outside as this engine takes them."""

    def step(self, action_N: Any) -> Any:
        """A `Step`, of its own kind of arrays."""

    def pick(self, moment: Any, rows_B: np.ndarray) -> Any: ...
    def observe(self, moment: Any) -> Any: ...
    def tell(self, moment: Any, where_N: np.ndarray) -> dict[str, Any]: ...
    def show(self, moment: Any) -> tuple[Any, dict[str, Any]]: ...


class HaltingEngine(SlotEngine, Protocol):
    """What the environments of a frozen model ask besides."""

    mdp: MDP
    state: Any
    slots: int

    @property
    def segments(self) -> Segments: ...

    def surroundings(self) -> AbstractContextManager[None]:
        """What a call has to run in, so that it does not depend on torch's defaults."""

    def seed(self, key_N: Any, where_N: Any) -> None: ...
    def reset(self, where_N: Any, puzzle_N: Any = None) -> Any: ...
