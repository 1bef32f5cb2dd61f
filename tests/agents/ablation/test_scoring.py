"""A checkpoint's scores, by hand."""

from __future__ import annotations

import pytest
import torch
from banks import bank_of

from hrm_rl.agents.ablation.scoring import score


def test_scores_by_hand() -> None:
    """Four puzzles: right from 1, from 2, at 2 only, never. Q knows, and wants to go on where wrong.

    The fourth segment is beyond the limit that the model was trained with.
    """
    correct_MP = torch.tensor([[1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1]]).bool()
    bank, _ = bank_of(correct_MP, q_halt=correct_MP * 20.0 - 10)
    found = score(bank, "trm", 3, fit_bank=bank)
    rules = found["rules"]
    assert rules["own"] == rules["trm"] == [0.75, (1 + 2 + 2 + 3) / 4]
    assert rules["q"] == rules["trm"]  # Q_continue is 0 everywhere
    assert rules["sampled"] == pytest.approx(rules["trm"], abs=1e-3)  # coins that are nearly sure
    assert [rules[f"fixed-{m}"] for m in (1, 2)] == [[0.25, 1.0], [0.75, 2.0]]
    assert found["accuracy_at"] == [0.25, 0.75, 0.5, 1.0]
    assert found["beyond"] == {"2": [0.75, (1 + 2 + 2 + 2) / 4], "4": [1.0, (1 + 2 + 2 + 4) / 4]}
    assert found["ever"] == 0.75
    # Fixed numbers: from 0.25 at 1 to 0.75 at 2 segments, and no better at 3.
    assert found["areas"]["fixed"] == pytest.approx((0.5 + 0.75) / 2)
    # Its own threshold, a coin between halting at once and at the first right answer: the same line.
    assert found["areas"]["own"] == found["areas"]["trm"] == pytest.approx((0.5 + 0.75) / 2)
    assert found["curve"] == [[1.0, 0.25], [2.0, 0.75]]
    assert found["frozen"]["0.05"]["fixed"] == pytest.approx(0.75 - 0.05)
    assert found["frozen"]["0.05"]["own"] == pytest.approx(0.75 - 0.05 * 1)


def test_knobs_are_chosen_on_the_fit_bank() -> None:
    """There two segments are best; here three would be."""
    right_at_2 = torch.tensor([[0, 0], [1, 1], [0, 0]]).bool()
    right_at_3 = torch.tensor([[0, 0], [1, 0], [1, 1]]).bool()
    fit, bank = (bank_of(correct_MP)[0] for correct_MP in (right_at_2, right_at_3))
    found = score(bank, "fixed", 3, fit)
    assert found["frozen"]["0.05"]["fixed"] == pytest.approx(0.5 - 0.05)
    # A coin between 1 and 2 segments up to a budget of 2, and 2 from there on.
    assert found["areas"]["fixed"] == pytest.approx((0.25 + 0.5) / 2)
    assert score(fit, "fixed", 3)["areas"] == {}


def test_a_rule_of_its_own_is_scored_under_its_name_too() -> None:
    bank, _ = bank_of(torch.tensor([[0, 1], [1, 0], [1, 1]]).bool())
    rules = score(bank, "fixed-3", 3)["rules"]
    assert rules["own"] == rules["fixed-3"] == [1.0, 3.0]
