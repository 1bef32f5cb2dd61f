"""Stopping with recall and resampling: continue, halt, or start the next copy of the puzzle.

On a bank of K copies of each puzzle (`banks.copies`) all that can happen was logged, so that a policy is
played exactly. `restart_snell` finds the best one of an observation set.

Shapes: M segments, P puzzles, B rows, F features, S states.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl import features
from hrm_rl.banks.bank import Bank, checked, observe
from hrm_rl.banks.copies import check_restarts, scores
from hrm_rl.checks.numbers import real, whole
from hrm_rl.halting import HALT, RESTART
from hrm_rl.stopping.exact import shares


class RestartPolicy(Protocol):
    """What is seen, and the total number of segments, to one of three actions."""

    @property
    def observation(self) -> str:
        """Name of the observation set, to which copy, own segments and kept score are added."""

    def __call__(
        self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]
    ) -> Int[Tensor, " B"]: ...


class At(NamedTuple):
    """Where puzzles are."""

    puzzle_B: Int[Tensor, " B"]
    copy_B: Int[Tensor, " B"]
    own_B: Int[Tensor, " B"]
    """Segments of this copy."""
    kept_B: Int[Tensor, " B"]
    """Place of the answer that a halt would give, in the bank's (M, rows) as a list."""


class Outcome(NamedTuple):
    """What a policy makes of a bank."""

    value: float
    """Mean of 1{correct} - step_cost * (segments - 1)."""
    accuracy: float
    segments: float
    """Of all copies together."""
    restarts: float


class Problem:
    """The MDP of a bank, `max_segments` of all copies together: as `HRMSudoku-v0` with `restarts`."""

    def __init__(
        self,
        bank: Bank,
        restarts: int,
        step_cost: float,
        *,
        observation: str = "scalars",
        recall: str = "best-q",
        max_segments: int | None = None,
        time_aware: bool = True,
    ) -> None:
        """Raises ValueError: too few copies or segments, no such recall, or as `observe`."""
        M = checked(bank).max_segments
        self.max_segments = whole(
            "max_segments", M if max_segments is None else max_segments, low=1, high=M
        )
        self.restarts = whole("restarts", restarts, low=1)
        check_restarts(bank, self.restarts)
        self.step_cost = real("step_cost", step_cost, low=0)
        self.bank, self.recall, self.time_aware = bank, recall, time_aware
        self.observation = observation
        self.score_MP = scores(bank, recall)
        self.columns_MPF = torch.stack(
            [observe(bank, observation, m, time_aware=False) for m in range(1, M + 1)]
        )

    @property
    def puzzles(self) -> int:
        return len(self.bank) // self.bank.copies

    def begin(self, puzzle_B: Int[Tensor, " B"] | None = None) -> At:
        """After segment 1 of copy 0, of all puzzles if none are named."""
        puzzle_B = torch.arange(self.puzzles) if puzzle_B is None else puzzle_B
        zero_B = torch.zeros_like(puzzle_B)
        return At(puzzle_B, zero_B, zero_B + 1, puzzle_B * self.bank.copies)

    def go(self, at: At, restart_B: Bool[Tensor, " B"]) -> At:
        """After one more segment: of the next copy where marked and there is one, else of the same."""
        restart_B = restart_B & (at.copy_B < self.restarts)
        copy_B = at.copy_B + restart_B
        own_B = torch.where(restart_B, 1, at.own_B + 1)
        place_B = (own_B - 1) * len(self.bank) + at.puzzle_B * self.bank.copies + copy_B
        score_S = self.score_MP.flatten()
        better_B = features.keeps(score_S[place_B], score_S[at.kept_B], self.recall)
        return At(at.puzzle_B, copy_B, own_B, torch.where(better_B, place_B, at.kept_B))

    def observe(self, at: At, m: int) -> Float[Tensor, "B F"]:
        """What is seen after m segments in all."""
        row_B = at.puzzle_B * self.bank.copies + at.copy_B
        columns_BF = features.with_copies(
            self.columns_MPF[at.own_B - 1, row_B],
            at.copy_B.float() / self.restarts,
            at.own_B.float() / self.max_segments,
            self.score_MP.flatten()[at.kept_B],
            self.time_aware,
        )
        m_B = torch.full_like(at.copy_B, m)
        return features.with_time(columns_BF, m_B, self.max_segments, self.time_aware)

    def right(self, at: At) -> Float[Tensor, " B"]:
        """1 where the kept answer is right."""
        return self.bank.correct_MP.flatten()[at.kept_B].double()


class Level(NamedTuple):
    """Where some puzzles can be after a number of segments, each state once."""

    obs_SF: Float[Tensor, "S F"]
    right_S: Float[Tensor, " S"]
    """1 where the kept answer is right, which is what halting is worth."""
    go_S: Int[Tensor, " S"]
    """Index, in the next level, of where one more segment leads; empty at the last."""
    again_S: Int[Tensor, " S"]
    """Alike of the next copy; as `go_S` where none is left."""


def tree(problem: Problem, puzzle_B: Int[Tensor, " B"]) -> list[Level]:
    """All that can happen to these puzzles, after 1 .. M segments; the first level is they, sorted.

    Ways of restarting that lead to the same copy, own segments and kept answer are one state, so that
    there are some thousands of a puzzle where ways are many times as many.
    """
    levels, at = [], problem.begin(puzzle_B.sort().values)
    for m in range(1, problem.max_segments):
        no_S = torch.zeros_like(at.copy_B, dtype=torch.bool)
        parts = zip(problem.go(at, no_S), problem.go(at, ~no_S), strict=True)
        both = At(*(torch.cat(pair) for pair in parts))
        code_X = (both.kept_B * (problem.restarts + 1) + both.copy_B) * problem.max_segments
        _, state_X = (code_X + both.own_B - 1).unique(return_inverse=True)
        levels.append(Level(problem.observe(at, m), problem.right(at), *state_X.chunk(2)))
        first_S = torch.empty(int(state_X.max()) + 1, dtype=torch.long)
        first_S[state_X] = torch.arange(len(state_X))  # any of those that are the same
        at = At(*(part_X[first_S] for part_X in both))
    none_0 = torch.empty(0, dtype=torch.long)
    last = Level(problem.observe(at, problem.max_segments), problem.right(at), none_0, none_0)
    return [*levels, last]


class Played(NamedTuple):
    """Where a policy halted on each puzzle."""

    segment_P: Int[Tensor, " P"]
    """Of all copies together."""
    at: At


@torch.no_grad()
def play(problem: Problem, policy: RestartPolicy) -> Played:
    """Let a policy choose on every puzzle until it halts, or `max_segments` were run.

    Raises:
        ValueError: it sees another observation set than the problem shows.
    """
    if policy.observation != problem.observation:
        raise ValueError(
            f'the policy sees "{policy.observation}" and the problem shows "{problem.observation}"; make '
            "one for the other"
        )
    at, segment_P = problem.begin(), torch.ones(problem.puzzles, dtype=torch.long)
    alive_P = torch.ones(problem.puzzles, dtype=torch.bool)
    for m in range(1, problem.max_segments):
        action_P = policy(problem.observe(at, m), torch.full((problem.puzzles,), m))
        alive_P = alive_P & (action_P != HALT)
        after = problem.go(at, action_P == RESTART)
        at = At(*(torch.where(alive_P, new, old) for new, old in zip(after, at, strict=True)))
        segment_P += alive_P
    return Played(segment_P, at)


def outcome(
    problem: Problem, policy: RestartPolicy, *, weight_P: Float[Tensor, " P"] | None = None
) -> Outcome:
    """Exact value, accuracy, segments and restarts of a deterministic policy on a bank.

    Raises:
        ValueError: as `exact.shares`.
    """
    share_P = shares(problem.puzzles, weight_P)
    played = play(problem, policy)
    accuracy = float(problem.right(played.at) @ share_P)
    segments = float(played.segment_P.double() @ share_P)
    restarts = float(played.at.copy_B.double() @ share_P)
    return Outcome(accuracy - problem.step_cost * (segments - 1), accuracy, segments, restarts)
