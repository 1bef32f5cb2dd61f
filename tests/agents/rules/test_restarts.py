"""Rules that restart: by hand, and against the index of a chain."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hrm_rl.agents.rules import rule
from hrm_rl.agents.rules.basic import QThreshold
from hrm_rl.agents.rules.restarts import NeverRestart, RestartAt, RestartStable, restart_rules
from hrm_rl.banks.copies import originals
from hrm_rl.banks.synthetic import Chain, generate_copies
from hrm_rl.features import SCALARS
from hrm_rl.stopping.exact import outcome as alone
from hrm_rl.stopping.pandora import index
from hrm_rl.stopping.restarts import Problem, outcome


def seen(q: float, stable: float, own: int, kept: float) -> Tensor:
    """Of the second of three copies, after own of 8 segments."""
    row_F = torch.zeros(len(SCALARS) + 4)
    row_F[0], row_F[SCALARS.index("stable")] = q, stable
    row_F[-4:] = torch.tensor([0.5, own / 8, kept, (own + 1) / 8])
    return row_F[None]


@pytest.mark.parametrize(
    ("q", "stable", "own", "kept", "at", "still"),
    [
        (-2, 0, 2, -1, 0, 0),
        (-2, 2, 3, -1, 2, 2),
        (-2, 2, 2, -1, 0, 2),
        (2, 2, 3, 2, 1, 1),  # sure
        (-2, 2, 3, 1, 1, 1),  # the kept answer is
        (-2, 0, 3, -1, 2, 0),
        (-2, 0, 3, 60, 1, 1),  # it verifies
    ],
)
def test_rules_by_hand(q: float, stable: float, own: int, kept: float, at: int, still: int) -> None:
    obs_BF, m_B = seen(q, stable, own, kept), torch.tensor([own + 1])
    assert RestartAt(3, 0.5, 8)(obs_BF, m_B).tolist() == [at]
    assert RestartStable(2, 0.5)(obs_BF, m_B).tolist() == [still]


CHAIN = Chain(8, first=0.4, hazard=0.1, solvable=0.7)
BANK = generate_copies(CHAIN, 3000, 8, seed=3)


def test_never_restarting_is_halting_on_the_puzzle_alone() -> None:
    problem = Problem(BANK, 3, 0.05, observation="q")
    policy = QThreshold(0.5)
    found, wanted = outcome(problem, NeverRestart(policy)), alone(originals(BANK), policy, 0.05)
    assert found.restarts == 0
    assert found[:3] == pytest.approx((wanted.value, wanted.accuracy, wanted.segments))


def test_the_index_says_when_to_leave() -> None:
    """Eight copies of 8 segments in all: leaving after one segment is best, and near the index."""
    problem = Problem(BANK, 7, 0.02, observation="q")
    values = {n: outcome(problem, RestartAt(n, 0.5, 8, "q")).value for n in (1, 2, 3, 7)}
    best = index(CHAIN, 0.02)
    assert best.segments == max(values, key=lambda n: values[n]) == 1
    assert best.value - 0.1 < values[1] < best.value + 0.02


def test_all_rules_of_the_table_play() -> None:
    chosen = restart_rules(4)
    assert len(chosen) == 3 * 4 + 3 * 4
    for policy in chosen.values():
        action_B = policy(seen(-2, 3, 3, -1), torch.tensor([4]))
        assert action_B.tolist()[0] in (0, 1, 2)


def test_wrong_knobs_are_refused() -> None:
    with pytest.raises(ValueError, match="segments must be a whole number"):
        RestartAt(0)
    with pytest.raises(ValueError, match="observation must be"):
        RestartStable(2, 0.5, "q")
    with pytest.raises(ValueError, match="must see the time and remember nothing, got Cumulative"):
        NeverRestart(rule("cumulative"))
