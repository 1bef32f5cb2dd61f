"""The engine of a bank on a CPU: a step is a look-up, in numpy from end to end.

Where segments were logged, all that can happen to a slot follows from its puzzle and from a small
*code*: after which segment it is, and whether it was halted there. So the rules of the MDP are tables
over codes and actions, made once. `engine.Engine` gives the same numbers, in torch, wherever a model
thinks or a bank lies on another device.

Shapes: N slots, B some of them, C codes and actions, F features, R numbers of a column, T tokens.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped, UInt64
from torch import Tensor

from hrm_rl.checks.numbers import choice, whole
from hrm_rl.device import shelter
from hrm_rl.envs.banked import BankLook, BankRows, BankSegments
from hrm_rl.envs.dealing import GOLDEN, puzzles_of
from hrm_rl.envs.engine import AUTORESETS, Moment, Step, masks_of
from hrm_rl.envs.mdp import MDP
from hrm_rl.halting import HALT, MOST_SLOTS

_FIRST: Final = 4
"""The code of a slot after segment 1. A code is 4 m, and 2 more if it was halted there."""


class Rules(NamedTuple):
    """The MDP as tables. What follows from a code lies at the code, what from an action too at
    code + action."""

    next_C: Int[np.ndarray, " C"]
    """The code after that action."""
    gain_C: Float[np.ndarray, " C"]
    """1 where that action ends the episode, which earns what the answer is worth."""
    cost_C: Float[np.ndarray, " C"]
    """What that action costs."""
    over_C: Bool[np.ndarray, " C"]
    forced_C: Bool[np.ndarray, " C"]
    segment_C: Int[np.ndarray, " C"]
    offset_C: Int[np.ndarray, " C"]
    """Places from a puzzle's first segment to this one."""
    time_C: Float[np.ndarray, " C"]
    mask_C2: Int[np.ndarray, "C 2"]


def rules(mdp: MDP, autoreset: str, step_m: int) -> Rules:
    """Args:
    step_m: places from a segment to the next.
    """
    last, code_C = mdp.max_segments, np.arange(4 * mdp.max_segments + 4)
    m_C, halted_C = code_C >> 2, (code_C & 2) > 0
    forced_C = (m_C >= last) & ~halted_C
    over_C = halted_C | forced_C
    halts_C = ((code_C & 1) == HALT) & (m_C >= mdp.min_segments) & ~over_C
    goes_C = ~(halts_C | over_C)
    next_C = 4 * (m_C + goes_C) + 2 * (halted_C | halts_C)
    return Rules(
        next_C=np.where(over_C, _FIRST, next_C) if autoreset == "NextStep" else next_C,
        gain_C=(halts_C | (goes_C & (m_C + 1 >= last))).astype(np.float64),
        cost_C=mdp.step_cost * goes_C,
        over_C=over_C,
        forced_C=forced_C,
        segment_C=m_C,
        offset_C=(m_C - 1) * step_m,
        time_C=m_C.astype(np.float32) / np.float32(last),
        mask_C2=np.stack([m_C < last, m_C >= mdp.min_segments], -1).astype(np.int8),
    )


class Sight(NamedTuple):
    """Where slots are between two decisions."""

    code_B: Int[np.ndarray, " B"]
    puzzle_B: Int[np.ndarray, " B"]
    place_B: Int[np.ndarray, " B"]
    """Where that lies in every list of the bank."""
    over_B: Bool[np.ndarray, " B"]


class BankState(NamedTuple):
    """All of the engine that changes. It is replaced as a whole, and so is every array in it."""

    stream_N: UInt64[np.ndarray, " N"]
    """Where the sequences of puzzles are (`dealing.puzzles_of`)."""
    sight: Sight | None
    """Where every slot is; None before the first reset."""


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
        self._valid_R = None if segments.task is None else np.full(len(self._correct_R), -1, np.int8)
        """Verdicts by the rules, -1 where nobody asked yet."""
        self._step_p = np.array(segments.layout.step_p)
        self.state = BankState(np.zeros(slots, np.uint64), None)

    @property
    def begun(self) -> bool:
        """Whether there was a reset."""
        return self.state.sight is not None

    def given(self, numbers: Any) -> Shaped[np.ndarray, "..."]:
        return numbers.cpu().numpy() if isinstance(numbers, Tensor) else np.asarray(numbers)

    def surroundings(self) -> AbstractContextManager[None]:
        """What a call has to run in: numpy minds none of torch's defaults."""
        return shelter() if torch.is_inference_mode_enabled() else nullcontext()

    def seed(self, key_N: Int[np.ndarray, " N"], where_N: Bool[np.ndarray, " N"]) -> None:
        stream_N = np.where(where_N, key_N.astype(np.uint64), self.state.stream_N)
        self.state = self.state._replace(stream_N=stream_N)

    def reset(
        self, where_N: Bool[np.ndarray, " N"], puzzle_N: Int[np.ndarray, " N"] | None = None
    ) -> Sight:
        stream_N, old = self.state
        rows_B = where_N.nonzero()[0]
        code_N = np.full(self.slots, _FIRST) if old is None else _put(old.code_B, rows_B, _FIRST)
        now_N = np.zeros(self.slots, np.int64) if old is None else old.puzzle_B
        if puzzle_N is None:
            stream_N, now_N = self._deal(stream_N, now_N, rows_B)
        else:
            now_N = _put(now_N, rows_B, puzzle_N[rows_B])
        sight = self._sight(code_N, now_N)
        self.state = BankState(stream_N, sight)
        return sight

    def step(self, action_N: Shaped[np.ndarray, " N"]) -> Step:
        stream_N, old = self.state
        assert old is not None, "reset comes first"
        index_N = old.code_B + (action_N == HALT)
        code_N, puzzle_N = self.rules.next_C.take(index_N), old.puzzle_B
        if self.autoreset == "NextStep":
            stream_N, puzzle_N = self._deal(stream_N, puzzle_N, old.over_B.nonzero()[0])
        final = now = self._sight(code_N, puzzle_N)
        reward_N = self._worth(final) * self.rules.gain_C.take(index_N)
        reward_N -= self.rules.cost_C.take(index_N)
        if self.autoreset == "SameStep":
            rows_B = final.over_B.nonzero()[0]
            stream_N, puzzle_N = self._deal(stream_N, puzzle_N, rows_B)
            now = self._sight(_put(code_N, rows_B, _FIRST), puzzle_N)
        self.state = BankState(stream_N, now)
        return Step(now, final, reward_N, final.over_B.copy())

    def _deal(
        self, stream_N: np.ndarray, puzzle_N: np.ndarray, rows_B: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The streams and puzzles, with the next one dealt in these rows."""
        stream_B = stream_N.take(rows_B) + GOLDEN
        puzzle_B = puzzles_of(stream_B, self.segments.puzzles)
        return _put(stream_N, rows_B, stream_B), _put(puzzle_N, rows_B, puzzle_B)

    def _sight(self, code_B: np.ndarray, puzzle_B: np.ndarray) -> Sight:
        place_B = puzzle_B * self._step_p
        place_B += self.rules.offset_C.take(code_B)
        return Sight(code_B, puzzle_B, place_B, self.rules.over_C.take(code_B))

    def pick(self, sight: Sight, rows_B: Int[np.ndarray, " B"]) -> Sight:
        """Some rows of it."""
        return Sight(*(part.take(rows_B) for part in sight))

    # --- what there is to see ---------------------------------------------------------------------

    def observe(self, sight: Sight) -> Float[np.ndarray, "B F"]:
        """The observation alone."""
        segments = self.segments
        seen_BF = self._observed_RF.take(sight.place_B, 0)
        if segments.ready:
            return seen_BF
        obs_BF = np.empty((len(seen_BF), segments.width + self.mdp.time_aware), np.float32)
        obs_BF[:, : segments.width] = seen_BF[:, : segments.width]
        if self.mdp.time_aware:
            obs_BF[:, -1] = self.rules.time_C.take(sight.code_B)
        return obs_BF

    def show(self, sight: Sight) -> tuple[Float[np.ndarray, "B F"], dict[str, np.ndarray]]:
        """The observation, and what `info` says: the same keys at every moment, own arrays."""
        code_B, puzzle_B, place_B, over_B = sight
        correct_B, table = self._correct_R.take(place_B), self.rules
        valid_B = correct_B.copy() if self._valid_R is None else self._valid(sight)
        right_B = valid_B if self.mdp.reward == "valid_optimal" else correct_B
        info = {
            "correct": correct_B,
            "is_success": right_B & over_B,
            "cells": self._cells_R.take(place_B),
            "valid_optimal": valid_B,
            "segment": table.segment_C.take(code_B),
            "forced": table.forced_C.take(code_B),
            "puzzle_id": puzzle_B.copy(),
            "rating": self._rating_P.take(puzzle_B),
            "prediction": self._prediction_RT.take(place_B, 0),
            "action_mask": table.mask_C2.take(code_B, 0),
        }
        if not self.mdp.prediction:
            del info["prediction"]
        return self.observe(sight), info

    def _worth(self, sight: Sight) -> np.ndarray:
        """What the answers earn, were they given."""
        if self.mdp.reward == "token_accuracy":
            return self._cells_R.take(sight.place_B)
        if self.mdp.reward == "valid_optimal" and self._valid_R is not None:
            return self._valid(sight)
        return self._correct_R.take(sight.place_B)

    def _valid(self, sight: Sight) -> np.ndarray:
        """Verdicts by the rules; each is found once."""
        assert self._valid_R is not None
        unknown_B = (self._valid_R.take(sight.place_B) < 0).nonzero()[0]
        if len(unknown_B):
            some = self.pick(sight, unknown_B)
            with shelter():
                self._valid_R[some.place_B] = self.segments.outcome(self._look(some)).valid_B.numpy()
        return self._valid_R.take(sight.place_B) > 0

    def _look(self, sight: Sight) -> BankLook:
        parts = sight.puzzle_B, self.rules.segment_C.take(sight.code_B)
        return self.segments.look(BankRows(*map(torch.from_numpy, parts)))

    @property
    def moment(self) -> Moment | None:
        """Where every slot is, in torch, to be drawn; None before the first reset."""
        sight = self.state.sight
        if sight is None:
            return None
        look, forced_N = self._look(sight), torch.from_numpy(self.rules.forced_C.take(sight.code_B))
        halted_N = torch.from_numpy(sight.over_B.copy()) & ~forced_N
        return Moment(look, self.segments.outcome(look), halted_N, forced_N)


def _put(whole_N: np.ndarray, rows_B: np.ndarray, value: Any) -> np.ndarray:
    """A copy with other values in these rows."""
    copy_N = whole_N.copy()
    copy_N[rows_B] = value
    return copy_N
