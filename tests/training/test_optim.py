"""Optimisers against loops written out by hand, one number at a time.

Shapes: N rows of a table, B slots, E width.
"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.training import optim

# --- Adam-atan2 -----------------------------------------------------------------------------------


def by_hand(
    p: float, grads: list[float], lr: float, betas: tuple[float, float], decay: float
) -> float:
    """The update of the public HRM code, with Python floats."""
    m = v = 0.0
    for t, g in enumerate(grads, start=1):
        p *= 1 - lr * decay
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        root = math.sqrt(v) / math.sqrt(1 - betas[1] ** t)
        p -= lr / (1 - betas[0] ** t) * math.atan2(m, root)
    return p


def optimised(
    start: list[float], grads: list[list[float]], scale: float = 1.0, **settings: float
) -> list[float]:
    p = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    optimizer = optim.AdamAtan2([p], **settings)
    for g in grads:
        p.grad = scale * torch.tensor(g, dtype=torch.float64)
        optimizer.step()
    return p.tolist()


numbers = st.floats(-3, 3)
histories = st.lists(st.tuples(numbers, numbers).map(list), min_size=1, max_size=6)


def squares_are_normal(grads):
    """The second moment holds squares: what underflows there has no scale left to be invariant to."""
    return all(g == 0 or abs(g) > 1e-100 for row in grads for g in row)


@given(histories, st.floats(1e-4, 0.5), st.floats(0, 1))
def test_adam_atan2_is_the_loop_by_hand(grads, lr, decay):
    betas = (0.9, 0.95)
    got = optimised([1.0, -2.0], grads, lr=lr, betas=betas, weight_decay=decay)
    expected = [
        by_hand(p, [g[i] for g in grads], lr, betas, decay) for i, p in enumerate([1.0, -2.0])
    ]
    assert got == pytest.approx(expected, rel=1e-9)


def test_first_step_is_a_quarter_of_pi_against_the_sign():
    """m / (1 - beta1) and the root are |g|, up to 1 - beta1 outside: atan2(0.1 g, |g|) / 0.1."""
    got = optimised([0.0, 0.0], [[5.0, -0.01]], lr=1.0, weight_decay=0.0)
    step = 10 * math.atan(0.1)
    assert got == pytest.approx([-step, step])


@given(histories.filter(squares_are_normal), st.sampled_from([2.0**-20, 2.0**10]))
def test_adam_atan2_does_not_see_the_scale_of_the_loss(grads, scale):
    plain, scaled = (optimised([1.0, -2.0], grads, scale=s, lr=0.1) for s in (1.0, scale))
    assert scaled == pytest.approx(plain, rel=1e-6)


def test_parameters_without_a_gradient_stay():
    p, q = (torch.nn.Parameter(torch.ones(1)) for _ in range(2))
    p.grad = torch.ones(1)
    optim.AdamAtan2([p, q], lr=0.1, weight_decay=0.5).step()
    assert q.item() == 1 and p.item() < 0.95


# --- sign-SGD on puzzle embeddings ----------------------------------------------------------------


def test_sign_sgd_by_hand():
    """Row 1 twice, with gradients that add up to (+, 0); row 3 once. lr 0.1, decay 0.5."""
    table = torch.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, -4.0]])
    grad = torch.tensor([[3.0, 1.0], [0.0, -2.0], [-1.0, -1.0]])
    optim.sign_sgd_rows_(table, torch.tensor([1, 3, 1]), grad, lr=0.1, weight_decay=0.5)
    kept = 1 - 0.1 * 0.5
    expected = [[1, 1], [2 * kept - 0.1, 2 * kept], [3, 3], [4 * kept, -4 * kept + 0.1]]
    torch.testing.assert_close(table, torch.tensor(expected))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=8), st.integers(0, 99))
def test_sign_sgd_is_the_loop_over_rows(ids, seed):
    generator = torch.Generator().manual_seed(seed)
    table = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    grad = torch.randn(len(ids), 3, generator=generator, dtype=torch.float64)
    expected = table.clone()
    for row in set(ids):
        total = sum(g for i, g in zip(ids, grad, strict=True) if i == row)
        expected[row] = expected[row] * (1 - 0.1 * 0.2) - 0.1 * torch.sign(total)
    optim.sign_sgd_rows_(table, torch.tensor(ids), grad, lr=0.1, weight_decay=0.2)
    torch.testing.assert_close(table, expected)


# --- schedule and average -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (1, 0.2),
        (5, 1.0),
        (10, 1.0 - 0.9 * (1 - math.sqrt(0.5)) / 2),
        (15, 0.55),
        (25, 0.1),
        (99, 0.1),
    ],
)
def test_schedule_warms_up_and_falls_along_a_cosine(step, expected):
    """Warm-up 5, total 25: at step 10 a quarter of the cosine is done, at 15 half of it."""
    assert optim.learning_rate(step, 1.0, 5, 25, 0.1) == pytest.approx(expected)


def test_schedule_is_constant_without_a_minimum():
    assert {optim.learning_rate(step, 3.0, 2, 10) for step in range(2, 20)} == {3.0}


def test_average_of_weights_by_hand():
    ema, params = [torch.tensor([1.0])], [torch.tensor([2.0])]
    optim.update_ema_(ema, params, decay=0.75)
    assert ema[0].item() == 1.25 and params[0].item() == 2
