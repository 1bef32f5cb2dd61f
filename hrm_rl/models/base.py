"""What every architecture shares: the carry, what a segment shows, the Q-head, the embeddings.

Shapes: B slots, T tokens of the puzzle, L = prefix + T positions, D width, V vocabulary, E width of
a puzzle embedding.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, NamedTuple, Protocol, get_type_hints

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from hrm_rl.models.layers import at_least_float32, truncated_normal_

SUM_OF_TWO = 0.707106781
"""1/sqrt(2), for a sum of two to keep their variance: to the digits of the public code, since its
weights were trained with these, and in fp64 the rest can be told."""


class ModelConfig(Protocol):
    """What the rest of the library reads of an architecture's config, a frozen dataclass."""

    @property
    def vocab(self) -> int:
        """Tokens, PAD included."""

    @property
    def length(self) -> int:
        """Tokens of one puzzle."""

    @property
    def width(self) -> int:
        """Width D of the states."""

    @property
    def cells(self) -> int:
        """Tokens that have a place in the states."""

    @property
    def prefix(self) -> int:
        """Positions before the tokens."""

    @property
    def task(self) -> str:
        """The puzzles that it reads (`puzzles.task_of`); "": the Sudoku of that many cells."""


class Carry(NamedTuple):
    """What a slot keeps from segment to segment: the two states, detached."""

    z_H: Float[Tensor, "B L D"]
    """The state that answers are read from."""
    z_L: Float[Tensor, "B L D"]
    """The state that only works for it."""


class Output(NamedTuple):
    """What one segment shows, with gradients in training."""

    logits: Float[Tensor, "B T V"]
    q: Float[Tensor, "B 2"]
    """Q logits: column 0 is halt, column 1 is continue."""
    cost_B: Float[Tensor, " B"] | None = None
    """What the architecture itself charges, to be added to the loss (Graves' ponder cost)."""
    z_BD: Float[Tensor, "B D"] | None = None
    """The vector that the Q-head read."""


class Model(nn.Module, ABC):
    """An architecture in the shape that the segment loop walks."""

    config: ModelConfig
    puzzle_emb: PuzzleEmbedding
    q_head: nn.Linear

    def __init_subclass__(cls, **more: Any) -> None:
        """Let `__init__` name its config's class, not a text: huggingface_hub rebuilds a model by that."""
        cls.__init__.__annotations__.update(get_type_hints(cls.__init__))
        super().__init_subclass__(**more)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config

    @property
    def device(self) -> torch.device:
        return self.q_head.weight.device

    @abstractmethod
    def initial(self, slots: int) -> Carry:
        """The carry of fresh puzzles."""

    @abstractmethod
    def segment(
        self, carry: Carry, x_BT: Int[Tensor, "B T"], rows_BE: Float[Tensor, "B E"]
    ) -> tuple[Carry, Output]:
        """Run one segment.

        Args:
            carry: states of the last segment, or `initial`.
            x_BT: puzzle tokens.
            rows_BE: puzzle embeddings, from `puzzle_rows`.

        Returns:
            The detached carry, and logits and Q logits read from z_H.
        """

    def puzzle_rows(self, id_B: Int[Tensor, " B"]) -> Float[Tensor, "B E"]:
        """The puzzle embeddings of a batch, detached: training wants their gradient row by row."""
        return self.puzzle_emb.weights[id_B]

    def shown(
        self,
        logits: Float[Tensor, "B T V"],
        z_H: Float[Tensor, "B L D"],
        cost_B: Float[Tensor, " B"] | None = None,
    ) -> Output:
        """What a segment that ends with this state shows."""
        # No view: beside the detached carry, a compiled one passes on no gradient
        # (findings/torch-compile-detached-view.sh).
        z_BD = self.read(z_H).clone()
        return Output(logits, self.head(z_BD), cost_B, z_BD)

    def q(self, z_H: Float[Tensor, "B L D"]) -> Float[Tensor, "B 2"]:
        """Q logits (halt, continue)."""
        return self.head(self.read(z_H))

    def read(self, z_H: Float[Tensor, "B L D"]) -> Float[Tensor, "B D"]:
        """The vector that the Q-head reads: position 0."""
        return z_H[:, 0]

    def head(self, z_BD: Float[Tensor, "*B D"]) -> Float[Tensor, "*B 2"]:
        """Q logits of such vectors, in fp32 at least."""
        return at_least_float32(self.q_head(z_BD))


def new_q_head(width: int) -> nn.Linear:
    """Both Q start near 0 whatever is read, so that nobody halts early."""
    head = nn.Linear(width, 2)
    nn.init.zeros_(head.weight)
    nn.init.constant_(head.bias, -5.0)
    return head


class Embedding(nn.Module):
    """A table of vectors with deviation 1/sqrt(D); HRM multiplies what it reads by sqrt(D)."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        weight = truncated_normal_(torch.empty(count, width), std=width**-0.5)
        self.embedding_weight = nn.Parameter(weight)


def embed(
    tokens: Embedding,
    positions: Embedding | None,
    x_BT: Int[Tensor, "B T"],
    rows_BE: Float[Tensor, "B E"],
    prefix: int,
) -> Float[Tensor, "B L D"]:
    """Puzzle and token embeddings in one sequence; tokens have unit variance."""
    width = tokens.embedding_weight.shape[1]
    x_BLD = tokens.embedding_weight[x_BT]
    if prefix:
        missing = prefix * width - rows_BE.shape[1]
        before_BKD = F.pad(rows_BE, (0, missing)).view(-1, prefix, width)
        x_BLD = torch.cat([before_BKD.to(x_BLD.dtype), x_BLD], dim=1)
    if positions is not None:
        x_BLD = SUM_OF_TWO * (x_BLD + positions.embedding_weight)
    return math.sqrt(width) * x_BLD


class PuzzleEmbedding(nn.Module):
    """Zero-initialised rows, one per puzzle identifier.

    A buffer, not a parameter: a batch touches few of possibly a million rows, which have an
    optimiser of their own (`optim.sign_sgd_rows_`).
    """

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.weights: Tensor
        self.register_buffer("weights", torch.zeros(count, width))
