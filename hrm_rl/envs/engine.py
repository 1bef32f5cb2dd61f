"""The MDP itself, N slots at a time: deal, advance, freeze, end. Torch only, no gymnasium.

A step applies the halts, deals new puzzles where the autoreset mode says so, and runs ONE forward
over all rows. Shapes are constant and nothing is read from the device: the host never waits for it.

Shapes: N slots, S stand-ins, B rows of a forward (N or N + S), F features.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.checks.numbers import choice, whole
from hrm_rl.device import shelter
from hrm_rl.envs.dealing import draw_puzzle
from hrm_rl.envs.masks import masked, masks_of
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.restarting import Restarting
from hrm_rl.envs.reward import REWARDS, Outcome, succeeded
from hrm_rl.envs.segments import Segments
from hrm_rl.halting import HALT, MOST_SLOTS, RESTART
from hrm_rl.loop import each, select
from hrm_rl.models.drawn import splitmix64

AUTORESETS: Final = ("NextStep", "SameStep", "Disabled")
"""When a slot whose episode ended gets a new puzzle: at the next step, which ignores its action; in
the same one; or by `reset` alone. Values of gymnasium's AutoresetMode."""


class Moment(NamedTuple):
    """Where every slot is between two decisions; `Engine.show` tells what there is to see."""

    look: Any
    """A `Look` of the source's."""
    outcome: Outcome
    halted_N: Bool[Tensor, " N"]
    """The episode is over: it was halted here,"""
    forced_N: Bool[Tensor, " N"]
    """or went on to `max_segments`."""

    @property
    def over_N(self) -> Bool[Tensor, " N"]:
        return self.halted_N | self.forced_N


class Step(NamedTuple):
    """What one step gave."""

    now: Moment
    """What the next decision looks at."""
    final: Moment
    """The same, but in mode SameStep the last moment of an episode that ended."""
    reward_N: Float[Tensor, " N"]
    """In float64, where the device has it."""
    terminated_N: Bool[Tensor, " N"]


class State(NamedTuple):
    """All of an engine that changes. It is replaced as a whole, when everything else is done."""

    key_N: Int[Tensor, " N"]
    """Keys of the puzzle sequences."""
    dealt_N: Int[Tensor, " N"]
    """Puzzles of its sequence that a slot was dealt before the present one."""
    rows: Any
    ahead: Any
    """Mode SameStep: rows of the slots' next puzzles after their first segment."""
    turn: int
    """The slot that the next stand-in is for."""
    moment: Moment | None
    """Where every slot is; None before the first reset."""


class Engine:
    """N slots of the MDP, each dealt the puzzles of its key (`dealing.draw_puzzle`).

    Mode SameStep. Continuing to `max_segments` ends an episode and asks for two segments in one
    step: the last of this puzzle and the first of the next. So each step also runs S stand-ins,
    rows that compute, for S slots in turn, the first segment of the slot's *next* puzzle. With
    S = ceil(N / (max_segments - 1)) every slot has its turn within any max_segments - 1 steps, and
    no episode gets there in fewer. If all do, no row is wasted: max_segments - 1 steps of N + S
    rows are max_segments segments of N puzzles. A source that is cheap just runs twice.
    """

    def __init__(self, segments: Segments, mdp: MDP, slots: int, autoreset: str) -> None:
        choice("autoreset_mode", autoreset, AUTORESETS)
        slots = whole("num_envs", slots, low=1, high=MOST_SLOTS)
        self.segments, self.mdp, self.slots, self.autoreset = segments, mdp, slots, autoreset
        self.device = device = segments.device
        self.float = torch.float32 if device.type == "mps" else torch.float64  # of rewards
        ahead = autoreset == "SameStep" and not segments.cheap
        self.stand_ins = -(-slots // (mdp.max_segments - 1)) if ahead else 0
        zero_N = torch.zeros(slots, dtype=torch.int64, device=device)
        rows = segments.fresh(zero_N, zero_N)
        self.state = State(zero_N, zero_N, rows, rows, 0, None)
        self.mask_MA = masks_of(mdp, device)

    @property
    def begun(self) -> bool:
        """Whether there was a reset."""
        return self.state.moment is not None

    def given(self, numbers: Any) -> Tensor:
        """Numbers from outside as this engine takes them."""
        return torch.as_tensor(numbers, device=self.device)

    def surroundings(self) -> AbstractContextManager[None]:
        """What a call has to run in, so that it does not depend on torch's defaults."""
        return shelter()

    @property
    def moment(self) -> Moment | None:
        """Where every slot is; None before the first reset."""
        return self.state.moment

    def seed(self, key_N: Int[Tensor, " N"], where_N: Bool[Tensor, " N"]) -> None:
        """Start the sequence of puzzles anew where marked, with these keys."""
        state = self.state
        self.state = state._replace(
            key_N=torch.where(where_N, key_N, state.key_N),
            dealt_N=torch.where(where_N, -1, state.dealt_N),  # the next reset deals number 0
        )

    def reset(
        self, where_N: Bool[Tensor, " N"], puzzle_N: Int[Tensor, " N"] | None = None
    ) -> Moment:
        """Deal a new puzzle where marked and run its first segment; the other slots stay put.

        Args:
            puzzle_N: the puzzles to deal, in place of the next ones of the sequences, which wait.
        """
        state, old = self.state, self.state.moment
        if puzzle_N is None:
            state = state._replace(dealt_N=state.dealt_N + where_N)
            dealt = self._deal(state, where_N)
        else:
            seed_N = splitmix64(splitmix64(state.key_N, state.dealt_N), puzzle_N)
            dealt = self.segments.deal(state.rows, puzzle_N, seed_N, where_N)
        ran = self.segments.run(dealt)
        look = self.segments.look(ran)
        look = select(where_N, look, old.look) if old else look
        halted_N = old.halted_N & ~where_N if old else torch.zeros_like(where_N)
        forced_N = old.forced_N & ~where_N if old else torch.zeros_like(where_N)
        moment = Moment(look, self.segments.outcome(look), halted_N, forced_N)
        self.state = state._replace(rows=select(where_N, ran, state.rows), moment=moment)
        return moment

    def step(self, action_N: Tensor) -> Step:
        """Advance every slot by one decision.

        A slot whose episode is over stays as it is, at reward 0, until it is dealt a new puzzle.
        """
        old, mdp = self.state.moment, self.mdp
        assert old is not None, "reset comes first"
        over_N = old.over_N
        halt_N = (action_N == HALT) & (old.look.m_B >= mdp.min_segments) & ~over_N
        go_N = ~(halt_N | over_N)
        step = self._same_step if self.autoreset == "SameStep" else self._frozen_step
        begun = self.state
        if isinstance(self.segments, Restarting):
            rows = self.segments.restart(begun.rows, go_N & (action_N == RESTART))
            begun = begun._replace(rows=rows)
        state, now, final = step(begun, old, halt_N, go_N)
        gain_N = REWARDS[mdp.reward](final.outcome).to(self.float)
        end_N = halt_N | (go_N & final.forced_N)
        reward_N = gain_N * end_N - mdp.step_cost * go_N.to(self.float)
        given = Step(now, final, reward_N, final.over_N)
        self.state = state._replace(moment=now)
        return given

    def _frozen_step(
        self, state: State, old: Moment, halt_N: Tensor, go_N: Tensor
    ) -> tuple[State, Moment, Moment]:
        """Modes NextStep and Disabled: what is over stays as it was seen last.

        Its row goes on, unseen, until it is dealt a puzzle: to keep it back would cost a copy.
        """
        stays_N, rows = ~go_N, state.rows
        if self.autoreset == "NextStep":
            state = state._replace(dealt_N=state.dealt_N + old.over_N)
            rows = self._deal(state, old.over_N)
            stays_N = halt_N
        else:
            halt_N = halt_N | old.halted_N
        rows = self.segments.run(rows)
        look = select(stays_N, old.look, self.segments.look(rows))
        forced_N = (look.m_B >= self.mdp.max_segments) & ~halt_N
        now = Moment(look, self.segments.outcome(look), halt_N, forced_N)
        return state._replace(rows=rows), now, now

    def _same_step(
        self, state: State, old: Moment, halt_N: Tensor, go_N: Tensor
    ) -> tuple[State, Moment, Moment]:
        """Mode SameStep: where an episode ends, the next one starts. None is over between steps."""
        cheap = self.segments.cheap
        if cheap:
            ran = self.segments.run(state.rows)
        else:
            state = state._replace(dealt_N=state.dealt_N + halt_N)
            state, ran = self._run_with_stand_ins(state, self._deal(state, halt_N))
        look = select(go_N, self.segments.look(ran), old.look)
        forced_N = go_N & (look.m_B >= self.mdp.max_segments)
        final = Moment(look, self.segments.outcome(look), halt_N, forced_N)
        if cheap:
            dealt_N = state.dealt_N + final.over_N
            first = self.segments.run(self._fresh(state.key_N, dealt_N))
            rows = select(final.over_N, first, ran)
        else:  # where halted, the row itself ran the next puzzle; where forced, its stand-in did
            dealt_N = state.dealt_N + forced_N
            rows = select(forced_N, state.ahead, ran)
        no_N = torch.zeros_like(halt_N)
        look = self.segments.look(rows)
        now = Moment(look, self.segments.outcome(look), no_N, no_N)
        return state._replace(dealt_N=dealt_N, rows=rows), now, final

    def _run_with_stand_ins(self, state: State, rows: Any) -> tuple[State, Any]:
        """One forward over all rows; those of the stand-ins go to `ahead`."""
        turns_S = torch.arange(state.turn, state.turn + self.stand_ins, device=self.device)
        slot_S = turns_S % self.slots
        stand_ins = self._fresh(state.key_N[slot_S], state.dealt_N[slot_S] + 1)
        after = self.segments.run(each(lambda a, b: torch.cat([a, b]), rows, stand_ins))
        stand_ins = each(lambda part: part[self.slots :], after)
        ahead = each(lambda all_, few: all_.index_copy(0, slot_S, few), state.ahead, stand_ins)
        turn = (state.turn + self.stand_ins) % self.slots
        rows = each(lambda part: part[: self.slots], after)
        return state._replace(ahead=ahead, turn=turn), rows

    def _fresh(self, key_B: Tensor, dealt_B: Tensor) -> Any:
        """Fresh rows of the puzzles of these numbers."""
        puzzle_B = draw_puzzle(key_B, dealt_B, self.segments.puzzles)
        return self.segments.fresh(puzzle_B, splitmix64(key_B, dealt_B))

    def _deal(self, state: State, where_N: Tensor) -> Any:
        """The rows, with the puzzle of its number dealt where marked."""
        puzzle_N = draw_puzzle(state.key_N, state.dealt_N, self.segments.puzzles)
        seed_N = splitmix64(state.key_N, state.dealt_N)
        return self.segments.deal(state.rows, puzzle_N, seed_N, where_N)

    def pick(self, moment: Moment, rows_B: Any) -> Moment:
        """Some slots of it."""
        return pick(moment, self.given(rows_B))

    def observe(self, moment: Moment) -> Float[Tensor, "N F"]:
        """The observation alone."""
        return self.segments.show(moment.look).obs_BF

    def tell(self, moment: Moment, where_N: Any) -> dict[str, Tensor]:
        """What `info` says where marked, and zeros elsewhere."""
        return told(self.show(moment)[1], self.given(where_N))

    def show(self, moment: Moment) -> tuple[Float[Tensor, "N F"], dict[str, Tensor]]:
        """The observation, and what `info` says: the same keys at every moment, own tensors."""
        look, outcome = moment.look, moment.outcome
        shown = self.segments.show(look)
        info = {
            "correct": outcome.correct_B.clone(),
            "is_success": succeeded(outcome, self.mdp.reward) & moment.over_N,
            "cells": outcome.cells_B.clone(),
            "valid_optimal": outcome.valid_B.clone(),
            "segment": look.m_B.to(torch.int64, copy=True),
            "forced": moment.forced_N.clone(),
            "puzzle_id": look.puzzle_B.to(torch.int64, copy=True),
            "rating": shown.rating_B,
        }
        if self.mdp.restarts:
            info["copy"] = look.copy_B.to(torch.int64, copy=True)
        if self.mdp.prediction:
            info["prediction"] = shown.prediction_BT
        info["action_mask"] = masked(self.mask_MA, look)
        return shown.obs_BF, info


def pick(moment: Moment, index_B: Int[Tensor, " B"]) -> Moment:
    """Some slots of a moment."""
    return cast(Moment, each(lambda part: part.index_select(0, index_B), moment))


def told(info: dict[str, Tensor], where_N: Bool[Tensor, " N"]) -> dict[str, Tensor]:
    """The infos of the marked rows, and zeros elsewhere."""
    return {
        key: value.masked_fill(~where_N.view(-1, *[1] * (value.dim() - 1)), 0)
        for key, value in info.items()
    }
