"""Training towards whichever right answer is nearest: what counts as correct, and that it pays."""

from itertools import islice

import pytest
import torch

from hrm_rl.models.hrm import HRMConfig
from hrm_rl.puzzles import task_of
from hrm_rl.puzzles.verdicts import valid_optimal
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.train import TrainState, settle, think, train

BOARD = task_of("queens5")


def queens(answers: str) -> TrainConfig:
    model = HRMConfig(
        vocab=3, length=25, task="queens5", width=32, heads=2, H_layers=1, L_layers=1, H_cycles=1,
        L_cycles=1, inner_multiple=32, positions="none", token_mixer="mlp",
    )  # fmt: skip
    return TrainConfig(
        model=model, data=(("queens5:40:0:1", 1.0),), slots=32, steps=400, max_segments=2, lr=5e-3,
        warmup=5, explore_probability=1.0, answers=answers, device="cpu", dtype="float32",
    )  # fmt: skip


def test_right_by_the_rules_is_correct_though_another_answer_is_stored():
    state = TrainState.create(queens("nearest"))
    others = 0
    for _ in range(80):
        stored_BT = state.slots.batch.y_BT
        thought = think(state)
        batch, predicted_BT = thought.slots.batch, thought.output.logits.argmax(-1)
        by_rules_B = valid_optimal(BOARD, batch.x_BT, predicted_BT, stored_BT)
        assert torch.equal(thought.correct_B, by_rules_B)
        assert valid_optimal(BOARD, batch.x_BT, batch.y_BT, batch.y_BT).all()
        fresh_B = state.slots.m_B == 0
        others += int((by_rules_B & fresh_B & (predicted_BT != stored_BT).any(1)).sum())
        settle(state, thought, torch.zeros_like(by_rules_B))
    assert others > 0


@pytest.mark.slow
def test_one_of_several_answers_is_learned_where_the_stored_one_can_not_be():
    """One queen of five stands, in most places with two answers, each stored as often."""
    exact = {}
    for answers in ("stored", "nearest"):
        sums = [*islice(train(TrainState.create(queens(answers))), 300)][-50:]
        exact[answers] = float(sum(s["exact"] for s in sums) / sum(s["halted"] for s in sums))
    assert exact["nearest"] > exact["stored"] + 0.2
