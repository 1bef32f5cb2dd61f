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
from hrm_rl.envs.bank_kernels import CODE, FIRST, PLACE, PUZZLE, SEGMENT, STREAM
from hrm_rl.envs.banked import BankLook, BankRows, BankSegments
from hrm_rl.envs.engine import AUTORESETS, Moment, Step, masks_of
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

    slots_4B: Int[np.ndarray, "4 B"]
    """Code, puzzle, sequence, place; see `bank_kernels`."""
    over_B: Bool[np.ndarray, " B"]


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
        self.mask_M2 = masks_of(mdp)
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
        none = Sight(np.zeros((4, slots), np.int64), np.zeros(slots, bool))
        self.state = BankState(none, begun=False)

    @property
    def begun(self) -> bool:
        """Whether there was a reset."""
        return self.state.begun

    def given(self, numbers: Any) -> Shaped[np.ndarray, "..."]:
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

    def step(self, action_N: Shaped[np.ndarray, " N"]) -> Step:
        assert self.begun, "reset comes first"
        segments, n, same_step = self.segments, self.slots, self.autoreset == "SameStep"
        final_4N, over_N, reward_N = np.empty((4, n), np.int64), np.empty(n, bool), np.empty(n)
        now_4N = np.empty((4, n), np.int64) if same_step else final_4N
        bank_kernels.step(
            action_N == HALT, self.state.sight.slots_4B, self.autoreset == "NextStep", same_step,
            segments.puzzles, segments.layout.step_p, self.rules.whole_C3, self.rules.real_C2,
            self.rules.over_C, self._worth_R, final_4N, now_4N, over_N, reward_N,
        )  # fmt: skip
        final = Sight(final_4N, over_N)
        now = Sight(now_4N, np.zeros(n, bool)) if same_step else final
        self._judge(now)
        self.state = self.state._replace(sight=now)
        return Step(now, final, reward_N, over_N.copy())

    def pick(self, sight: Sight, rows_B: Int[np.ndarray, " B"]) -> Sight:
        """Some slots of it."""
        return Sight(sight.slots_4B.take(rows_B, 1), sight.over_B.take(rows_B))

    # --- what there is to see ---------------------------------------------------------------------

    def observe(self, sight: Sight) -> Float[np.ndarray, "B F"]:
        """The observation alone."""
        segments, (code_B, _, _, place_B) = self.segments, sight.slots_4B
        seen_BF = self._observed_RF.take(place_B, 0)
        if segments.ready:
            return seen_BF
        obs_BF = np.empty((len(seen_BF), segments.width + self.mdp.time_aware), np.float32)
        obs_BF[:, : segments.width] = seen_BF[:, : segments.width]
        if self.mdp.time_aware:
            obs_BF[:, -1] = self.rules.time_C.take(code_B)
        return obs_BF

    def show(self, sight: Sight) -> tuple[Float[np.ndarray, "B F"], dict[str, np.ndarray]]:
        """The observation, and what `info` says: the same keys at every moment, own arrays."""
        rows = len(sight.over_B)
        whole_3B, flag_4B = np.empty((3, rows), np.int64), np.empty((4, rows), bool)
        cells_B, mask_B2 = np.empty(rows, self._cells_R.dtype), np.empty((rows, 2), np.int8)
        bank_kernels.tell(
            sight.slots_4B, self._by_rules, self.rules.whole_C3, self.rules.flag_C4,
            self._correct_R, self._valid_R, self._cells_R, self._rating_P,
            whole_3B, flag_4B, cells_B, mask_B2,
        )  # fmt: skip
        correct_B, success_B, valid_B, forced_B = flag_4B
        segment_B, puzzle_B, rating_B = whole_3B
        info = {
            "correct": correct_B,
            "is_success": success_B,
            "cells": cells_B,
            "valid_optimal": valid_B,
            "segment": segment_B,
            "forced": forced_B,
            "puzzle_id": puzzle_B,
            "rating": rating_B,
        }
        if self.mdp.prediction:
            info["prediction"] = self._prediction_RT.take(sight.slots_4B[PLACE], 0)
        info["action_mask"] = mask_B2
        return self.observe(sight), info

    def _judge(self, sight: Sight) -> None:
        """See to it that all answers to the puzzles at hand are judged by the rules, once."""
        if self.segments.task is None:
            return
        puzzle_B = sight.slots_4B[PUZZLE]
        for puzzle in np.unique(puzzle_B[~self._judged_P.take(puzzle_B)]).tolist():
            look = self._look(np.full(self.mdp.max_segments, puzzle), 1 + np.arange(self.mdp.max_segments))
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
