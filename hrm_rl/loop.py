"""The segment loop: slots, deal, advance; walked by trainer, environments, evaluation and bank.

Shapes: B slots, T tokens of a puzzle, L positions, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hrm_rl.models.base import Carry, Output
from hrm_rl.models.drawn import Drawn
from hrm_rl.puzzles import PuzzleSet

Rows = TypeVar("Rows", bound=tuple[Any, ...] | Tensor)


class SegmentModel(Protocol):
    """What the loop asks of an architecture."""

    def initial(self, slots: int) -> Carry: ...
    def puzzle_rows(self, id_B: Tensor) -> Tensor: ...
    def segment(self, carry: Carry, x_BT: Tensor, rows_BE: Tensor) -> tuple[Carry, Output]: ...


class Batch(NamedTuple):
    """Puzzles to deal from, one for each slot."""

    x_BT: Int[Tensor, "B T"]
    y_BT: Int[Tensor, "B T"]
    """Solution; PAD (0) cells are not scored."""
    id_B: Int[Tensor, " B"]
    """Puzzle identifier: which puzzle embedding."""


class Slots(NamedTuple):
    """B puzzles being solved."""

    carry: Carry
    batch: Batch
    m_B: Int[Tensor, " B"]
    """Segments run on the slot's puzzle; 0 when just dealt."""
    seed_B: Int[Tensor, " B"] | None = None
    """What a model that draws (`models.drawn`) draws by, until the slot is dealt another puzzle; None for
    any other model."""


def fresh(model: SegmentModel, batch: Batch, seed_B: Int[Tensor, " B"] | None = None) -> Slots:
    """Slots that have all just been dealt `batch`.

    Args:
        seed_B: for models that draw, from all of int64; 0 where it is left out.
    """
    B, device = len(batch.x_BT), batch.x_BT.device
    m_B = torch.zeros(B, dtype=torch.int32, device=device)
    if not (isinstance(model, Drawn) and model.draws):
        return Slots(model.initial(B), batch, m_B)
    seed_B = torch.zeros(B, dtype=torch.int64, device=device) if seed_B is None else seed_B
    return Slots(model.initial(B, seed_B), batch, m_B, seed_B)


def deal(
    model: SegmentModel,
    slots: Slots,
    batch: Batch,
    where_B: Bool[Tensor, " B"],
    seed_B: Int[Tensor, " B"] | None = None,
) -> Slots:
    """Put the puzzles of `batch` into the slots marked in `where_B`: `fresh` carry, m = 0."""
    return select(where_B, fresh(model, batch, seed_B), slots)


def each(function: Callable[..., Tensor], *trees: Any) -> Any:
    """Apply `function` to the tensors in like places of nested named tuples; None stays None."""
    if trees[0] is None:
        return None
    if isinstance(trees[0], Tensor):
        return function(*trees)
    return type(trees[0])(*(each(function, *parts) for parts in zip(*trees, strict=True)))


def select(where_B: Bool[Tensor, " B"], yes: Rows, no: Rows) -> Rows:
    """Row by row `yes` where marked and `no` elsewhere; no data-dependent shape."""

    def pick(a: Tensor, b: Tensor) -> Tensor:
        return torch.where(where_B.view(-1, *[1] * (a.dim() - 1)), a, b)

    return each(pick, yes, no)


def take(tree: Rows, index: Tensor | slice) -> Rows:
    """Rows `index` of every tensor in a nested named tuple: how solved puzzles leave a batch."""
    return each(lambda part: part[index], tree)


def carried(model: SegmentModel, slots: Slots) -> Carry:
    """The states that the next segment starts from: those of the slots, with noise if the model has any."""
    if slots.seed_B is None or not isinstance(model, Drawn):
        return slots.carry
    return model.stirred(slots.carry, slots.seed_B, slots.m_B)


def advance(
    model: SegmentModel, slots: Slots, rows_BE: Tensor | None = None
) -> tuple[Slots, Output]:
    """Run one segment in every slot.

    Args:
        rows_BE: puzzle embeddings to use in place of the model's own: the trainer passes a leaf
            whose gradient it wants.
    """
    if rows_BE is None:
        rows_BE = model.puzzle_rows(slots.batch.id_B)
    carry, output = model.segment(carried(model, slots), slots.batch.x_BT, rows_BE)
    return slots._replace(carry=carry, m_B=slots.m_B + 1), output


def batch_of(puzzles: PuzzleSet, index_B: Int[Tensor, " B"], device: torch.device) -> Batch:
    """Some puzzles of a set as a batch on `device`."""
    return Batch(
        *(
            torch.from_numpy(numbers[index_B.numpy()]).long().to(device)
            for numbers in (puzzles.inputs_PL, puzzles.solutions_PL, puzzles.ids_P)
        )
    )


def check_model(model: Any) -> None:
    """Raises ValueError: it is no model."""
    if not hasattr(model, "segment") or isinstance(model, type):
        raise ValueError(
            f"a model is wanted, got {model!r:.60}; hrm_rl.load_model loads one by its name"
        )


def check_reads(model: Any, puzzles: Any) -> None:
    """Refuse what is no model, no set of puzzles, or a set that the model does not read.

    Raises:
        ValueError: it is.
    """
    check_model(model)
    if not isinstance(puzzles, PuzzleSet):
        raise ValueError(
            f"a set of puzzles is wanted, got {puzzles!r:.60}; hrm_rl.puzzles.source.source makes "
            "one of a name"
        )
    reads = model.config.vocab, model.config.length
    if reads != (puzzles.vocab, puzzles.length):
        raise ValueError(
            f"the model reads {reads[1]} tokens out of {reads[0]}, and {puzzles.task} has "
            f"{puzzles.length} out of {puzzles.vocab}; take a checkpoint and puzzles that match"
        )
