"""Voting over the answers that the variants of one ARC question got (paper, "Evaluation Details").

A question is asked in many variants, every answer is turned back, and the two grids with the most
votes are handed in. The halting signal may have a say: `WAYS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np

Score = tuple[float, ...]


class Answer(NamedTuple):
    """What one variant got, turned back."""

    grid: np.ndarray
    """Colours; of shape (0, 0) if it wrote no grid, which gets no vote."""
    q: float
    """Probability of being right by its own account, the sigmoid of Q_halt, where it halted."""
    segment: int
    """Where it halted."""
    halted: bool
    """It wanted to halt there, and was not just stopped."""


def _count(votes: Sequence[Answer]) -> Score:
    return len(votes), float(np.mean([vote.q for vote in votes]))


def _weighted(votes: Sequence[Answer]) -> Score:
    return (sum(vote.q for vote in votes),)


def _halted(votes: Sequence[Answer]) -> Score:
    sure = [vote for vote in votes if vote.halted]
    return _count(sure) if sure else (0, *_count(votes))


def _first(votes: Sequence[Answer]) -> Score:
    first = min((vote.segment for vote in votes if vote.halted), default=None)
    return (0, *_count(votes)) if first is None else (1 / first, *_count(votes))


WAYS: Final[Mapping[str, Callable[[Sequence[Answer]], Score]]] = MappingProxyType(
    {"count": _count, "halted": _halted, "weighted": _weighted, "first": _first}
)
"""What makes one grid better than another, given the answers that agree on it:

    count      how many, then their mean q: the published way
    halted     the same, but only those that halted of themselves have a vote, while there are any
    weighted   the sum of their q
    first      how early the first of them halted, then as count
"""


def ranked(answers: Sequence[Answer], way: str = "count") -> list[np.ndarray]:
    """The different grids, best first; of equals the one that came first.

    Raises:
        ValueError: no such way.
    """
    if way not in WAYS:
        raise ValueError(f"votes are counted by {', '.join(WAYS)}, got {way!r}")
    ballots: dict[bytes, list[Answer]] = {}
    for answer in answers:
        if answer.grid.size:
            key = bytes(answer.grid.shape) + answer.grid.tobytes()
            ballots.setdefault(key, []).append(answer)
    best = sorted(ballots.values(), key=WAYS[way], reverse=True)
    return [votes[0].grid for votes in best]


class Verdict(NamedTuple):
    """One asked pair and what was answered, best first."""

    task: str
    number: int
    """Which of the task's asked pairs."""
    answer: np.ndarray
    """The right one; empty if nobody told."""
    grids: Sequence[np.ndarray]

    def within(self, tries: int) -> bool:
        """Whether the right answer is among the first so many."""
        return any(np.array_equal(grid, self.answer) for grid in self.grids[:tries])


@dataclass(frozen=True)
class Result:
    """What a model answered to every asked pair; shares are of those whose answers are known."""

    verdicts: tuple[Verdict, ...]

    @property
    def scored(self) -> tuple[Verdict, ...]:
        """The pairs whose answers are known; the shares of none are NaN."""
        return tuple(verdict for verdict in self.verdicts if verdict.answer.size)

    def inputs(self, tries: int) -> float:
        """Share of the asked pairs that are right within so many tries."""
        return _mean([verdict.within(tries) for verdict in self.scored])

    def tasks(self, tries: int) -> float:
        """Share of the tasks of which all pairs are: pass@k of the public HRM evaluation."""
        return _mean([all(rights) for rights in self._by_task(tries).values()])

    def credit(self, tries: int) -> float:
        """Mean over tasks of the share of their pairs that are: how ARC Prize scores."""
        return _mean([float(np.mean(rights)) for rights in self._by_task(tries).values()])

    def _by_task(self, tries: int) -> dict[str, list[bool]]:
        found: dict[str, list[bool]] = {}
        for verdict in self.scored:
            found.setdefault(verdict.task, []).append(verdict.within(tries))
        return found

    def submission(self) -> dict[str, list[dict[str, Any]]]:
        """What ARC Prize reads as `submission.json`: two attempts for each asked pair.

        Where there is only one answer, or none, a single black cell stands for the missing ones.
        """
        found: dict[str, list[dict[str, Any]]] = {}
        for verdict in sorted(self.verdicts, key=lambda verdict: (verdict.task, verdict.number)):
            tries = [grid.tolist() for grid in verdict.grids[:2]]
            first, second = tries + [[[0]]] * (2 - len(tries))
            found.setdefault(verdict.task, []).append({"attempt_1": first, "attempt_2": second})
        return found


def _mean(shares: Sequence[float]) -> float:
    return float(np.mean(shares)) if shares else float("nan")
