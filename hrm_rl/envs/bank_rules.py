"""The rules of the MDP as tables, for `bank_engine` to look up.

Shapes: C codes and actions, X columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from hrm_rl.envs.mdp import MDP
from hrm_rl.halting import HALT, RESTART


class Rules(NamedTuple):
    """The MDP as tables: what follows from a code lies at the code, what from an action too at
    code + action. Columns are those that `bank_kernels` names."""

    first: int
    """The code of a slot after segment 1."""
    whole_C6: Int[np.ndarray, "C 6"]
    """The code after that action; places from a puzzle to this copy of it; the segment; the copy; 1 where
    that action starts a copy; places that it goes on by if not."""
    real_C2: Float[np.ndarray, "C 2"]
    """1 where that action ends the episode, which earns what the answer is worth; what it costs."""
    flag_CX: Bool[np.ndarray, "C X"]
    """Whether it is over, whether it was forced to, and which of the actions have an effect."""
    over_C: Bool[np.ndarray, " C"]
    time_C: Float[np.ndarray, " C"]
    copy_C: Float[np.ndarray, " C"]
    """The copy's number as a share of the restarts."""


def rules(mdp: MDP, autoreset: str, step_m: int, step_p: int) -> Rules:
    """The tables of a problem.

    With A actions and K copies, a code is 2 A (K m + copy), and A more if it was halted there.

    Args:
        step_m, step_p: how many places lie from a segment, and from a copy, to the next.
    """
    last, A, K = mdp.max_segments, mdp.actions, mdp.restarts + 1
    at_C, action_C = np.divmod(np.arange(2 * A * K * (last + 1)), A)
    (m_C, copy_C), halted_C, first = np.divmod(at_C // 2, K), at_C % 2 > 0, 2 * A * K
    forced_C = (m_C >= last) & ~halted_C
    over_C = halted_C | forced_C
    halts_C = (action_C == HALT) & (m_C >= mdp.min_segments) & ~over_C
    goes_C = ~(halts_C | over_C)
    again_C = goes_C & (action_C == RESTART) & (copy_C < mdp.restarts)
    next_C = 2 * A * (K * (m_C + goes_C) + copy_C + again_C) + A * (halted_C | halts_C)
    dealt_C = over_C & (autoreset == "NextStep")
    ends_C = halts_C | (goes_C & (m_C + 1 >= last))
    may = [m_C < last, m_C >= mdp.min_segments, (m_C < last) & (copy_C < mdp.restarts)]
    return Rules(
        first=first,
        whole_C6=np.stack(
            [
                np.where(dealt_C, first, next_C), copy_C * step_p, m_C, copy_C,
                again_C | dealt_C, step_m * (goes_C & ~again_C),
            ], -1,
        ),
        real_C2=np.stack([ends_C, mdp.step_cost * goes_C], -1),
        flag_CX=np.stack([over_C, forced_C, *may[:A]], -1),
        over_C=over_C,
        time_C=m_C.astype(np.float32) / np.float32(last),
        copy_C=copy_C.astype(np.float32) / np.float32(max(mdp.restarts, 1)),
    )  # fmt: skip
