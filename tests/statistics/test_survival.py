"""Survival products and coins: by hand, and both forms against a plain loop.

Shapes: B slots, M segments.
"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.statistics.survival import (
    coin_entropy,
    halting,
    halting_until,
    log_probability,
    reach,
    survival,
)

M, B = 5, 3
LOGIT_BM = torch.randn(B, M, generator=torch.Generator().manual_seed(0))
HALT = [0.25, 0.5, 0.75]


def plain_halting(logits: list[float], m: int) -> list[float]:
    """P(halt at n) as a loop, when m segments were run."""
    left, p = 1.0, []
    for n, logit in enumerate(logits, 1):
        halt = 1 / (1 + math.exp(-logit))
        now = left if n == m else left * halt if n < m else 0.0
        p.append(now)
        left -= now
    return p


def test_both_products_by_hand() -> None:
    assert survival(torch.tensor([HALT]).T)[:, 0].tolist() == [1, 0.75, 0.375]
    assert reach(torch.tensor([HALT]).logit()).tolist() == [pytest.approx([1, 0.75, 0.375])]
    assert halting(torch.tensor([HALT]).T)[:, 0].tolist() == [0.25, 0.375, 0.375]


@pytest.mark.parametrize("m", [1, 3, M])
def test_halting_distribution_is_that_of_a_plain_loop(m: int) -> None:
    p_BM = halting_until(LOGIT_BM, torch.full((B,), m))
    for row, logits in zip(p_BM.tolist(), LOGIT_BM.tolist(), strict=True):
        assert row == pytest.approx(plain_halting(logits, m), abs=1e-6)
        assert sum(row) == pytest.approx(1)


@given(st.integers(0, 99), st.integers(1, 16))
def test_products_and_sums_of_logarithms_are_one_rule(seed: int, segments: int) -> None:
    """Of episodes that run to the end, with their gradients."""
    generator = torch.Generator().manual_seed(seed)
    logit_BM = 3 * torch.randn(4, segments, generator=generator, dtype=torch.float64)
    logit_BM.requires_grad_()
    worth_BM = torch.randn(4, segments, generator=generator, dtype=torch.float64)
    product_BM = halting(logit_BM.sigmoid().mT).mT
    log_BM = halting_until(logit_BM, torch.full((4,), segments))
    torch.testing.assert_close(product_BM, log_BM)
    slopes = [
        torch.autograd.grad((p_BM * worth_BM).sum(), logit_BM)[0] for p_BM in (product_BM, log_BM)
    ]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("p", [0.5, 0.2, 0.999])
def test_a_coin_by_hand(p: float) -> None:
    logit = torch.tensor(p, dtype=torch.float64).logit()
    assert log_probability(logit, torch.tensor(True)).item() == pytest.approx(math.log(p))
    assert log_probability(logit, torch.tensor(False)).item() == pytest.approx(math.log(1 - p))
    entropy = -p * math.log(p) - (1 - p) * math.log(1 - p)
    assert coin_entropy(logit).item() == pytest.approx(entropy)
