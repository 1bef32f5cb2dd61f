"""Attention within the units of a grid: a prior on *where* to look, which the paper's HRM does not have.

A third of the heads sees a cell's row, a third its column, a third its box ("units", of Sudoku); or
half of them its row and half its column ("neighbours", of any grid). Every cell also sees the
positions of the puzzle embedding, which see all cells, so that what is known somewhere reaches
everywhere. The parameters are those of the attention over all positions.

Rows and columns are boxes of one row or of one column, so that one formula reads all of them, and
the products are those of the units alone: of 9 x 9 Sudoku an eleventh of the whole matrix of scores.

Shapes: B slots, L positions (P of the prefix, then T cells), D width, N heads, G heads of one kind of
unit, U units, S cells of a unit, K head width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from hrm_rl.models.layers import Attention, attend
from hrm_rl.puzzles.sudoku.rules import Sudoku
from hrm_rl.puzzles.task import Task

UNITS: Final = ("units", "neighbours")
"""The token mixers that are attention within units."""


class Box(NamedTuple):
    """A kind of unit: the grid cut into boxes of this size."""

    rows: int
    columns: int


def boxes_of(token_mixer: str, game: Task) -> tuple[int, tuple[Box, ...]]:
    """Rows of the grid, and the kinds of its units.

    Raises:
        ValueError: the puzzles have no such units.
    """
    if game.rows * game.columns != game.length or min(game.rows, game.columns) < 2:
        raise ValueError(
            f'token_mixer "{token_mixer}" needs puzzles that are grids, got {game.task}'
        )
    lines = (Box(1, game.columns), Box(game.rows, 1))
    if token_mixer == "neighbours":
        return game.rows, lines
    if not isinstance(game, Sudoku):
        raise ValueError(
            f'token_mixer "units" needs the boxes of a Sudoku, got {game.task}; "neighbours" has '
            "rows and columns alone"
        )
    return game.rows, (*lines, Box(game.box_rows, game.box_cols))


class UnitAttention(Attention):
    """Multi-head attention in which a head sees the cells of a unit, and the prefix."""

    def __init__(
        self, *, width: int, heads: int, prefix: int, rows: int, boxes: Sequence[Box]
    ) -> None:
        super().__init__(width, heads)
        self.prefix, self.rows, self.boxes = prefix, rows, tuple(boxes)

    def forward(
        self, x_BLD: Tensor, rotary: tuple[Tensor, Tensor] | None
    ) -> Float[Tensor, "B L D"]:
        B, L, D = x_BLD.shape
        P, G = self.prefix, self.heads // len(self.boxes)
        q, k, v = self.by_head(x_BLD, rotary)
        groups = zip(*(t.split(G, dim=2) for t in (q, k, v)), self.boxes, strict=True)
        mixed_BTNK = torch.cat([self._within(*group) for group in groups], dim=2)
        if P:
            everywhere = attend(*(t.transpose(1, 2) for t in (q[:, :P], k, v))).transpose(1, 2)
            mixed_BTNK = torch.cat([everywhere, mixed_BTNK], dim=1)
        return self.o_proj(mixed_BTNK.reshape(B, L, D))

    def _within(self, q: Tensor, k: Tensor, v: Tensor, box: Box) -> Float[Tensor, "B T G K"]:
        """What the cells find in their units of one kind."""
        P = self.prefix
        q_BUGSK = self._cut(q[:, P:], box)
        k_BUGSK, v_BUGSK = (self._cut(t[:, P:], box) for t in (k, v))
        if P:
            U = q_BUGSK.shape[1]
            shared = (t[:, :P].transpose(1, 2)[:, None].expand(-1, U, -1, -1, -1) for t in (k, v))
            k_BUGSK, v_BUGSK = (
                torch.cat(both, dim=3) for both in zip(shared, (k_BUGSK, v_BUGSK), strict=True)
            )
        return self._joined(attend(q_BUGSK, k_BUGSK, v_BUGSK), box)

    def _cut(self, x_BTGK: Tensor, box: Box) -> Float[Tensor, "B U G S K"]:
        """Cells by unit."""
        B, T, G, K = x_BTGK.shape
        down, across = self.rows // box.rows, T // self.rows // box.columns
        x = x_BTGK.view(B, down, box.rows, across, box.columns, G, K).transpose(2, 3)
        return x.reshape(B, down * across, box.rows * box.columns, G, K).transpose(2, 3)

    def _joined(self, x_BUGSK: Tensor, box: Box) -> Float[Tensor, "B T G K"]:
        """The inverse of `_cut`."""
        B, U, G, S, K = x_BUGSK.shape
        down, across = self.rows // box.rows, U * box.rows // self.rows
        x = x_BUGSK.transpose(2, 3).reshape(B, down, across, box.rows, box.columns, G, K)
        return x.transpose(2, 3).reshape(B, U * S, G, K)
