"""The study of copies: its scores by hand, and its table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
from loading import module_of
from scripted import PUZZLES
from tiny import talkative

from hrm_rl.inside.copies import Tries

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def restarts() -> ModuleType:
    return module_of("restarts")


def test_scores_by_hand(restarts: ModuleType) -> None:
    """Two puzzles whose answer is 5, three copies of two segments, beside one of three.

    The first is right in copy 2 alone, which is the surest and verifies at segment 1; of the second all
    are wrong. The single copy loses the second's answer again after its second segment.
    """
    last_PK = torch.tensor([[4, 4, 5], [4, 4, 4]], dtype=torch.uint8)
    q_PK = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    right_MPK = torch.zeros(2, 2, 3, dtype=torch.bool)
    right_MPK[:, 0, 2] = True
    several = Tries(last_PK.expand(2, 2, 3)[..., None], q_PK.expand(2, 2, 3), right_MPK)
    alone_MP = torch.tensor([[4, 4], [4, 5], [5, 4]], dtype=torch.uint8)
    one = Tries(alone_MP[..., None, None], torch.zeros(3, 2, 1), (alone_MP == 5)[..., None])
    found = restarts.scores(several, one, torch.tensor([[5], [5]], dtype=torch.uint8))
    by_q, verified = found.pop("gain by Q_halt"), found.pop("gain, verified")
    assert by_q == (0.0, 0.0, 0.0, 1.0)  # the first puzzle, both
    assert verified.mean == -0.5 and verified.low == pytest.approx(-0.5 - 12.7062 / 2, abs=1e-3)
    assert found == {
        "any": 0.5, "vote": 0.0, "Q_halt": 0.5, "verified": 0.5,
        "one, at the end": 0.5, "one, verified": 1.0,
        "segments until verified": 3 * (1 + 2) / 2, "one, segments": (3 + 2) / 2,
    }  # fmt: skip


def test_a_study_is_a_table_of_its_copies(restarts: ModuleType) -> None:
    rows = dict(restarts.study(talkative(), PUZZLES, 2, "symmetry", copies=(1, 2)))
    assert rows[1]["segments until verified"] == rows[1]["one, segments"] == 2
    assert rows[2]["one, segments"] == rows[2]["segments until verified"] == 4
    head, _, first, second = restarts.table({"toys": rows})
    assert head.startswith("| puzzles | copies | any | vote | Q_halt | verified |")
    assert first.startswith("| toys | 1 | 0.0% |")
    assert second.endswith("| 4.0 | 4.0 | +0.0 [+0.0, +0.0] | +0.0 [+0.0, +0.0] |")


def test_fewer_copies_are_the_first_of_many(restarts: ModuleType) -> None:
    """Copy 0 is the puzzle as it is, however many are beside it."""
    rows = dict(restarts.study(talkative(seed=1), PUZZLES, 2, "symmetry", copies=(1, 2, 4)))
    alone = dict(restarts.study(talkative(seed=1), PUZZLES, 2, "symmetry", copies=(1,)))
    assert rows[1] == alone[1]


def test_starts_differ_where_states_are_drawn(restarts: ModuleType) -> None:
    model = talkative()
    drawing = type(model)(replace(model.config, start="random")).eval()
    drawing.load_state_dict(model.state_dict())
    rows = dict(restarts.study(drawing, PUZZLES, 2, "start", copies=(1, 2)))
    assert rows[2]["one, segments"] == 4
