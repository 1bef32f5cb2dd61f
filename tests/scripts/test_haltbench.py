"""The scoreboard in the docs is that of the entries beside it."""

from __future__ import annotations

from types import ModuleType

import pytest
from loading import module_of

from hrm_rl.haltbench import board


@pytest.fixture(scope="module")
def haltbench() -> ModuleType:
    return module_of("haltbench")


def test_the_scoreboard_is_that_of_the_entries(haltbench: ModuleType) -> None:
    """After new banks, rules or learners: scripts/haltbench.py."""
    page = haltbench.PAGE.read_text(encoding="utf-8")
    assert haltbench.with_board(page) == page


def test_what_ships_is_on_the_board(haltbench: ModuleType) -> None:
    there = {entry["entrant"]: entry for entry in board.read_all(haltbench.ENTRIES)}
    assert {"q", "trm", "stable", "fixed", "exact_pg", "act_q"} <= there.keys()
    assert {entry["seeds"] for entry in there.values() if entry["kind"] == "learner"} == {5}


def test_the_best_fixed_number_scores_nothing(haltbench: ModuleType) -> None:
    """It is what scores are held against, on every track."""
    (fixed,) = (entry for entry in board.read_all(haltbench.ENTRIES) if entry["entrant"] == "fixed")
    for track in fixed["tracks"].values():
        assert [row["score"] for row in track["costs"]] == pytest.approx([0, 0, 0], abs=1e-9)
        assert all(abs(row["gain"][0]) < 1e-9 for row in track["costs"])


def test_a_page_is_written_over_between_its_marks(haltbench: ModuleType) -> None:
    page = f"before\n{haltbench.BEGIN}old\n{haltbench.END}after\n"
    written = haltbench.with_board(page)
    assert written.startswith("before\n") and written.endswith("after\n") and "old" not in written
