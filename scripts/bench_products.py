"""The matrix products of a training step alone: no step of the same products can be faster than they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
PRODUCTS = (aten.mm.default, aten.bmm.default, aten.addmm.default, aten.baddbmm.default)
Layout = tuple[torch.Size, tuple[int, ...], torch.dtype]


class Products(TorchDispatchMode):
    """Counts the products that are computed inside, forward and backward, by the layout of their factors."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[tuple[Any, tuple[Layout, ...]]] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in PRODUCTS:
            self.calls[func, tuple((t.shape, t.stride(), t.dtype) for t in args)] += 1
        return func(*args, **(kwargs or {}))


def again(
    calls: Counter[tuple[Any, tuple[Layout, ...]]], device: torch.device
) -> Callable[[], float]:
    """Computes the same products of random numbers, each kind one after the other."""
    made = [
        (func, [_random(layout, device) for layout in layouts], n)
        for (func, layouts), n in calls.items()
    ]

    @torch.no_grad()
    def work() -> float:
        for func, factors, n in made:
            for _ in range(n):
                func(*factors)
        return 1.0

    return work


def _random(layout: Layout, device: torch.device) -> Tensor:
    shape, stride, dtype = layout
    return torch.empty_strided(shape, stride, dtype=dtype, device=device).normal_()
