"""The Hierarchical Reasoning Model (Wang et al. 2025, arXiv 2506.21734, section "Architecture").

Shapes: B slots, T tokens of the puzzle, L = prefix + T positions, D width, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hrm_rl.checks.numbers import choice
from hrm_rl.models.base import (
    Carry,
    Embedding,
    Model,
    Output,
    PuzzleEmbedding,
    embed,
    new_q_head,
)
from hrm_rl.models.blocks import Block, Level
from hrm_rl.models.drawn import Drawn, check_drawn
from hrm_rl.models.layers import Linear, Rotary, truncated_normal_
from hrm_rl.models.limits import check_blocks, check_cost

GRADIENTS: Final = ("one-step", "last-cycle", "segment")


@dataclass(frozen=True)
class HRMConfig:
    """What rebuilds an HRM; lies as JSON beside its weights."""

    vocab: int
    """Tokens, PAD included."""
    length: int
    """Tokens of one puzzle."""
    width: int = 512
    """Width D of both states."""
    heads: int = 8
    """Attention heads (not used by the MLP token mixer)."""
    H_layers: int = 4
    """Blocks of the slow module."""
    L_layers: int = 4
    """Blocks of the fast module."""
    H_cycles: int = 2
    """N, updates of the slow module in a segment."""
    L_cycles: int = 2
    """T, updates of the fast module in a cycle."""
    expansion: float = 4.0
    """SwiGLU expansion; the inner width is 2/3 of it, rounded up to a multiple of the next."""
    inner_multiple: int = 256
    """256 in the public code; at small widths 32 saves much of the work."""
    positions: str = "rotary"
    """"rotary", "learned" or "none"."""
    token_mixer: str = "attention"
    """"attention" (the paper), "mlp" (a SwiGLU over positions, as TRM's `mlp_t`), "units" or
    "neighbours" (attention within rows, columns and boxes, or rows and columns: see `units`)."""
    gradient: str = "one-step"
    """How far back a segment's gradient goes: "one-step" (the paper: the last fast and the last slow
    update), "last-cycle" (T fast updates and the slow one, as TRM's last recursion) or "segment"
    (all of it). Memory grows with what it passes through."""
    start: str = "fixed"
    """What a puzzle's states start from: "fixed" (the paper: one vector each, at every position of every
    puzzle) or "random", drawn anew for each (see `drawn`)."""
    noise: float = 0.0
    """Deviation of the noise on both states before each segment; EqR (arXiv 2605.21488), which has 0.01,
    adds it at each update."""
    puzzle_ids: int = 1
    """Number of puzzle identifiers, each with an embedding of its own."""
    puzzle_width: int | None = None
    """Width of a puzzle embedding, rounded up to whole positions; None: one position; 0: none."""
    task: str = ""
    """The puzzles that it reads (`puzzles.task_of`), "maze10"; "": the Sudoku of that many cells."""

    def __post_init__(self) -> None:
        check_blocks(
            self, "vocab length width heads H_layers L_layers H_cycles L_cycles puzzle_ids"
        )
        choice("gradient", self.gradient, GRADIENTS)
        check_drawn(self)
        runs = self.H_cycles * (self.L_cycles * self.L_layers + self.H_layers)
        check_cost(self, self.H_layers + self.L_layers, runs)

    @property
    def cells(self) -> int:
        """Tokens that have a place in the states."""
        return self.length

    @property
    def prefix(self) -> int:
        """Positions that the puzzle embedding takes before the tokens."""
        width = self.width if self.puzzle_width is None else self.puzzle_width
        return -(-width // self.width)


class HRM(Drawn, Model):
    """Embedding, a slow module H, a fast module L, an output head and a Q-head.

    A segment is N cycles of T fast updates and one slow update. As the paper has it, only the last
    fast and the last slow update carry gradients, so that memory does not grow with N x T; other
    values of `gradient` go further back.
    """

    config: HRMConfig

    def __init__(self, config: HRMConfig) -> None:
        super().__init__(config)
        c = config
        positions = c.prefix + c.length
        self.embed_tokens = Embedding(c.vocab, c.width)
        self.embed_pos = Embedding(positions, c.width) if c.positions == "learned" else None
        puzzle_width = c.width if c.puzzle_width is None else c.puzzle_width
        self.puzzle_emb = PuzzleEmbedding(c.puzzle_ids, puzzle_width)
        self.H_level = Level(c.H_layers, lambda: Block(c))
        self.L_level = Level(c.L_layers, lambda: Block(c))
        self.lm_head = Linear(c.width, c.vocab)
        self.q_head = new_q_head(c.width)
        self.register_buffer("H_init", truncated_normal_(torch.empty(c.width), std=1.0))
        self.register_buffer("L_init", truncated_normal_(torch.empty(c.width), std=1.0))
        self.turns = Rotary(positions, c.width // c.heads)

    def segment(
        self, carry: Carry, x_BT: Int[Tensor, "B T"], rows_BE: Float[Tensor, "B E"]
    ) -> tuple[Carry, Output]:
        """N cycles; the last updates carry gradients, as many as `gradient` says."""
        c = self.config
        rotary = self.turns.angles if c.positions == "rotary" else None
        x_BLD = embed(self.embed_tokens, self.embed_pos, x_BT, rows_BE, c.prefix)
        with torch.no_grad():
            carry = self._updates(carry, x_BLD, rotary, range(1, self._detached + 1))
        last = range(self._detached + 1, c.H_cycles * c.L_cycles + 1)
        z_H, z_L = self._updates(carry, x_BLD, rotary, last)
        logits_BTV = self.lm_head(z_H)[:, c.prefix :]
        return Carry(z_H.detach(), z_L.detach()), self.shown(logits_BTV, z_H)

    @property
    def _detached(self) -> int:
        """Fast updates of a segment, counted from its first, that carry no gradient."""
        c = self.config
        updates = c.H_cycles * c.L_cycles
        with_gradient = {"one-step": 1, "last-cycle": c.L_cycles, "segment": updates}
        return updates - with_gradient[c.gradient]

    def _updates(
        self,
        carry: Carry,
        x_BLD: Tensor,
        rotary: tuple[Tensor, Tensor] | None,
        numbers: range,
    ) -> Carry:
        """Fast updates of these numbers, counted from 1, and the slow ones that end their cycles."""
        z_H, z_L = carry
        for number in numbers:
            z_L = self.L_level(z_L, z_H + x_BLD, rotary)
            if number % self.config.L_cycles == 0:
                z_H = self.H_level(z_H, z_L, rotary)
        return Carry(z_H, z_L)
