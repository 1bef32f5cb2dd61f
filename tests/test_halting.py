"""The paper's halting: greedy rule, ties, forced halts, and how long exploration makes episodes.

Shapes: B slots.
"""

import pytest
import torch

from hrm_rl import halting

Q_B2 = torch.tensor([[1.0, 0.0], [0.5, 0.5], [-2.0, -1.0]])


@pytest.mark.parametrize(
    ("tie", "expected"), [("continue", [True, False, False]), ("halt", [True, True, False])]
)
def test_greedy_rule_and_ties(tie, expected):
    assert halting.greedy_q(Q_B2, tie).tolist() == expected


def test_unknown_tie_is_refused():
    with pytest.raises(ValueError, match='tie must be "continue" or "halt", got "toss"'):
        halting.greedy_q(Q_B2, "toss")


def test_halts_from_the_minimum_on_and_at_the_last_segment_in_any_case():
    wants_B = torch.tensor([True, True, True, False, False])
    m_B, min_B = torch.tensor([1, 2, 3, 3, 4]), torch.tensor([1, 3, 3, 1, 1])
    got = halting.halts(wants_B, m_B, min_B, max_segments=4)
    assert got.tolist() == [True, False, True, False, True]


def test_minimum_is_one_or_uniform_above():
    min_B = halting.draw_min_segments(400_000, 5, 0.4, seeded(), torch.device("cpu"))
    shares = min_B.bincount(minlength=6)[1:] / len(min_B)
    assert shares.tolist() == pytest.approx([0.6, 0.1, 0.1, 0.1, 0.1], abs=0.003)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def episode_lengths(explore: str, max_segments: int) -> torch.Tensor:
    """Lengths of 400,000 episodes of a policy that wants to halt after segment 1; epsilon 0.1."""
    episodes, generator = 400_000, seeded()

    def draw() -> torch.Tensor:
        return halting.draw_min_segments(
            episodes, max_segments, 0.1, generator, torch.device("cpu")
        )

    length_B, min_B = torch.zeros(episodes), draw()
    wants_B = torch.ones(episodes, dtype=torch.bool)
    for m in range(1, max_segments + 1):
        if explore == "segment":
            min_B = draw()
        stops_B = halting.halts(wants_B, torch.full((episodes,), m), min_B, max_segments)
        length_B = torch.where(stops_B & (length_B == 0), m, length_B)
    return length_B


@pytest.mark.parametrize(
    ("explore", "max_segments", "mean"),
    [
        ("episode", 16, 1.800),  # 1 + 0.1 * (mean of 2..16 - 1)
        ("episode", 8, 1.400),
        ("segment", 16, 1.1102),  # a minimum above m must be drawn at every m
        ("segment", 8, 1.1092),
    ],
)
def test_exploration_lengthens_episodes(explore, max_segments, mean):
    assert episode_lengths(explore, max_segments).mean().item() == pytest.approx(mean, abs=0.005)


def test_only_a_minimum_for_the_episode_explores_deeply():
    """P(at least 8 of 16 segments): 0.1 * 9 / 15, or seven draws in a row that come out high."""
    deep = {
        explore: (episode_lengths(explore, 16) >= 8).double().mean()
        for explore in ("episode", "segment")
    }
    assert deep["episode"].item() == pytest.approx(0.06, abs=0.005)
    assert deep["segment"].item() < 1e-4
