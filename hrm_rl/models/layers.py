"""The parts HRM is made of: norm, positions, the two token mixers, SwiGLU, initialisation.

Shapes: B slots, L positions (prefix included), D width, N heads, K head width, I inner width.
Parameters have the names of the public HRM checkpoints, whose state dicts then load as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# The standard deviation of a unit normal cut at +-2; dividing by it makes `std` the real one.
STD_OF_CUT_NORMAL = 0.8796256610342398


def truncated_normal_(tensor: Tensor, std: float) -> Tensor:
    """Fill with a normal cut at two (uncorrected) deviations whose real deviation is `std`."""
    cut = std / STD_OF_CUT_NORMAL
    return nn.init.trunc_normal_(tensor, std=cut, a=-2 * cut, b=2 * cut)


def at_least_float32(x: Tensor) -> Tensor:
    """Where autocast's formats are too narrow: fp32, or the fp64 that a model in fp64 has anyway."""
    return x if x.dtype == torch.float64 else x.float()


def rms_norm(x: Tensor, eps: float = 1e-5) -> Tensor:
    """Divide the last axis by its root mean square, in fp32 at least, without a learned scale."""
    x32 = at_least_float32(x)
    return (x32 * torch.rsqrt(x32.square().mean(-1, keepdim=True) + eps)).to(x.dtype)


def inner_width(width: int, expansion: float, multiple: int = 256) -> int:
    """SwiGLU's inner width: 2/3 of `expansion * width`, rounded up to a multiple (256 in public)."""
    return -(-round(expansion * width * 2 / 3) // multiple) * multiple


class Linear(nn.Linear):
    """A linear layer without bias, LeCun-initialised: deviation 1/sqrt(inputs)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)

    def reset_parameters(self) -> None:
        truncated_normal_(self.weight, std=self.in_features**-0.5)


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x)), over the width and, in the MLP token mixer, over positions."""

    def __init__(self, width: int, expansion: float, multiple: int = 256) -> None:
        super().__init__()
        inner = inner_width(width, expansion, multiple)
        self.gate_up_proj = Linear(width, 2 * inner)
        self.down_proj = Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        return self.down_proj(F.silu(gate) * up)


def only_shapes() -> bool:
    """Whether a model is made on the meta device, where the first arithmetic imports sympy: seconds."""
    return torch.empty(0).is_meta


def rotary_angles(
    positions: int, head_width: int, theta: float = 10000.0, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """Cosine and sine of shape (positions, head_width), the two halves of the width paired."""
    if only_shapes():
        return torch.empty(positions, head_width), torch.empty(positions, head_width)
    frequencies = theta ** (-torch.arange(0, head_width, 2, dtype=dtype) / head_width)
    angles = torch.outer(torch.arange(positions, dtype=dtype), frequencies)
    both = torch.cat([angles, angles], dim=-1)
    return both.cos(), both.sin()


class Rotary(nn.Module):
    """The angles of a model's positions: computed in fp32, and again in fp64 for a model cast to it.

    Cast as weights are, they would stay rounded to fp32. They have no place in a state dict.
    """

    def __init__(self, positions: int, head_width: int) -> None:
        super().__init__()
        self.positions, self.head_width = positions, head_width
        self.cos: Tensor
        self.sin: Tensor
        cos, sin = self._compute(torch.get_default_dtype())
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    @property
    def angles(self) -> tuple[Tensor, Tensor]:
        """Cosine and sine."""
        return self.cos, self.sin

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Rotary:
        before = self.cos.dtype
        super()._apply(fn, recurse)
        if self.cos.dtype != before:
            self.cos, self.sin = (table.to(self.cos) for table in self._compute(self.cos.dtype))
        return self

    def _compute(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        dtype = torch.promote_types(dtype, torch.float32)
        return rotary_angles(self.positions, self.head_width, dtype=dtype)


def rotate(x_BLNK: Tensor, cos_LK: Tensor, sin_LK: Tensor) -> Tensor:
    """Rotate queries or keys by their position, in fp32 at least."""
    x32 = at_least_float32(x_BLNK)
    first, second = x32.chunk(2, dim=-1)
    turned = torch.cat([-second, first], dim=-1)
    return (x32 * cos_LK[:, None] + turned * sin_LK[:, None]).to(x_BLNK.dtype)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Plain attention over the second to last axis, the softmax in fp32 at least."""
    scores = (q @ k.transpose(-1, -2)) * q.shape[-1] ** -0.5
    return at_least_float32(scores).softmax(-1).to(v.dtype) @ v


class Attention(nn.Module):
    """Multi-head attention of all positions over all positions, no mask, no bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv_proj = Linear(width, 3 * width)
        self.o_proj = Linear(width, width)

    def forward(self, x_BLD: Tensor, rotary: tuple[Tensor, Tensor] | None) -> Tensor:
        B, L, D = x_BLD.shape
        q, k, v = (t.transpose(1, 2) for t in self.by_head(x_BLD, rotary))
        # Compiled for a CPU, the plain form is about twice as fast as the fused kernel.
        mix = attend if x_BLD.device.type == "cpu" else F.scaled_dot_product_attention
        return self.o_proj(mix(q, k, v).transpose(1, 2).reshape(B, L, D))

    def by_head(
        self, x_BLD: Tensor, rotary: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of shape (B, L, N, K), the first two turned by their position."""
        B, L, D = x_BLD.shape
        q, k, v = self.qkv_proj(x_BLD).view(B, L, 3, self.heads, D // self.heads).unbind(2)
        if rotary is not None:
            q, k = rotate(q, *rotary), rotate(k, *rotary)
        return q, k, v
