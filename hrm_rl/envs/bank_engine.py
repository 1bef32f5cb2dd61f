"""The engine of a bank on a CPU: a step is a look-up, in numpy from end to end.

Where segments were logged, all that can happen to a slot follows from its puzzle and from a small
*code*: after which segment it is, and whether it was halted there. So the rules of the MDP are tables
over codes and actions, made once, and numba's kernels (`bank_kernels`) walk over the slots once a step.
`engine.Engine` gives the same numbers in torch: live, on other devices, and where there is no numba.

Shapes: N slots, B some of them, C codes and actions, F features, R numbers of a column, P puzzles.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from hrm_rl.checks.numbers import choice, whole
from hrm_rl.device import shelter
from hrm_rl.envs import bank_kernels
from hrm_rl.envs.arrays import maker
from hrm_rl.envs.bank_kernels import CODE, FIRST, PLACE, PUZZLE, SEGMENT, STREAM
from hrm_rl.envs.banked import BankLook, BankRows, BankSegments
from hrm_rl.envs.engine import AUTORESETS, Moment, masks_of
from hrm_rl.envs.mdp import MDP
from hrm_rl.halting import HALT, MOST_SLOTS


class Rules(NamedTuple):
    """The MDP as tables: what follows from a code lies at the code, what from an action too at
    code + action. Columns are those that `bank_kernels` names."""

    whole_C3: Int[np.ndarray, "C 3"]
    """The code after that action; places from a puzzle's first segment to this one; the segment."""
    real_C2: Float[np.ndarray, "C 2"]
    """1 where that action ends the episode, which earns what the answer is worth; what it costs."""
    flag_C4: Bool[np.ndarray, "C 4"]
    """Whether it is over, whether it was forced to, and which of the two actions have an effect."""
    over_C: Bool[np.ndarray, " C"]
    time_C: Float[np.ndarray, " C"]


def rules(mdp: MDP, autoreset: str, step_m: int) -> Rules:
    """The tables of a problem; `step_m` is how many places lie from a segment to the next."""
    last, code_C = mdp.max_segments, np.arange(4 * mdp.max_segments + 4)
    m_C, halted_C = code_C >> 2, (code_C & 2) > 0
    forced_C = (m_C >= last) & ~halted_C
    over_C = halted_C | forced_C
    halts_C = ((code_C & 1) == HALT) & (m_C >= mdp.min_segments) & ~over_C
    goes_C = ~(halts_C | over_C)
    next_C = 4 * (m_C + goes_C) + 2 * (halted_C | halts_C)
    if autoreset == "NextStep":
        next_C = np.where(over_C, FIRST, next_C)
    ends_C = halts_C | (goes_C & (m_C + 1 >= last))
    return Rules(
        whole_C3=np.stack([next_C, (m_C - 1) * step_m, m_C], -1),
        real_C2=np.stack([ends_C, mdp.step_cost * goes_C], -1),
        flag_C4=np.stack([over_C, forced_C, m_C < last, m_C >= mdp.min_segments], -1),
        over_C=over_C,
        time_C=m_C.astype(np.float32) / np.float32(last),
    )


class Sight(NamedTuple):
    """Where slots are between two decisions."""

    slots_4N: Int[np.ndarray, "4 N"]
    """Code, puzzle, sequence, place; see `bank_kernels`."""
    over_N: Bool[np.ndarray, " N"]


class BankStep(NamedTuple):
    """What one step gave; see `engine.Step`."""

    now: Sight
    final: Sight
    reward_N: Float[np.ndarray, " N"]
    terminated_N: Bool[np.ndarray, " N"]


class BankState(NamedTuple):
    """All of the engine that changes. It is replaced as a whole, and so is every array in it."""

    sight: Sight
    begun: bool
    """Whether there was a reset."""


class BankEngine:
    """N slots of the MDP on logged segments; see `Engine` for what its methods do."""

    device = torch.device("cpu")

    def __init__(self, segments: BankSegments, mdp: MDP, slots: int, autoreset: str) -> None:
        self.autoreset = choice("autoreset_mode", autoreset, AUTORESETS)
        self.slots = whole("num_envs", slots, low=1, high=MOST_SLOTS)
        self.segments, self.mdp = segments, mdp
        self.rules = rules(mdp, autoreset, segments.layout.step_m)
        self.mask_M2 = masks_of(mdp, self.device)
        self._observed_RF, self._prediction_RT, self._correct_R, self._cells_R, self._rating_P = (
            part.numpy()
            for part in (
                segments.columns_RF, segments.prediction_RT, segments.correct_R, segments.cells_R,
                segments.rating_P,
            )
        )  # fmt: skip
        self._by_rules = mdp.reward == "valid_optimal"
        """Whether what is right by the rules is right."""
        self._judged_P = np.zeros(segments.puzzles, bool)
        """Puzzles whose answers were judged by the rules."""
        self._valid_R = self._correct_R if segments.task is None else self._correct_R.copy()
        self._worth_R = {"token_accuracy": self._cells_R, "valid_optimal": self._valid_R}.get(
            mdp.reward, self._correct_R
        )
        self._empty = maker(slots)
        none = Sight(np.zeros((4, slots), np.int64), np.zeros(slots, bool))
        self.state = BankState(none, begun=False)

    @property
    def begun(self) -> bool:
        """Whether there was a reset."""
        return self.state.begun

    def given(self, numbers: Any) -> np.ndarray:
        return numbers.cpu().numpy() if isinstance(numbers, Tensor) else np.asarray(numbers)

    def surroundings(self) -> AbstractContextManager[None]:
        """What a call has to run in: numpy minds none of torch's other defaults."""
        return shelter() if torch.is_inference_mode_enabled() else nullcontext()

    def seed(self, key_N: Int[np.ndarray, " N"], where_N: Bool[np.ndarray, " N"]) -> None:
        slots_4N, over_N = self.state.sight
        slots_4N = slots_4N.copy()
        slots_4N[STREAM] = np.where(where_N, key_N, slots_4N[STREAM])
        self.state = self.state._replace(sight=Sight(slots_4N, over_N))

    def reset(
        self, where_N: Bool[np.ndarray, " N"], puzzle_N: Int[np.ndarray, " N"] | None = None
    ) -> Sight:
        segments = self.segments
        asked_N = np.full(self.slots, -1) if puzzle_N is None else puzzle_N
        sight = Sight(*(part.copy() for part in self.state.sight))
        bank_kernels.reset(
            where_N, asked_N, segments.puzzles, segments.layout.step_p,
            self.rules.whole_C3, self.rules.over_C, *sight,
        )  # fmt: skip
        self._judge(sight)
        self.state = BankState(sight, begun=True)
        return sight

    def step(self, action_N: Shaped[np.ndarray, " N"]) -> BankStep:
        assert self.begun, "reset comes first"
        halt_N = action_N == HALT
        segments, n, empty = self.segments, self.slots, self._empty
        next_step, same_step = self.autoreset == "NextStep", self.autoreset == "SameStep"
        final_4N, over_N = empty((4, n), np.int64), empty((n,), np.bool_)
        now_4N = empty((4, n), np.int64) if same_step else final_4N
        reward_N = empty((n,), np.float64)
        bank_kernels.step(
            halt_N, self.state.sight.slots_4N, next_step, same_step,
            segments.puzzles, segments.layout.step_p, self.rules.whole_C3, self.rules.real_C2,
            self.rules.over_C, self._worth_R, final_4N, now_4N, over_N, reward_N,
        )  # fmt: skip
        final = Sight(final_4N, over_N)
        now = Sight(now_4N, np.zeros(n, bool)) if same_step else final
        self._judge(now)
        self.state = BankState(now, begun=True)
        return BankStep(now, final, reward_N, over_N.copy())

    def pick(self, sight: Sight, rows_B: Int[np.ndarray, " B"]) -> Sight:
        """Some slots of it, to be observed."""
        return Sight(sight.slots_4N.take(rows_B, 1), sight.over_N.take(rows_B))

    # --- what there is to see ---------------------------------------------------------------------

    def observe(self, sight: Sight) -> Float[np.ndarray, "B F"]:
        """The observation alone."""
        segments, (code_B, _, _, place_B) = self.segments, sight.slots_4N
        shape = len(place_B), segments.width + self.mdp.time_aware
        obs_BF = (self._empty if len(place_B) == self.slots else np.empty)(shape, np.float32)
        if segments.ready:  # "clip" writes right into it, "raise" into a copy first
            return self._observed_RF.take(place_B, 0, obs_BF, "clip")
        seen_BF = self._observed_RF.take(place_B, 0)
        obs_BF[:, : segments.width] = seen_BF[:, : segments.width]
        if self.mdp.time_aware:
            obs_BF[:, -1] = self.rules.time_C.take(code_B)
        return obs_BF

    def show(self, sight: Sight) -> tuple[Float[np.ndarray, "B F"], dict[str, np.ndarray]]:
        """The observation, and what `info` says: the same keys at every moment, own arrays."""
        return self.observe(sight), self.tell(sight)

    def tell(
        self, sight: Sight, where_N: Bool[np.ndarray, " N"] | None = None
    ) -> dict[str, np.ndarray]:
        """What `info` says, where marked, and zeros elsewhere."""
        n, empty = self.slots, self._empty
        whole_3N, flag_4N = empty((3, n), np.int64), empty((4, n), np.bool_)
        cells_N, mask_N2 = empty((n,), self._cells_R.dtype), empty((n, 2), np.int8)
        bank_kernels.tell(
            sight.slots_4N, where_N is None, sight.over_N if where_N is None else where_N,
            self._by_rules, self.rules.whole_C3, self.rules.flag_C4,
            self._correct_R, self._valid_R, self._cells_R, self._rating_P,
            whole_3N, flag_4N, cells_N, mask_N2,
        )  # fmt: skip
        correct_N, success_N, valid_N, forced_N = flag_4N
        segment_N, puzzle_N, rating_N = whole_3N
        info = {
            "correct": correct_N,
            "is_success": success_N,
            "cells": cells_N,
            "valid_optimal": valid_N,
            "segment": segment_N,
            "forced": forced_N,
            "puzzle_id": puzzle_N,
            "rating": rating_N,
        }
        if self.mdp.prediction:
            info["prediction"] = self._predicted(sight, where_N)
        info["action_mask"] = mask_N2
        return info

    def _predicted(self, sight: Sight, where_N: np.ndarray | None) -> np.ndarray:
        place_N, table_RT = sight.slots_4N[PLACE], self._prediction_RT
        prediction_NT = self._empty((self.slots, table_RT.shape[1]), table_RT.dtype)
        if where_N is None:
            return table_RT.take(place_N, 0, prediction_NT, "clip")
        rows_B = where_N.nonzero()[0]
        prediction_NT.fill(0)
        prediction_NT[rows_B] = table_RT.take(place_N.take(rows_B), 0)
        return prediction_NT

    def _judge(self, sight: Sight) -> None:
        """See to it that all answers to the puzzles at hand are judged by the rules, once."""
        if self.segments.task is None:
            return
        puzzle_B = sight.slots_4N[PUZZLE]
        for puzzle in np.unique(puzzle_B[~self._judged_P.take(puzzle_B)]).tolist():
            look = self._look(
                np.full(self.mdp.max_segments, puzzle), 1 + np.arange(self.mdp.max_segments)
            )
            with shelter():
                self._valid_R[look.place_B.numpy()] = self.segments.outcome(look).valid_B.numpy()
            self._judged_P[puzzle] = True

    def _look(self, puzzle_B: np.ndarray, m_B: np.ndarray) -> BankLook:
        rows = BankRows(torch.from_numpy(puzzle_B), torch.from_numpy(m_B))
        return self.segments.look(rows)

    @property
    def moment(self) -> Moment | None:
        """Where every slot is, in torch, to be drawn; None before the first reset."""
        if not self.begun:
            return None
        slots_4N, over_N = self.state.sight
        look = self._look(slots_4N[PUZZLE], self.rules.whole_C3[slots_4N[CODE], SEGMENT])
        halted_N = torch.from_numpy(over_N) & (look.m_B < self.mdp.max_segments)
        forced_N = torch.from_numpy(over_N) & ~halted_N
        return Moment(look, self.segments.outcome(look), halted_N, forced_N)
