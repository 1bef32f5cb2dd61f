"""The scoreboard in the docs is that of the entries beside it."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
from loading import module_of

from hrm_rl.agents.learners import LEARNERS
from hrm_rl.agents.rules import RULES
from hrm_rl.haltbench import board
from hrm_rl.haltbench.frozen import TRACKS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def haltbench() -> ModuleType:
    return module_of("haltbench")


def test_the_scoreboard_is_that_of_the_entries(haltbench: ModuleType) -> None:
    """After new banks, rules or learners: scripts/haltbench.py."""
    page = haltbench.PAGE.read_text(encoding="utf-8")
    assert haltbench.with_board(page) == page


def test_the_top_of_the_readme_is_that_of_the_entries(haltbench: ModuleType) -> None:
    page = haltbench.README.read_text(encoding="utf-8")
    assert haltbench.with_top(page) == page
    best = [entry["entrant"] for entry in board.read_all(haltbench.ENTRIES)[:3]]
    _, _, table = page.partition(haltbench.BEGIN)
    assert re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE)[:3] == best
    assert "docs/haltbench.md" in page


def test_all_that_ships_is_on_the_board(haltbench: ModuleType) -> None:
    there = {entry["entrant"]: entry for entry in board.read_all(haltbench.ENTRIES)}
    assert there.keys() == {*RULES, *LEARNERS} == {*haltbench.everything()}
    for name, entry in there.items():
        assert entry["kind"] == ("learner" if name in LEARNERS else "rule")
        assert (entry["seeds"], entry["steps"]) == ((5, 20_000) if name in LEARNERS else (1, 0))
        assert entry["source"] == ""
        assert entry["kind"] == "rule" or entry["tracks"].keys() == TRACKS.keys()


def test_a_run_that_was_stopped_goes_on(
    haltbench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has an entry of these banks is left as it is, and what is damaged is made again."""
    for name in ("PAGE", "README"):
        page = tmp_path / f"{name}.md"
        page.write_text(f"{haltbench.BEGIN}{haltbench.END}")
        monkeypatch.setattr(haltbench, name, page)
    monkeypatch.setattr(haltbench, "ENTRIES", tmp_path)
    there = (ROOT / "docs" / "entries" / "trm.json").read_text()
    (tmp_path / "trm.json").write_text(there)
    (tmp_path / "fixed.json").write_text(there[:100])
    haltbench.main(["fixed", "trm", "--missing"])
    assert (tmp_path / "trm.json").read_text() == there
    assert haltbench.counts(tmp_path / "fixed.json")
    assert (
        "| `trm` |" in haltbench.README.read_text() and "### hidden" in haltbench.PAGE.read_text()
    )


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
