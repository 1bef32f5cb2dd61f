"""Predictions between segments: the model's own at a segment's end, and their numbers by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import ATTENTION, batch, talkative

from hrm_rl import loop
from hrm_rl.inside import predictions as module
from hrm_rl.inside.predictions import Moment, Prediction, figure7, predictions
from hrm_rl.puzzles import PuzzleSet, load

PUZZLES = load("sudoku4", "test").take(range(2))


def test_a_segment_ends_with_what_it_says() -> None:
    model, puzzles = talkative(replace(ATTENTION, L_cycles=3)), batch(3)
    slots = loop.fresh(model, puzzles)
    seen = list(predictions(model, puzzles, 2))
    assert [(at.segment, at.step) for at in seen] == [(m, i) for m in (1, 2) for i in range(1, 7)]
    for at in (seen[5], seen[11]):
        slots, output = loop.advance(model, slots)
        assert torch.equal(at.prediction_BT, output.logits.argmax(-1))
        assert torch.equal(at.q_B2, output.q)
    assert not torch.equal(seen[0].prediction_BT, seen[5].prediction_BT)


def scripted(
    monkeypatch: pytest.MonkeyPatch, puzzles: PuzzleSet, answers: list[np.ndarray]
) -> list[Moment]:
    """Figure 7 of a model that gives these answers (tokens), one a step, two steps a segment."""
    steps = [
        Prediction(1 + i // 2, 1 + i % 2, torch.from_numpy(y_PT).long(), torch.zeros(len(y_PT), 2))
        for i, y_PT in enumerate(answers)
    ]
    monkeypatch.setattr(module, "predictions", lambda *_: iter(steps))
    return figure7(talkative(), puzzles, 2)


def test_moments_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """One blank cell is answered rightly, then wrongly, then rightly again."""
    right_PT = PUZZLES.solutions_PL
    cell = int(np.flatnonzero(PUZZLES.inputs_PL[0] == 1)[0])
    blanks = int((PUZZLES.inputs_PL == 1).sum())
    wrong_PT = right_PT.copy()
    wrong_PT[0, cell] = 2 + (right_PT[0, cell] - 1) % 4
    first, second, third = scripted(monkeypatch, PUZZLES, [right_PT, wrong_PT, right_PT])
    assert first == Moment(1, 1, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0)
    assert (second.segment, second.step, second.solved) == (1, 2, 0.5)
    for share in (1 - second.right, second.changed, second.undone):
        assert share == pytest.approx(1 / blanks)
    assert second.broken >= 1 / blanks and second.returned == 0
    assert (third.solved, third.undone) == (1.0, 0.0)
    assert third.changed == third.returned == pytest.approx(1 / blanks)


def test_givens_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every given overwritten: no puzzle is solved, and no open cell is any worse."""
    wrong_PT = np.where(PUZZLES.inputs_PL > 1, 7 - PUZZLES.solutions_PL, PUZZLES.solutions_PL)
    (only,) = scripted(monkeypatch, PUZZLES, [wrong_PT.astype(np.uint8)])
    assert (only.solved, only.right) == (0.0, 1.0)


def test_puzzles_that_are_their_own_answers_are_refused() -> None:
    whole = replace(PUZZLES, inputs_PL=PUZZLES.solutions_PL)
    with pytest.raises(ValueError, match="their own answers"):
        figure7(talkative(), whole, 1)
