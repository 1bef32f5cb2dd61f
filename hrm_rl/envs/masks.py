"""Which actions have an effect. An environment takes any action at any time; this is what it publishes.

Shapes: N slots, M segments from 0, A actions.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Int8
from torch import Tensor

from hrm_rl.envs.mdp import MDP
from hrm_rl.halting import RESTART


def masks_of(mdp: MDP, device: torch.device) -> Int8[Tensor, "M A"]:
    """Which of the actions have an effect after segment m, from 0, where none was run."""
    m_M = torch.arange(mdp.max_segments + 1, device=device)
    goes_M = m_M < mdp.max_segments
    may = [goes_M, m_M >= mdp.min_segments, goes_M]
    return torch.stack(may[: mdp.actions], -1).to(torch.int8)


def masked(mask_MA: Int8[Tensor, "M A"], look: Any) -> Int8[Tensor, "N A"]:
    """The masks at these segments; without a copy left, restarting is continuing."""
    mask_NA = mask_MA.index_select(0, look.m_B)
    if mask_NA.shape[1] > RESTART:
        left_N1 = (look.left_B > 0)[:, None]
        mask_NA = torch.cat([mask_NA[:, :RESTART], mask_NA[:, RESTART:] * left_N1], 1)
    return mask_NA
