"""The MDP itself, N slots at a time: deal, advance, freeze, end. Torch only, no gymnasium.

A step applies the halts, deals new puzzles where the autoreset mode says so, and runs ONE forward
over all rows. Shapes are constant and nothing is read from the device: the host never waits for it.

Shapes: N slots, S stand-ins, B rows of a forward (N or N + S), T tokens, P puzzles, F features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from hrm_rl import features
from hrm_rl.envs.dealing import draw_puzzle
from hrm_rl.envs.reward import REWARDS
from hrm_rl.envs.segments import Look, Segments
from hrm_rl.halting import HALT
from hrm_rl.loop import each, select
from hrm_rl.losses import exact, token_accuracy
from hrm_rl.puzzles import PuzzleSet

AUTORESETS: Final = ("NextStep", "SameStep", "Disabled")
"""When a slot whose episode ended gets a new puzzle: at the next step, which ignores its action; in
the same one; or by `reset` alone. Values of gymnasium's AutoresetMode."""

START, CONTINUED, HALTED, FORCED = range(4)
"""How a slot came to where it is, in the order of `frame.DECISIONS`; the last two are ends."""


@dataclass(frozen=True)
class MDP:
    """The halting problem, whoever thinks and whatever about."""

    observation: str = "scalars"
    """Observation set, one of `features.OBSERVATIONS`."""
    reward: str = "exact"
    """What halting earns, one of `reward.REWARDS`."""
    step_cost: float = 0.0
    """Reward lost at every segment after the first."""
    max_segments: int = 16
    """Segment at which the episode ends by itself."""
    min_segments: int = 1
    """First segment that can be halted at; halting earlier counts as continuing."""
    time_aware: bool = True
    """Whether m / max_segments is the last column of the observation."""

    def __post_init__(self) -> None:
        for name, known in (("observation", features.OBSERVATIONS), ("reward", tuple(REWARDS))):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}"
                )
        if self.max_segments < 2:
            raise ValueError(
                f"max_segments must be >= 2, got {self.max_segments}; with one segment there is "
                "nothing to decide"
            )
        if not 1 <= self.min_segments <= self.max_segments:
            raise ValueError(
                f"min_segments must be in 1..{self.max_segments}, got {self.min_segments}; "
                "max_segments is the last segment that can be halted at"
            )


class Moment(NamedTuple):
    """What there is to say of every slot between two decisions."""

    obs_NF: Float[Tensor, "N F"]
    look: Look
    correct_N: Bool[Tensor, " N"]
    cells_N: Float[Tensor, " N"]
    """Share of the cells that are right."""
    rating_N: Int[Tensor, " N"]
    previous_NT: UInt8[Tensor, "N T"]
    """The prediction one segment ago; means nothing after segment 1."""
    decision_N: Int[Tensor, " N"]
    """START, CONTINUED, HALTED or FORCED."""

    @property
    def over_N(self) -> Bool[Tensor, " N"]:
        return self.decision_N >= HALTED


class Step(NamedTuple):
    """What one step gave."""

    now: Moment
    """What the next decision looks at."""
    final: Moment
    """The same, but in mode SameStep the last moment of an episode that ended."""
    reward_N: Float[Tensor, " N"]
    """In float64, where the device has it."""
    terminated_N: Bool[Tensor, " N"]


class Engine:
    """N slots of the MDP, each dealt the puzzles of its key (`dealing.draw_puzzle`).

    Mode SameStep. Continuing to `max_segments` ends an episode and asks for two segments in one
    step: the last of this puzzle and the first of the next. So each step also runs S stand-ins,
    rows that compute, for S slots in turn, the first segment of the slot's *next* puzzle. With
    S = ceil(N / (max_segments - 1)) every slot has its turn within any max_segments - 1 steps, and
    no episode gets there in fewer. If all do, no row is wasted: max_segments - 1 steps of N + S
    rows are max_segments segments of N puzzles.
    """

    def __init__(
        self, segments: Segments, puzzles: PuzzleSet, mdp: MDP, slots: int, autoreset: str
    ) -> None:
        if slots < 1:
            raise ValueError(f"num_envs must be >= 1, got {slots}")
        if autoreset not in AUTORESETS:
            raise ValueError(
                f"autoreset_mode must be one of {', '.join(AUTORESETS)}, got {autoreset!r}"
            )
        self.segments, self.mdp, self.slots, self.autoreset = segments, mdp, slots, autoreset
        self.device = device = segments.device
        self.float = torch.float32 if device.type == "mps" else torch.float64  # of rewards
        self.y_PT = torch.from_numpy(puzzles.solutions_PL).to(device)
        self.rating_P = torch.from_numpy(puzzles.ratings_P).to(device, torch.int64)
        self.stand_ins = -(-slots // (mdp.max_segments - 1)) if autoreset == "SameStep" else 0
        self.turn = 0  # the slot that the next stand-in is for
        self.key_N = torch.zeros(slots, dtype=torch.int64, device=device)
        self.dealt_N = torch.zeros_like(self.key_N)  # puzzles dealt before the present one
        self.rows = self.ahead = segments.fresh(torch.zeros_like(self.key_N))
        self.moment: Moment | None = None  # before the first reset

    def seed(self, key_N: Int[Tensor, " N"], where_N: Bool[Tensor, " N"]) -> None:
        """Start the sequence of puzzles anew where marked, with these keys."""
        self.key_N = torch.where(where_N, key_N, self.key_N)
        self.dealt_N = torch.where(where_N, -1, self.dealt_N)  # the next reset deals number 0

    def reset(self, where_N: Bool[Tensor, " N"]) -> Moment:
        """Deal a new puzzle where marked and run its first segment; the other slots stay put."""
        self.dealt_N = self.dealt_N + where_N
        ran = self.segments.run(select(where_N, self._deal(self.key_N, self.dealt_N), self.rows))
        self.rows = select(where_N, ran, self.rows)
        if self.moment is None:
            previous_NT, decision_N = torch.zeros_like(self.y_PT[self.dealt_N]), self.dealt_N
        else:
            previous_NT, decision_N = self.moment.previous_NT, self.moment.decision_N
        look, decision_N = self.segments.look(self.rows), torch.where(where_N, START, decision_N)
        self.moment = self._show(look, previous_NT, decision_N)
        return self.moment

    def step(self, action_N: Tensor) -> Step:
        """Advance every slot by one decision.

        A slot whose episode is over stays as it is, at reward 0, until it is dealt a new puzzle.
        """
        old, mdp = self.moment, self.mdp
        assert old is not None, "reset comes first"
        halt_N = (action_N == HALT) & (old.look.m_B >= mdp.min_segments) & ~old.over_N
        go_N = ~(halt_N | old.over_N)
        none_N = torch.zeros_like(halt_N)
        deal_N = {"NextStep": old.over_N, "SameStep": halt_N, "Disabled": none_N}[self.autoreset]
        self.dealt_N = self.dealt_N + deal_N
        ran = self._run(select(deal_N, self._deal(self.key_N, self.dealt_N), self.rows))

        moves_N = go_N if self.autoreset == "SameStep" else go_N | deal_N
        previous_NT = select(go_N, old.look.prediction_BT, old.previous_NT)
        look = select(moves_N, self.segments.look(ran), old.look)
        forced_N = go_N & (look.m_B >= mdp.max_segments)
        decision_N = torch.where(moves_N, torch.where(go_N, CONTINUED, START), old.decision_N)
        decision_N = torch.where(halt_N, HALTED, torch.where(forced_N, FORCED, decision_N))
        final = self._show(look, previous_NT, decision_N)
        reward_N = self._reward(final, halt_N | forced_N, go_N)

        if self.autoreset == "SameStep":
            # Where halted, the row itself ran the next puzzle; where forced, its stand-in did.
            self.rows = select(forced_N, self.ahead, ran)
            self.dealt_N = self.dealt_N + forced_N
            start_N = torch.where(final.over_N, START, CONTINUED)
            self.moment = self._show(self.segments.look(self.rows), previous_NT, start_N)
        else:
            self.rows, self.moment = select(moves_N, ran, self.rows), final
        return Step(self.moment, final, reward_N, final.over_N)

    def _run(self, rows: Any) -> Any:
        """One forward over all rows; those of the stand-ins go to `ahead`."""
        if not self.stand_ins:
            return self.segments.run(rows)
        turns_S = torch.arange(self.turn, self.turn + self.stand_ins, device=self.device)
        slot_S = turns_S % self.slots
        self.turn = (self.turn + self.stand_ins) % self.slots
        stand_ins = self._deal(self.key_N[slot_S], self.dealt_N[slot_S] + 1)
        after = self.segments.run(each(lambda a, b: torch.cat([a, b]), rows, stand_ins))
        stand_ins = each(lambda part: part[self.slots :], after)
        self.ahead = each(lambda all_, few: all_.index_copy(0, slot_S, few), self.ahead, stand_ins)
        return each(lambda part: part[: self.slots], after)

    def _deal(self, key_B: Tensor, dealt_B: Tensor) -> Any:
        """Fresh rows of the puzzles of these numbers."""
        return self.segments.fresh(draw_puzzle(key_B, dealt_B, len(self.y_PT)))

    def _show(self, look: Look, previous_NT: Tensor, decision_N: Tensor) -> Moment:
        mdp, y_NT = self.mdp, self.y_PT[look.puzzle_B]
        return Moment(
            features.with_time(look.columns_BF, look.m_B, mdp.max_segments, mdp.time_aware),
            look,
            exact(look.prediction_BT, y_NT),
            token_accuracy(look.prediction_BT, y_NT),
            self.rating_P[look.puzzle_B],
            previous_NT,
            decision_N,
        )

    def _reward(self, final: Moment, end_N: Tensor, go_N: Tensor) -> Float[Tensor, " N"]:
        y_NT = self.y_PT[final.look.puzzle_B]
        gain_N = REWARDS[self.mdp.reward](final.look.prediction_BT, y_NT)
        cost_N = self.mdp.step_cost * go_N.to(self.float)
        return torch.where(end_N, gain_N, 0).to(self.float) - cost_N


def info(moment: Moment, mdp: MDP) -> dict[str, Tensor]:
    """What `info` says of every slot, the slot as first axis; the same keys at every moment."""
    m_N = moment.look.m_B.long()
    may_N2 = torch.stack([m_N < mdp.max_segments, m_N >= mdp.min_segments], -1)
    return {
        "correct": moment.correct_N,
        "is_success": moment.correct_N & moment.over_N,
        "cells": moment.cells_N,
        "segment": m_N,
        "forced": moment.decision_N == FORCED,
        "puzzle_id": moment.look.puzzle_B,
        "rating": moment.rating_N,
        "prediction": moment.look.prediction_BT,
        "action_mask": may_N2.to(torch.int8),
    }
