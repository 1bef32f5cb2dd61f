"""Optimisers and schedules, as the public HRM training uses them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hrm_rl.checks.numbers import real


class AdamAtan2(torch.optim.Optimizer):
    """Adam with atan2 in place of the division: no epsilon, invariant to the scale of the loss.

    Everett et al. 2024, as in HRM's training: decoupled decay first, then
    p -= lr / (1 - beta1^t) * atan2(m, sqrt(v) / sqrt(1 - beta2^t)), i.e. the first bias correction
    outside the arctangent. The step count is a Python int, so nothing waits for the device.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.1,
    ) -> None:
        """Raises ValueError: a rate or a decay below 0, or betas outside [0, 1)."""
        lr, weight_decay = real("lr", lr, low=0), real("weight_decay", weight_decay, low=0)
        betas = two_betas(betas)
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p] = {"m": torch.zeros_like(p), "v": torch.zeros_like(p)}
            group["t"] = 0

    @torch.no_grad()
    def step(  # type: ignore[override]
        self, closure: Callable[[], float] | None = None
    ) -> float | None:
        loss = closure() if closure is not None else None
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            grads = [p.grad for p in params]
            m, v = [self.state[p]["m"] for p in params], [self.state[p]["v"] for p in params]
            (beta1, beta2), lr = group["betas"], group["lr"]
            group["t"] += 1
            torch._foreach_mul_(params, 1 - lr * group["weight_decay"])
            torch._foreach_lerp_(m, grads, 1 - beta1)
            torch._foreach_mul_(v, beta2)
            torch._foreach_addcmul_(v, grads, grads, 1 - beta2)
            roots = torch._foreach_sqrt(v)
            torch._foreach_div_(roots, math.sqrt(1 - beta2 ** group["t"]))
            for p, m_p, root in zip(params, m, roots, strict=True):
                p.add_(torch.atan2(m_p, root), alpha=-lr / (1 - beta1 ** group["t"]))
        return loss


def two_betas(betas: Any) -> tuple[float, float]:
    """The decays of both averages of Adam, each in [0, 1).

    Raises:
        ValueError: they are not.
    """
    if not isinstance(betas, Sequence) or len(betas) != 2:
        raise ValueError(f"betas must be two numbers in [0, 1), got {betas!r:.60}")
    cure = "1 would keep the first gradient for good"
    found = (real("betas", beta, low=0, high=1, cure=cure) for beta in betas)
    first, second = (real("betas", beta, high=1, inside=True, cure=cure) for beta in found)
    return first, second


@torch.no_grad()
def norms(params: Iterable[Tensor]) -> dict[str, Tensor]:
    """The norm of each weight and of its gradient: when a run diverges they say at which tensor."""
    weights = list(params)
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in weights]
    return {
        "weight_norms": torch.stack(torch._foreach_norm(weights)),
        "gradient_norms": torch.stack(torch._foreach_norm(gradients)),
    }


@torch.no_grad()
def sign_sgd_rows_(
    table_NE: Float[Tensor, "N E"],
    id_B: Int[Tensor, " B"],
    grad_BE: Float[Tensor, "B E"],
    lr: float,
    weight_decay: float,
) -> None:
    """Sign-SGD on the rows of `table_NE` that a batch used, in place; other rows do not even decay.

    Gradients of equal ids are summed first, by a product with their equality matrix, so that shapes
    do not depend on data; equal ids then write the same value.
    """
    same_BB = (id_B[:, None] == id_B[None, :]).to(grad_BE.dtype)
    rows_BE = table_NE[id_B] * (1 - lr * weight_decay) - lr * torch.sign(same_BB @ grad_BE)
    table_NE[id_B] = rows_BE


def learning_rate(step: int, base: float, warmup: int, total: int, min_ratio: float = 1.0) -> float:
    """Linear warm-up, then a cosine from `base` to `min_ratio * base` at `total`; at 1.0 constant.

    `step` counts from 1.
    """
    if step < warmup:
        return base * step / warmup
    progress = min(1.0, (step - warmup) / max(1, total - warmup))
    return base * (min_ratio + (1 - min_ratio) * 0.5 * (1 + math.cos(math.pi * progress)))


@torch.no_grad()
def update_ema_(ema: list[Tensor], params: list[Tensor], decay: float) -> None:
    """ema = decay * ema + (1 - decay) * params, in place."""
    torch._foreach_lerp_(ema, params, 1 - decay)
