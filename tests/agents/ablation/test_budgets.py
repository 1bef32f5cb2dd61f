"""Budgets: FLOPs and forwards of a training step counted by hand, and the steps that are scored."""

from __future__ import annotations

import pytest
from tiny import MLP, tiny_run

from hrm_rl.agents.ablation import budgets
from hrm_rl.agents.ablation.variants import config_of

# The tiny model with the MLP mixer: 4 slots, 16 tokens and a prefix, width 32, 6 tokens in the
# vocabulary. Both SwiGLUs have 256 inner units, so that each of their rows takes 3 x 256 products
# for each number that comes in.
SLOTS, L, D, V = 4, 17, 32, 6
BLOCK = 2 * SLOTS * L * D * (3 * 256 + 3 * 256)
HEADS = 2 * SLOTS * L * D * V + 2 * SLOTS * D * 2
Q_HEAD = 2 * SLOTS * D * 2
# Gradients of slots that share a puzzle embedding are added up by a product.
PUZZLES = 2 * SLOTS * SLOTS * D


@pytest.mark.parametrize("name", ["fixed-2", "act_q", "act_q-paper"])
def test_a_step_is_counted_by_hand(name: str) -> None:
    """A segment is four fast updates and two slow ones, a block each; the last two have gradients.

    Backward takes twice the products of what it goes through. The delayed target reads the head
    again on vectors that get no gradient, and the extra one takes a whole segment more.
    """
    base = tiny_run(model=MLP, steps=16)
    segment = 6 * BLOCK + HEADS
    step = segment + 2 * (2 * BLOCK + HEADS) + PUZZLES
    wanted = {
        "fixed-2": (1, step - 2 * Q_HEAD),  # nothing is learned from the Q-head
        "act_q": (1, step + 2 * Q_HEAD),
        "act_q-paper": (2, step + segment),
    }
    assert budgets.step_cost(config_of(name, base, 0)) == wanted[name]


def test_a_run_is_scored_early_and_at_its_end() -> None:
    config = tiny_run(steps=160)
    assert budgets.points(config) == [10, 20, 30, 40, 60, 80, 110, 160]
