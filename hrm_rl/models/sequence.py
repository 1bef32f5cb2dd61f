"""What the Transformers beside HRM share: how a puzzle is read, and how an answer is written.

Parameters have the names of the public HRM and TRM code, whose state dicts load as they are.

Shapes: B slots, T tokens of the puzzle, L = prefix + T positions, D width, V vocabulary, E width of
a puzzle embedding.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from hrm_rl.models.base import Embedding, Model, PuzzleEmbedding, embed, new_q_head
from hrm_rl.models.blocks import Block
from hrm_rl.models.layers import Linear, Rotary
from hrm_rl.models.limits import check_blocks, check_cost, check_counts


@dataclass(frozen=True)
class SequenceConfig:
    """What every such architecture is told."""

    vocab: int
    """Tokens, PAD included."""
    length: int
    """Tokens of one puzzle."""
    width: int = 512
    """Width D of the states."""
    heads: int = 8
    """Attention heads (not used by the MLP token mixer)."""
    layers: int = 8
    """Blocks of the one network."""
    expansion: float = 4.0
    """SwiGLU expansion; the inner width is 2/3 of it, rounded up to a multiple of the next."""
    inner_multiple: int = 256
    """256 in all public models; at small widths 32 saves much of the work."""
    positions: str = "rotary"
    """"rotary", "learned" or "none"."""
    token_mixer: str = "attention"
    """"attention", "mlp" (a SwiGLU over positions, as TRM's `mlp_t`), "units" or "neighbours"
    (attention within rows, columns and boxes, or rows and columns: see `units`)."""
    puzzle_ids: int = 1
    """Number of puzzle identifiers, each with an embedding of its own."""
    puzzle_width: int | None = None
    """Width of a puzzle embedding; None: the model's; 0: none, and no prefix."""
    puzzle_positions: int | None = None
    """Positions that it takes, the rest of them zeros; None: as few as hold it."""
    task: str = ""
    """The puzzles that it reads (`puzzles.task_of`), "maze10"; "": the Sudoku of that many cells."""

    def __post_init__(self) -> None:
        check_blocks(self, "vocab length width heads layers puzzle_ids")
        if self.puzzle_positions is not None:
            check_counts(self, "puzzle_positions")
        if self.prefix * self.width < self.embedding_width:
            raise ValueError(
                f"puzzle_positions must hold a puzzle embedding of width {self.embedding_width}: "
                f"at least {-(-self.embedding_width // self.width)}, got {self.puzzle_positions}"
            )
        check_cost(self, self.blocks, self.runs)

    @property
    def blocks(self) -> int:
        """Blocks that have weights."""
        return self.layers

    @property
    def runs(self) -> int:
        """Blocks that a segment runs one after the other."""
        return self.layers

    @property
    def cells(self) -> int:
        """Tokens that are thought about, each with a place in the states."""
        return self.length

    @property
    def embedding_width(self) -> int:
        """Width E of a puzzle embedding."""
        return self.width if self.puzzle_width is None else self.puzzle_width

    @property
    def prefix(self) -> int:
        """Positions that the puzzle embedding takes before the tokens."""
        if self.puzzle_positions is None or not self.embedding_width:
            return -(-self.embedding_width // self.width)
        return self.puzzle_positions


class Sequence(Model):
    """Embeddings of puzzle, tokens and positions, and the two heads; the states are a subclass's."""

    config: SequenceConfig

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__(config)
        c = config
        positions = c.prefix + c.cells
        self.embed_tokens = Embedding(c.vocab, c.width)
        self.embed_pos = Embedding(positions, c.width) if c.positions == "learned" else None
        self.puzzle_emb = PuzzleEmbedding(c.puzzle_ids, c.embedding_width)
        self.lm_head = Linear(c.width, c.vocab)
        self.q_head = new_q_head(c.width)
        self.turns = Rotary(positions, c.width // c.heads)

    def new_block(self) -> Block:
        """A block of this architecture's shape."""
        return Block(self.config)

    @property
    def rotary(self) -> tuple[Tensor, Tensor] | None:
        """Angles for the blocks."""
        if self.config.positions != "rotary":
            return None
        return self.turns.angles

    def embed(
        self, x_BT: Int[Tensor, "B T"], rows_BE: Float[Tensor, "B E"]
    ) -> Float[Tensor, "B L D"]:
        """Puzzle and token embeddings in one sequence; tokens have unit variance."""
        c = self.config
        return embed(self.embed_tokens, self.embed_pos, x_BT, rows_BE, c.prefix)

    def write(self, z_BLD: Float[Tensor, "B L D"]) -> Float[Tensor, "B T V"]:
        """Logits of the tokens' positions."""
        return self.lm_head(z_BLD)[:, self.config.prefix :]
