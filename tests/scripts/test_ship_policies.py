"""The policies that ship have cards, which say what their files say and what they score."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
from loading import module_of

from hrm_rl.agents.trained import SHIPPED, read_saved, shipped

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@pytest.fixture(scope="module")
def cards() -> ModuleType:
    return module_of("policy_card")


def test_every_policy_has_a_card_and_every_card_a_policy() -> None:
    assert sorted(path.stem for path in SHIPPED.glob("*.md")) == shipped() != []


@pytest.mark.parametrize("name", shipped())
def test_a_card_is_what_its_policy_scores_now(cards: ModuleType, name: str) -> None:
    """After new weights, banks or policies: scripts/ship_policies.py, or its --cards.

    Other processors round otherwise, so numbers are not compared to the last digit.
    """
    path = SHIPPED / f"{name}.safetensors"
    text = path.with_suffix(".md").read_text(encoding="utf-8")
    again = cards.card(path, cards.FITTED.search(text)[1])
    assert NUMBER.sub("", again).replace("+", "-") == NUMBER.sub("", text).replace("+", "-")
    ours, theirs = (list(map(float, NUMBER.findall(part))) for part in (again, text))
    assert ours == pytest.approx(theirs, abs=0.1)
    saved = read_saved(path)
    assert saved.about in text and saved.weights[:12] in text


def test_it_is_refused_on_other_models_banks_alone(cards: ModuleType) -> None:
    refused = cards.refused_on(SHIPPED / "sudoku9-ppo.safetensors", 16)
    assert {"maze8-test", "arc6-fit"} <= set(refused)
    assert not any(name.startswith("sudoku9") for name in refused)


def test_what_a_fit_took_is_kept_when_a_card_is_written_anew(
    cards: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "sudoku9-ppo.safetensors"
    path.write_bytes((SHIPPED / path.name).read_bytes())
    for taken, said in (
        ("", cards.UNKNOWN),
        ("3 s of one core", "3 s of one core"),
        ("", "3 s of one core"),
    ):
        text = cards.write_card(path, taken).read_text(encoding="utf-8")
        assert f"CPU time of the fit: {said}." in text.splitlines()
