"""TRM with an encoder of demonstrations in place of puzzle embeddings: tasks may be new.

A puzzle embedding says what a task is about only after training on that very task. Here a puzzle
carries its demonstrations: its tokens are K pairs (input, output) and then the question, 2 K + 1
grids of as many cells. The encoder turns the pairs into the prefix that TRM puts before the
question, so that nothing is learned about a task itself, and a task may be held out strictly.

After ETRM (bdsaglam/etrm, a public course project; it reports 0 % on held-out ARC tasks). As there, the
demonstrations are encoded again at every segment: kept over a puzzle's segments, the encoder would
get gradients from the first alone. Deviations: cells that are PAD are not read; the order of the
pairs makes no difference.

Shapes: B slots, T tokens of the puzzle, K pairs, G cells of a grid, P = prefix, L = P + G positions,
S = 2 K G, D width, V vocabulary, N heads, W width of a head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm_rl.checks.numbers import choice
from hrm_rl.models.base import SUM_OF_TWO, Carry, Embedding, Output
from hrm_rl.models.blocks import Block
from hrm_rl.models.layers import Linear, Rotary, at_least_float32, rms_norm
from hrm_rl.models.limits import check_counts
from hrm_rl.models.trm import TRM, TRMConfig
from hrm_rl.puzzles.verdicts import PAD

SHOWN = 30.0
"""Logit of a demonstration's own tokens, which are not scored: certain, whatever is thought."""


@dataclass(frozen=True)
class ETRMConfig(TRMConfig):
    """What rebuilds an ETRM; `length` counts the demonstrations too."""

    puzzle_width: int | None = 0
    """0: tasks have no embedding."""
    demonstrations: int = 3
    """K, pairs before the question; absent ones are all PAD."""
    encoder_layers: int = 2
    """Blocks that read a pair."""

    def __post_init__(self) -> None:
        if self.puzzle_positions is None:
            raise ValueError("puzzle_positions must be >= 1, got None")
        check_counts(self, "demonstrations encoder_layers puzzle_positions length width heads")
        choice("token_mixer of an ETRM", self.token_mixer, ("attention", "mlp"))
        if self.puzzle_width != 0:
            raise ValueError(
                f"demonstrations take the place of puzzle embeddings: puzzle_width must be 0, "
                f"got {self.puzzle_width}"
            )
        if self.length % self.grids:
            raise ValueError(
                f"length must be a multiple of {self.grids} ({self.demonstrations} pairs and a "
                f"question), got {self.length}"
            )
        if self.width % self.heads:
            raise ValueError(
                f"width must be a multiple of heads, got width {self.width} and {self.heads} heads"
            )
        super().__post_init__()

    @property
    def blocks(self) -> int:
        return self.layers + self.encoder_layers

    @property
    def runs(self) -> int:
        return super().runs + self.encoder_layers

    @property
    def grids(self) -> int:
        """Grids of a puzzle, demonstrations and question."""
        return 2 * self.demonstrations + 1

    @property
    def cells(self) -> int:
        """G, cells of a grid."""
        return self.length // self.grids

    @property
    def prefix(self) -> int:
        """Vectors that the encoder writes."""
        assert self.puzzle_positions is not None
        return self.puzzle_positions


class ETRM(TRM):
    """TRM whose prefix is read from the puzzle's demonstrations."""

    config: ETRMConfig

    def __init__(self, config: ETRMConfig) -> None:
        super().__init__(config)
        self.encoder = Encoder(config)

    def puzzle_rows(self, id_B: Int[Tensor, " B"]) -> Float[Tensor, "B E"]:
        """Nothing: identifiers are not read."""
        return self.puzzle_emb.weights[torch.zeros_like(id_B)]

    def segment(
        self, carry: Carry, x_BT: Int[Tensor, "B T"], rows_BE: Float[Tensor, "B E"]
    ) -> tuple[Carry, Output]:
        carry, output = super().segment(carry, x_BT, rows_BE)
        shown_BS = x_BT[:, : -self.config.cells]
        shown_BSV = SHOWN * F.one_hot(shown_BS, self.config.vocab).to(output.logits.dtype)
        return carry, output._replace(logits=torch.cat([shown_BSV, output.logits], dim=1))

    def embed(
        self, x_BT: Int[Tensor, "B T"], rows_BE: Float[Tensor, "B E"]
    ) -> Float[Tensor, "B L D"]:
        """The demonstrations as the encoder sums them up, and the question's tokens."""
        c, table_VD = self.config, self.embed_tokens.embedding_weight
        shown_BKS = x_BT[:, : -c.cells].unflatten(1, (c.demonstrations, 2 * c.cells))
        prefix_BPD = self.encoder(table_VD[shown_BKS], shown_BKS != PAD)
        question_BGD = math.sqrt(c.width) * table_VD[x_BT[:, -c.cells :]]
        x_BLD = torch.cat([prefix_BPD.to(question_BGD.dtype), question_BGD], dim=1)
        if self.embed_pos is not None:
            x_BLD = SUM_OF_TWO * (x_BLD + math.sqrt(c.width) * self.embed_pos.embedding_weight)
        return x_BLD


class Encoder(nn.Module):
    """Reads each pair by itself, and then all of them from P learned queries."""

    def __init__(self, config: ETRMConfig) -> None:
        super().__init__()
        self.config = c = config
        self.role = Embedding(2, c.width)  # of an input's cells, and of an output's
        self.layers = nn.ModuleList(
            Block(c, positions=2 * c.cells) for _ in range(c.encoder_layers)
        )
        self.queries = Embedding(c.prefix, c.width)
        self.kv_proj = Linear(c.width, 2 * c.width)
        self.o_proj = Linear(c.width, c.width)
        self.turns = Rotary(2 * c.cells, c.width // c.heads)

    def forward(
        self, pairs_BKSD: Float[Tensor, "B K S D"], read_BKS: Bool[Tensor, "B K S"]
    ) -> Float[Tensor, "B P D"]:
        """P vectors of unit mean square; without any demonstration, of their blank ones."""
        c = self.config
        B, K, S, D = pairs_BKSD.shape
        role_SD = self.role.embedding_weight.repeat_interleave(c.cells, dim=0)
        z_BSD = (math.sqrt(0.5 * D) * (pairs_BKSD + role_SD)).flatten(0, 1)
        rotary = self.turns.angles if c.positions == "rotary" else None
        for layer in self.layers:
            z_BSD = layer(z_BSD, rotary)
        return self._sum_up(z_BSD.view(B, K * S, D), read_BKS.flatten(1))

    def _sum_up(self, z_BSD: Tensor, read_BS: Tensor) -> Tensor:
        """Cross-attention of the queries over all cells that are read."""
        B, S, D = z_BSD.shape
        N = self.config.heads
        k, v = self.kv_proj(z_BSD).view(B, S, 2, N, D // N).permute(2, 0, 3, 1, 4)
        query_PD = math.sqrt(D) * self.queries.embedding_weight
        q = query_PD.view(-1, N, D // N).transpose(0, 1).to(k.dtype)
        scores = at_least_float32(q @ k.transpose(-1, -2)) * (D // N) ** -0.5
        # A large number and not infinity, whose softmax would be nan where nothing is read.
        scores = scores.masked_fill(~read_BS[:, None, None], -1e9)
        mixed_BPD = (scores.softmax(-1).to(v.dtype) @ v).transpose(1, 2).flatten(2)
        return rms_norm(query_PD + self.o_proj(mixed_BPD))
