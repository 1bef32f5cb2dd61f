"""The sequence losses: numbers worked out by hand, and finite gradients everywhere.

Shapes: B slots, T tokens, V vocabulary.
"""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.loop import Batch
from hrm_rl.puzzles import task_of, verdicts
from hrm_rl.training import losses, presets

HUGE = 2.0**127  # finite in fp32 and in bf16
anywhere = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, HUGE, -HUGE, 1e-30, -1e-30]),
    st.floats(-HUGE, HUGE, width=32),
    st.floats(-30, 30, width=32),
)


# --- stablemax ------------------------------------------------------------------------------------


def test_stablemax_by_hand():
    """s(1) = 2, s(0) = 1, s(-1) = 1/2, s(-3) = 1/4: they add up to 3.75."""
    got = losses.log_stablemax(torch.tensor([1.0, 0.0, -1.0, -3.0])).exp()
    assert got.tolist() == pytest.approx([2 / 3.75, 1 / 3.75, 0.5 / 3.75, 0.25 / 3.75])


@given(st.lists(anywhere, min_size=2, max_size=5), st.sampled_from([torch.float32, torch.bfloat16]))
def test_stablemax_is_a_distribution_with_a_finite_gradient(logits, dtype):
    x = torch.tensor(logits, dtype=dtype, requires_grad=True)
    log_p = losses.log_stablemax(x)
    assert log_p.exp().sum().item() == pytest.approx(1)
    for i in range(len(logits)):
        (gradient,) = torch.autograd.grad(log_p[i], x, retain_graph=True)
        assert gradient.isfinite().all(), (logits, i)


@given(st.lists(st.floats(-30, 30, width=32), min_size=2, max_size=5))
def test_stablemax_gradient_is_that_of_the_definition(logits):
    """d log p_i / d x_j = (1{i = j} - p_j) s'(x_j) / s(x_j), and s'/s = 1 / (1 + |x|)."""
    x = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    log_p = losses.log_stablemax(x)
    (gradient,) = torch.autograd.grad(log_p[0], x)
    p, first = log_p.detach().exp(), torch.eye(len(logits), dtype=torch.float64)[0]
    torch.testing.assert_close(gradient, (first - p) / (1 + x.detach().abs()))


# --- the sequence loss ----------------------------------------------------------------------------


def test_sequence_loss_averages_over_the_scored_cells_of_each_slot():
    logits_BTV = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[3.0, 5.0], [2.0, 2.0]]])
    y_BT = torch.tensor([[1, 1], [verdicts.PAD, verdicts.PAD]])
    stablemax = losses.sequence_loss(logits_BTV, y_BT)
    assert stablemax.tolist() == pytest.approx([(math.log(3) + math.log(3 / 2)) / 2, 0])
    softmax = losses.sequence_loss(logits_BTV, y_BT, "softmax")
    expected = (math.log(1 + math.e) + math.log(1 + 1 / math.e)) / 2
    assert softmax.tolist() == pytest.approx([expected, 0])
    with pytest.raises(ValueError, match='loss must be "stablemax" or "softmax", got "hinge"'):
        losses.sequence_loss(logits_BTV, y_BT, "hinge")


def test_the_loss_may_be_on_the_blanks_alone():
    batch = Batch(
        torch.tensor([[1, 3, 0], [1, 1, 2]]), torch.tensor([[2, 3, 0], [4, 5, 2]]), torch.zeros(2)
    )
    assert torch.equal(losses.wanted(batch), batch.y_BT)
    assert losses.wanted(batch, "blanks").tolist() == [[2, 0, 0], [4, 5, 0]]
    with pytest.raises(ValueError, match="is for Sudoku, whose givens are known"):
        replace(presets.maze8(), loss_on="blanks")
    with pytest.raises(ValueError, match="loss_on must be one of all, blanks, got 'blank'"):
        replace(presets.sudoku4(), loss_on="blank")


def test_the_answers_asked_for_are_the_stored_or_the_nearest_ones():
    """Four queens, none of which stands: of both answers the mirrored one is stored."""
    game = task_of("queens4")
    stored, other = (
        torch.from_numpy(game.tokens(game.parse(text))).long()
        for text in ("..Q.Q......Q.Q..", ".Q.....QQ.....Q.")
    )
    batch = Batch(torch.ones(1, 16, dtype=torch.long), stored[None], torch.zeros(1))
    logits_BTV = math.log(2) * torch.nn.functional.one_hot(other, 3)[None].float()
    nearest = losses.answered(batch, logits_BTV, game)
    assert torch.equal(nearest.y_BT, other[None]) and torch.equal(nearest.x_BT, batch.x_BT)
    assert verdicts.correct(logits_BTV, nearest.y_BT).tolist() == [True]
    # Each cell has 1/2 on one token and 1/4 on both others; the answers differ in eight cells.
    for scored, expected in ((nearest, math.log(2)), (batch, 1.5 * math.log(2))):
        loss_B = losses.sequence_loss(logits_BTV, scored.y_BT, "softmax")
        assert loss_B.tolist() == pytest.approx([expected])


def test_only_answers_that_can_be_listed_are_compared():
    assert replace(presets.queens8(), answers="nearest").answers == "nearest"
    with pytest.raises(ValueError, match=r'answers "nearest" is for queens .* got maze8; use'):
        replace(presets.maze8(), answers="nearest")
    large = replace(presets.queens8().model, task="queens11", length=121)
    with pytest.raises(ValueError, match=r"on up to 10 rows, .* got queens11"):
        replace(presets.queens8(), model=large, answers="nearest")


def test_correct_means_every_scored_cell():
    y_BT = torch.tensor([[1, 2, 0], [1, 2, 0], [0, 0, 0]])
    predicted_BT = torch.tensor([[1, 2, 3], [1, 1, 0], [0, 0, 0]])
    logits_BTV = torch.nn.functional.one_hot(predicted_BT, 4).float()
    assert verdicts.cells_right(logits_BTV.argmax(-1), y_BT).tolist() == [
        [True, True, False], [True, False, False], [False, False, False],
    ]  # fmt: skip
    assert verdicts.correct(logits_BTV, y_BT).tolist() == [True, False, False]


def test_correctness_is_read_off_the_mean_of_the_vector_by_hand():
    """Of 4 numbers with mean square 1: sqrt(4) times their mean, at most 2 either way."""
    z_BD = torch.tensor([[1.0, 1, 1, 1], [1, 1, 1, -1], [-1, 1, -1, 1]], requires_grad=True)
    correct_B = torch.tensor([True, False, True])
    loss_B = losses.correctness_loss(z_BD, correct_B)
    assert loss_B.tolist() == pytest.approx(
        [math.log1p(math.exp(-2)), math.log1p(math.exp(1)), math.log(2)]
    )
    loss_B.sum().backward()
    slope_B = torch.tensor([1 / (1 + math.exp(-2)) - 1, 1 / (1 + math.exp(-1)), -0.5])
    assert torch.allclose(z_BD.grad, slope_B[:, None].expand(-1, 4) * 2 / 4)
