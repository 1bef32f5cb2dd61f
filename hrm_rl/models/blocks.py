"""What a recurrent module is made of: blocks, each a token mixer and a SwiGLU.

Parameters have the names of the public HRM checkpoints, whose state dicts then load as they are.

Shapes: B slots, L positions (prefix included), D width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from jaxtyping import Float
from torch import Tensor, nn

from hrm_rl.models.layers import Attention, SwiGLU, rms_norm
from hrm_rl.models.units import UNITS, UnitAttention, boxes_of
from hrm_rl.puzzles.kinds import task_for


class BlockConfig(Protocol):
    """What a config says about its blocks."""

    @property
    def length(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def expansion(self) -> float: ...
    @property
    def inner_multiple(self) -> int: ...
    @property
    def token_mixer(self) -> str: ...
    @property
    def prefix(self) -> int: ...
    @property
    def cells(self) -> int: ...
    @property
    def task(self) -> str: ...


class Block(nn.Module):
    """Post-norm block: mix the positions, then the channels, each added and normed.

    With `token_mixer="mlp"` the first half is a SwiGLU over the axis of positions, normed over
    positions too, as in TRM's `mlp_t`; with "units" and "neighbours" it is `units.UnitAttention`.
    """

    def __init__(self, config: BlockConfig, positions: int | None = None) -> None:
        """`positions`: those of the prefix and the cells, unless something else is read."""
        super().__init__()
        c = config
        positions = c.prefix + c.cells if positions is None else positions
        if c.token_mixer == "mlp":
            self.mlp_t = SwiGLU(positions, c.expansion, c.inner_multiple)
        elif c.token_mixer in UNITS:
            rows, boxes = boxes_of(c.token_mixer, task_for(c))
            self.self_attn: Attention = UnitAttention(
                width=c.width, heads=c.heads, prefix=c.prefix, rows=rows, boxes=boxes
            )
        else:
            self.self_attn = Attention(c.width, c.heads)
        self.token_mixer = c.token_mixer
        self.mlp = SwiGLU(c.width, c.expansion, c.inner_multiple)

    def forward(self, x_BLD: Tensor, rotary: tuple[Tensor, Tensor] | None) -> Tensor:
        if self.token_mixer == "mlp":
            x_BDL = x_BLD.transpose(1, 2)
            x_BLD = rms_norm(x_BDL + self.mlp_t(x_BDL)).transpose(1, 2)
        else:
            x_BLD = rms_norm(x_BLD + self.self_attn(x_BLD, rotary))
        return rms_norm(x_BLD + self.mlp(x_BLD))


class Level(nn.Module):
    """A recurrent module (H or L): what comes in is added to the state, then come the blocks."""

    def __init__(self, layers: int, block: Callable[[], Block]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(block() for _ in range(layers))

    def forward(
        self, z_BLD: Tensor, injected_BLD: Tensor, rotary: tuple[Tensor, Tensor] | None
    ) -> Float[Tensor, "B L D"]:
        z_BLD = z_BLD + injected_BLD
        for layer in self.layers:
            z_BLD = layer(z_BLD, rotary)
        return z_BLD
