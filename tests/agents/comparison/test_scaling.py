"""Scaling at inference: figures by hand."""

from pathlib import Path

import pytest
import torch
from banks import bank_of

from hrm_rl.agents.comparison import scaling
from hrm_rl.agents.rules import rule
from hrm_rl.banks.bank import Bank


@pytest.fixture(scope="module")
def bank() -> Bank:
    """Two puzzles, five segments: right from 2 but lost at 4, and never. Q knows at once."""
    correct_MP = torch.tensor([[0, 1, 1, 0, 0], [0, 0, 0, 0, 0]]).T.bool()
    return bank_of(correct_MP, q_halt=correct_MP * 2.0 - 1)[0]


def test_scaling_by_hand(bank: Bank) -> None:
    """Halting keeps the answer that going on loses, and takes (2 + limit) / 2 segments for it."""
    rows = scaling.inference_scaling(bank, {"trm": rule("trm")})
    got = [(row.name, row.max_segments, row.accuracy.mean, row.segments.mean) for row in rows]
    assert got == [
        ("never early", 1, 0.0, 1.0), ("trm", 1, 0.0, 1.0),
        ("never early", 2, 0.5, 2.0), ("trm", 2, 0.5, 2.0),
        ("never early", 4, 0.0, 4.0), ("trm", 4, 0.5, 3.0),
    ]  # fmt: skip


def test_plot_has_a_line_for_each_and_ticks_at_the_limits(bank: Bank, tmp_path: Path) -> None:
    rows = scaling.inference_scaling(bank, {"trm": rule("trm")})
    figure = scaling.plot(rows, tmp_path / "scaling.png")
    left, right = figure.axes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["never early", "trm"]
    assert [label.get_text() for label in left.get_xticklabels()] == ["1", "2", "4"]
    trm = right.lines[1]
    assert list(trm.get_xdata()) == [1, 2, 3] and list(trm.get_ydata()) == [0, 50, 50]
    assert (tmp_path / "scaling.png").stat().st_size > 1000
