"""Walking an environment: every decision is what the bank says of its puzzle."""

import pytest
import torch

from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.learners.walking import Decision, walk
from hrm_rl.banks.bank import observe
from hrm_rl.banks.synthetic import bank_c

M = 5


def decisions(explore_probability: float, halts: bool, updates: int = 40) -> list[Decision]:
    env = play_on(bank_c(50, M + 1), observation="o", max_segments=M, slots=6)
    return list(
        walk(
            env, lambda obs_BF: torch.full((6,), halts), updates=updates, seed=0,
            explore_probability=explore_probability, progress=lambda n: None,
        )
    )  # fmt: skip


def test_decisions_are_those_of_the_bank() -> None:
    bank = bank_c(50, M + 1).first(M)
    obs_MPF = torch.stack([observe(bank, "o", m) for m in range(1, M + 1)])
    forced = 0
    for seen in decisions(0.7, halts=True):
        at, after = (seen.m_B - 1, seen.puzzle_B), (seen.m_B, seen.puzzle_B)
        assert torch.equal(seen.obs_BF, obs_MPF[at])
        assert torch.equal(seen.correct_B, bank.correct_MP[at])
        goes_on_B = seen.continued_B
        assert torch.equal(seen.next_obs_BF[goes_on_B], obs_MPF[after][goes_on_B])
        assert torch.equal(seen.next_correct_B[goes_on_B], bank.correct_MP[after][goes_on_B])
        assert torch.equal(seen.forced_B, goes_on_B & (seen.m_B == M - 1))
        forced += int(seen.forced_B.sum())
    assert forced > 0


@pytest.mark.parametrize(("explore", "expected"), [(0.0, 1.0), (1.0, 29 / 13)])
def test_exploring_sets_a_minimum_for_an_episode(explore: float, expected: float) -> None:
    """Who wants to halt at once does so at a minimum that is uniform over 2 .. 5.

    Its last decision is then at 2, 3, 4 and (5 is forced) 4: 13 decisions in four episodes, whose m
    add up to 3 + 6 + 10 + 10.
    """
    m = torch.cat([seen.m_B for seen in decisions(explore, halts=True, updates=400)]).double()
    assert m.mean().item() == pytest.approx(expected, abs=0.1)
