"""Stopping with recall and restarts, by hand."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from hrm_rl.banks.bank import Bank
from hrm_rl.banks.synthetic import Chain, bank_of, generate_copies
from hrm_rl.stopping.restarts import Problem, outcome, play, tree


@dataclass(frozen=True)
class Script:
    """The action of each total number of segments, whatever is seen."""

    actions: tuple[int, ...]
    observation: str = "o"

    def __call__(self, obs_BF: Tensor, m_B: Tensor) -> Tensor:
        return torch.tensor(self.actions)[m_B - 1]


def by_hand() -> Bank:
    """Two copies of one puzzle, three segments: q 1, 3, 2 and right at 1; q 0, 2, 9, right at 2 and 3."""
    chain = Chain(3, first=0.5, hazard=0.5, scale=2.0)
    correct_MP = torch.tensor([[1, 0], [0, 1], [0, 1]], dtype=torch.bool)
    bank = bank_of(chain, correct_MP, torch.zeros(3, 2))
    q_MP = torch.tensor([[1.0, 0], [3, 2], [2, 9]])
    columns = {**bank.columns, "q": torch.stack([q_MP, 0 * q_MP], -1)}
    return replace(bank, columns=columns, cluster_P=torch.zeros(2, dtype=torch.long), copies=2)


def test_all_that_can_happen_by_hand() -> None:
    """To go on twice, on and restart, restart and whatever then (no copy is left): three ends."""
    levels = tree(Problem(by_hand(), 1, 0.25, observation="o"), torch.tensor([0]))
    assert [level.right_S.tolist() for level in levels] == [[1.0], [1.0, 0.0], [0.0, 0.0, 1.0]]
    assert [level.go_S.tolist() for level in levels] == [[1], [2, 0], []]
    assert [level.again_S.tolist() for level in levels] == [[0], [2, 1], []]


@pytest.mark.parametrize("recall", ["best-q", "last"])
def test_a_walk_down_the_tree_is_a_play(recall: str) -> None:
    """Every script of a restart or none after each segment, on puzzles given out of order."""
    chain = Chain(5, first=0.4, hazard=0.3, loss=0.3, scale=1.0)
    problem = Problem(generate_copies(chain, 30, 3), 2, 0.1, observation="q", recall=recall)
    levels = tree(problem, torch.arange(30).flip(0))
    assert sum(len(level.right_S) for level in levels) < 30 * (1 + 2 + 4 + 8 + 16)
    for actions in itertools.product((0, 2), repeat=4):
        state_P = torch.arange(30)
        for m, action in enumerate(actions):
            state_P = (levels[m].again_S if action else levels[m].go_S)[state_P]
        at = play(problem, Script(actions, "q")).at
        assert torch.equal(levels[-1].right_S[state_P], problem.right(at))
        assert torch.equal(levels[-1].obs_SF[state_P], problem.observe(at, 5))


@pytest.mark.parametrize(
    ("actions", "recall", "segments", "copy", "kept"),
    [
        ((0, 0), "best-q", 3, 0, (2, 0)),  # q 3 at segment 2 of copy 0
        ((0, 0), "last", 3, 0, (3, 0)),
        ((2, 0), "best-q", 3, 1, (2, 1)),  # q 1, 0, 2
        ((0, 2), "best-q", 3, 1, (2, 0)),  # q 1, 3, 0
        ((0, 2), "last", 3, 1, (1, 1)),
        ((2, 2), "last", 3, 1, (2, 1)),  # no copy is left: goes on
        ((2, 1), "best-q", 2, 1, (1, 0)),
        ((1, 0), "best-q", 1, 0, (1, 0)),
    ],
)
def test_what_is_kept_by_hand(
    actions: tuple[int, ...], recall: str, segments: int, copy: int, kept: tuple[int, int]
) -> None:
    problem = Problem(by_hand(), 1, 0.25, observation="o", recall=recall)
    played = play(problem, Script(actions))
    assert played.segment_P.tolist() == [segments] and played.at.copy_B.tolist() == [copy]
    m, k = kept
    assert played.at.kept_B.tolist() == [(m - 1) * 2 + k]
    right = float(by_hand().correct_MP[m - 1, k])
    found = outcome(problem, Script(actions))
    assert found == (right - 0.25 * (segments - 1), right, segments, copy)


def test_what_is_seen_by_hand() -> None:
    """Columns, copy of 1 restart, own segments of 3, kept q, m / 3."""
    problem = Problem(by_hand(), 1, 0.0, observation="q")
    at = problem.begin()
    at = problem.go(problem.go(at, torch.tensor([False])), torch.tensor([True]))
    torch.testing.assert_close(problem.observe(at, 3), torch.tensor([[0, 0, 1, 1 / 3, 3, 1.0]]))
    blind = Problem(by_hand(), 1, 0.0, observation="q", time_aware=False)
    torch.testing.assert_close(blind.observe(at, 3), torch.tensor([[0, 0, 1, 3.0]]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"restarts": 2}, "restarts must be < 2, the copies of each puzzle in the bank, got 2"),
        ({"recall": "verified"}, 'recall="verified" checks answers by the rules of a puzzle'),
        ({"recall": "best"}, "recall must be one of best-q, last, verified, got 'best'"),
        ({"max_segments": 9}, "max_segments must be"),
    ],
)
def test_what_is_no_problem_is_refused(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"restarts": 1, "step_cost": 0.0, "observation": "o", **change}
    with pytest.raises(ValueError, match=message):
        Problem(by_hand(), **arguments)


def test_a_policy_of_other_observations_is_refused() -> None:
    problem = Problem(by_hand(), 1, 0.0, observation="q")
    with pytest.raises(ValueError, match='the policy sees "o" and the problem shows "q"'):
        play(problem, Script((0, 0)))
