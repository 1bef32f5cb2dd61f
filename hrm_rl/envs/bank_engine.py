"""The engine of a bank on a CPU: a step is a look-up, in numpy from end to end.

Where segments were logged, all that can happen to a slot follows from its puzzle and from a small
*code*: after which segment it is, and whether it was halted there. So the rules of the MDP are tables
over codes and actions, made once, and numba's kernels (`bank_kernels`) walk over the slots once a step.
`engine.Engine` gives the same numbers in torch: live, on other devices, and where there is no numba.

Shapes: N slots, B some of them, C codes and actions, F features, R numbers of a column, P puzzles, A actions.
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
from hrm_rl.envs.bank_kernels import BASE, CODE, COPY, KEPT, PUZZLE, SEGMENT, STREAM
from hrm_rl.envs.bank_rules import rules
from hrm_rl.envs.banked import BankLook, BankRows, BankSegments
from hrm_rl.envs.engine import AUTORESETS, Moment
from hrm_rl.envs.masks import masks_of
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.restarting import BankCopies, Restarting
from hrm_rl.halting import MOST_SLOTS


class Sight(NamedTuple):
    """Where slots are between two decisions."""

    slots_5N: Int[np.ndarray, "5 N"]
    """Code, puzzle, sequence, place, place of the kept answer; see `bank_kernels`."""
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

    logged: BankSegments
    """The lists of the bank, whose rows are copies of puzzles."""

    device = torch.device("cpu")

    def __init__(
        self, segments: BankSegments | Restarting, mdp: MDP, slots: int, autoreset: str
    ) -> None:
        self.autoreset = choice("autoreset_mode", autoreset, AUTORESETS)
        self.slots = whole("num_envs", slots, low=1, high=MOST_SLOTS)
        self.segments, self.mdp = segments, mdp
        self.logged, self._copies, self._score_R = _lists(segments)
        step_m, step_p = self.logged.layout
        self._step_p = self._copies * step_p
        """Places from a puzzle to the next."""
        self.rules = rules(mdp, autoreset, step_m, step_p)
        self.mask_MA = masks_of(mdp, self.device)
        self._observed_RF, self._prediction_RT, self._correct_R, self._cells_R, self._rating_P = (
            part.numpy()
            for part in (
                self.logged.columns_RF, self.logged.prediction_RT, self.logged.correct_R,
                self.logged.cells_R, self.logged.rating_P[:: self._copies],
            )
        )  # fmt: skip
        self._by_rules = mdp.reward == "valid_optimal"
        """Whether what is right by the rules is right."""
        self._judged_P = np.zeros(segments.puzzles, bool)
        """Puzzles whose answers were judged by the rules."""
        self._valid_R = self._correct_R if self.logged.task is None else self._correct_R.copy()
        self._worth_R = {"token_accuracy": self._cells_R, "valid_optimal": self._valid_R}.get(
            mdp.reward, self._correct_R
        )
        self._empty, self._unasked_N = maker(slots), np.full(slots, -1)
        none = Sight(np.zeros((5, slots), np.int64), np.zeros(slots, bool))
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
        slots_5N, over_N = self.state.sight
        slots_5N = slots_5N.copy()
        slots_5N[STREAM] = np.where(where_N, key_N, slots_5N[STREAM])
        self.state = self.state._replace(sight=Sight(slots_5N, over_N))

    def reset(
        self, where_N: Bool[np.ndarray, " N"], puzzle_N: Int[np.ndarray, " N"] | None = None
    ) -> Sight:
        segments = self.segments
        asked_N = self._unasked_N if puzzle_N is None else puzzle_N
        n, empty = self.slots, self._empty
        sight = Sight(empty((5, n), np.int64), empty((n,), np.bool_))
        for part, before in zip(sight, self.state.sight, strict=True):
            part[:] = before
        bank_kernels.reset(
            where_N, asked_N, segments.puzzles, self._step_p, self.rules.first,
            self.rules.over_C, *sight,
        )  # fmt: skip
        self._judge(sight)
        self.state = BankState(sight, begun=True)
        return sight

    def step(self, action_N: Shaped[np.ndarray, " N"]) -> BankStep:
        assert self.begun, "reset comes first"
        n, empty, restarts = self.slots, self._empty, self.mdp.restarts > 0
        next_step, same_step = self.autoreset == "NextStep", self.autoreset == "SameStep"
        final_5N, over_N = empty((5, n), np.int64), empty((n,), np.bool_)
        now_5N = empty((5, n), np.int64) if same_step else final_5N
        reward_N = empty((n,), np.float64)
        bank_kernels.step(
            np.ascontiguousarray(action_N, np.int64), self.state.sight.slots_5N,
            next_step, same_step, restarts, restarts and self.mdp.recall != "last",
            self.segments.puzzles, self._step_p, self.rules.first, self.rules.whole_C6,
            self.rules.real_C2, self.rules.over_C, self._worth_R, self._score_R,
            final_5N, now_5N, over_N, reward_N,
        )  # fmt: skip
        final = Sight(final_5N, over_N)
        now = Sight(now_5N, np.zeros(n, bool)) if same_step else final
        self._judge(now)
        self.state = BankState(now, begun=True)
        return BankStep(now, final, reward_N, over_N.copy())

    def pick(self, sight: Sight, rows_B: Int[np.ndarray, " B"]) -> Sight:
        """Some slots of it, to be observed."""
        return Sight(sight.slots_5N.take(rows_B, 1), sight.over_N.take(rows_B))

    # --- what there is to see ---------------------------------------------------------------------

    def observe(self, sight: Sight) -> Float[np.ndarray, "B F"]:
        """The observation alone."""
        segments, (code_B, _, _, place_B, _) = self.logged, sight.slots_5N
        if self.mdp.restarts:
            return self._observe_copies(sight)
        shape = len(place_B), segments.width + self.mdp.time_aware
        obs_BF = (self._empty if len(place_B) == self.slots else np.empty)(shape, np.float32)
        if segments.ready:  # "clip" writes right into it, "raise" into a copy first
            return self._observed_RF.take(place_B, 0, obs_BF, "clip")
        seen_BF = self._observed_RF.take(place_B, 0)
        obs_BF[:, : segments.width] = seen_BF[:, : segments.width]
        if self.mdp.time_aware:
            obs_BF[:, -1] = self.rules.time_C.take(code_B)
        return obs_BF

    def _observe_copies(self, sight: Sight) -> Float[np.ndarray, "B F"]:
        """As `features.with_copies` and `with_time` do it."""
        (code_B, puzzle_B, _, place_B, kept_B), mdp = sight.slots_5N, self.mdp
        begun_B = puzzle_B * self._step_p + self.rules.whole_C6[code_B, BASE]
        own_B = (place_B - begun_B) // self.logged.layout.step_m + 1
        shares = [self.rules.copy_C[code_B], self._score_R[kept_B]]
        if mdp.time_aware:
            own_B = own_B.astype(np.float32) / np.float32(mdp.max_segments)
            shares = [shares[0], own_B, shares[1], self.rules.time_C[code_B]]
        columns_BF = self._observed_RF.take(place_B, 0)
        return np.column_stack([columns_BF, *shares]).astype(np.float32, copy=False)

    def show(self, sight: Sight) -> tuple[Float[np.ndarray, "B F"], dict[str, np.ndarray]]:
        """The observation, and what `info` says: the same keys at every moment, own arrays."""
        return self.observe(sight), self.tell(sight)

    def tell(
        self, sight: Sight, where_N: Bool[np.ndarray, " N"] | None = None
    ) -> dict[str, np.ndarray]:
        """What `info` says, where marked, and zeros elsewhere."""
        n, empty = self.slots, self._empty
        copies = self.mdp.restarts > 0
        whole_XN, flag_4N = empty((3 + copies, n), np.int64), empty((4, n), np.bool_)
        cells_N = empty((n,), self._cells_R.dtype)
        mask_NA = empty((n, self.mdp.actions), np.int8)
        bank_kernels.tell(
            sight.slots_5N, where_N is None, sight.over_N if where_N is None else where_N,
            self._by_rules, self.rules.whole_C6, self.rules.flag_CX,
            self._correct_R, self._valid_R, self._cells_R, self._rating_P,
            whole_XN, flag_4N, cells_N, mask_NA,
        )  # fmt: skip
        correct_N, success_N, valid_N, forced_N = flag_4N
        segment_N, puzzle_N, rating_N, *copy_N = whole_XN
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
        if copies:
            info["copy"] = copy_N[0]
        if self.mdp.prediction:
            info["prediction"] = self._predicted(sight, where_N)
        info["action_mask"] = mask_NA
        return info

    def _predicted(self, sight: Sight, where_N: np.ndarray | None) -> np.ndarray:
        place_N, table_RT = sight.slots_5N[KEPT], self._prediction_RT
        prediction_NT = self._empty((self.slots, table_RT.shape[1]), table_RT.dtype)
        if where_N is None:
            return table_RT.take(place_N, 0, prediction_NT, "clip")
        bank_kernels.rows_where(table_RT, place_N, where_N, prediction_NT)
        return prediction_NT

    def _judge(self, sight: Sight) -> None:
        """See to it that all answers to the puzzles at hand are judged by the rules, once."""
        if self.logged.task is None:
            return
        puzzle_B = sight.slots_5N[PUZZLE]
        copies, M = self.mdp.restarts + 1, self.mdp.max_segments
        for puzzle in np.unique(puzzle_B[~self._judged_P.take(puzzle_B)]).tolist():
            row_B = puzzle * self._copies + np.arange(copies).repeat(M)
            m_B = np.tile(1 + np.arange(M), copies)
            look = self.logged.look(BankRows(torch.from_numpy(row_B), torch.from_numpy(m_B)))
            with shelter():
                self._valid_R[look.place_B.numpy()] = self.logged.outcome(look).valid_B.numpy()
            self._judged_P[puzzle] = True

    @property
    def moment(self) -> Moment | None:
        """Where every slot is, in torch, to be drawn; None before the first reset."""
        if not self.begun:
            return None
        slots_5N, over_N = self.state.sight
        _, puzzle_N, _, place_N, kept_N = torch.from_numpy(slots_5N)
        m_N, copy_N = (
            torch.from_numpy(self.rules.whole_C6[slots_5N[CODE], column])
            for column in (SEGMENT, COPY)
        )
        look: Any = self._look(place_N)
        if isinstance(self.segments, Restarting):
            look = self.segments.sight(look, self._look(kept_N), puzzle_N, copy_N, m_N)
        halted_N = torch.from_numpy(over_N) & (m_N < self.mdp.max_segments)
        forced_N = torch.from_numpy(over_N) & ~halted_N
        return Moment(look, self.segments.outcome(look), halted_N, forced_N)

    def _look(self, place_B: Int[Tensor, " B"]) -> BankLook:
        """What lies at these places."""
        step_m, step_p = self.logged.layout
        if step_m < step_p:  # the segments of a row side by side
            row_B, m_B = place_B // step_p, place_B % step_p // step_m
        else:
            m_B, row_B = place_B // step_m, place_B % step_m // step_p
        return BankLook(row_B, m_B + 1, place_B)


def _lists(segments: BankSegments | Restarting) -> tuple[BankSegments, int, np.ndarray]:
    """The lists of the bank, how many rows a puzzle has in them, and what answers are kept by."""
    if isinstance(segments, BankSegments):
        return segments, 1, np.zeros(0, np.float32)
    assert isinstance(segments.rows, BankCopies)
    return segments.rows, segments.copies, segments.rows.score_R.numpy()
