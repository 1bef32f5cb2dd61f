"""Several tries at one puzzle: other starts, or other looks of it, and whose answer is taken.

Recursive models fail on puzzles that they solve from another start (EqR, arXiv 2605.21488), or with
other names for the digits: what is wanting is the choice. A Sudoku's answer can be checked without
knowing the solution: a filled grid that keeps the givens and the rules is it, where there is one only.

Shapes: P puzzles, K copies of each, M segments, T tokens, B = P * K rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final, NamedTuple

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from hrm_rl import loop
from hrm_rl.checks.numbers import choice, whole
from hrm_rl.halting import MOST, MOST_SLOTS, SEEDS
from hrm_rl.models import Model
from hrm_rl.models.drawn import draws, seeds, starts
from hrm_rl.puzzles import PuzzleSet, task_of
from hrm_rl.puzzles.sudoku.augment import Symmetry, draw
from hrm_rl.puzzles.sudoku.rules import Sudoku
from hrm_rl.puzzles.sudoku.verdict import check_verifies, verified

KINDS: Final = ("start", "symmetry")
"""What differs between copies: the seed of the states, or how the board looks."""


class Tries(NamedTuple):
    """What every copy showed, segment by segment, with its board turned back."""

    prediction_MPKT: UInt8[Tensor, "M P K T"]
    q_halt_MPK: Float[Tensor, "M P K"]
    verified_MPK: Bool[Tensor, "M P K"]
    """The prediction keeps the givens and the rules."""


def tries(
    model: Model,
    puzzles: PuzzleSet,
    copies: int,
    segments: int,
    kind: str = "start",
    seed: int = 0,
    batch_size: int = 256,
) -> Tries:
    """Think about K copies of each Sudoku for so many segments.

    The first of the copies that are seen by a symmetry is the puzzle as it is.

    Args:
        batch_size: rows side by side, at the least the copies of one puzzle.

    Raises:
        ValueError: an argument out of range, puzzles that are no Sudoku, or a model that draws no states
            where they should differ.
    """
    copies = whole("copies", copies, low=1, high=MOST_SLOTS)
    segments = whole("segments", segments, low=1, high=MOST)
    seed = whole("seed", seed, low=0, high=SEEDS)
    choice("kind", kind, KINDS)
    game = check_verifies(task_of(puzzles.task))
    if kind == "start" and copies > 1 and not draws(model):
        raise ValueError(
            'this model starts every copy alike; take one with start="random" or noise, or kind '
            '"symmetry"'
        )
    all_B = torch.arange(len(puzzles) * copies)
    looks = _looks(all_B, copies, game, seed) if kind == "symmetry" else None
    parts = []
    for row_B in all_B.split(max(batch_size // copies, 1) * copies):
        thought = _thinking(model, puzzles, game, copies, row_B, looks, seed)
        found = list(itertools.islice(thought, segments))
        parts.append([torch.stack(of) for of in zip(*found, strict=True)])
    return Tries(*(torch.cat(of, 1) for of in zip(*parts, strict=True)))


class Try(NamedTuple):
    """What the copies of puzzles show after one segment each; see `Tries`."""

    prediction_PKT: UInt8[Tensor, "P K T"]
    q_halt_PK: Float[Tensor, "P K"]
    verified_PK: Bool[Tensor, "P K"]


def until_verified(
    model: Model, puzzles: PuzzleSet, copies: int, segments: int, seed: int = 0
) -> Iterator[Try]:
    """Think about K copies of a Sudoku, segment by segment, until one verifies or to the end.

    They are other starts or, of a model that draws none, looks.

    Raises:
        ValueError: as `tries`, when the first is asked for.
    """
    copies = whole("copies", copies, low=1, high=MOST_SLOTS)
    segments = whole("segments", segments, low=1, high=MOST)
    game, row_B = check_verifies(task_of(puzzles.task)), torch.arange(len(puzzles) * copies)
    looks = None if starts(model) else _looks(row_B, copies, game, seed)
    thought = _thinking(model, puzzles, game, copies, row_B, looks, seed)
    for at in itertools.islice(thought, segments):
        yield at
        if at.verified_PK.any(1).all():
            return


@torch.no_grad()
def _thinking(
    model: Model,
    puzzles: PuzzleSet,
    game: Sudoku,
    copies: int,
    row_B: Int[Tensor, " B"],
    looks: Symmetry | None,
    seed: int,
) -> Iterator[Try]:
    """These rows, which are all copies of some puzzles, segment by segment without an end."""
    device = model.device
    batch = loop.batch_of(puzzles, row_B // copies, device)
    own = loop.take(looks, row_B) if looks is not None else None
    if own is not None:
        batch = batch._replace(x_BT=own.seen(batch.x_BT.cpu()).to(device))
    slots = loop.fresh(model, batch, seeds(seed, row_B.to(device)))
    x_BT = torch.from_numpy(puzzles.inputs_PL)[row_B // copies]
    while True:
        slots, output = loop.advance(model, slots)
        prediction_BT = output.logits.argmax(-1).cpu()
        prediction_BT = prediction_BT if own is None else own.back(prediction_BT)
        verified_B, q_halt_B = verified(game, x_BT, prediction_BT), output.q[:, 0].float().cpu()
        parts = [prediction_BT.to(torch.uint8), q_halt_B, verified_B]
        yield Try(*(part.unflatten(0, (-1, copies)) for part in parts))


def _looks(row_B: Int[Tensor, " B"], copies: int, game: Sudoku, seed: int) -> Symmetry:
    """A symmetry for each row but the first of its puzzle, which stays as it is."""
    generator = torch.Generator().manual_seed(seed)
    drawn = draw(len(row_B), game.size, generator, row_B.device)
    first_B1 = (row_B % copies == 0)[:, None]
    same = [torch.arange(part.shape[1]).expand_as(part) for part in drawn]
    return Symmetry(
        *(torch.where(first_B1, own, part) for own, part in zip(same, drawn, strict=True))
    )


# --- whose answer is taken ------------------------------------------------------------------------


def voted(prediction_PKT: UInt8[Tensor, "P K T"], q_PK: Float[Tensor, "P K"]) -> Int[Tensor, " P"]:
    """A copy whose whole answer most copies give; among as many, of the answer with the largest mean q."""
    same_PKK = (prediction_PKT[:, :, None] == prediction_PKT[:, None]).all(-1)
    votes_PK = same_PKK.sum(-1)
    mean_PK = (same_PKK * q_PK[:, None]).sum(-1) / votes_PK
    most_PK = votes_PK == votes_PK.amax(1, keepdim=True)
    return torch.where(most_PK, mean_PK, -torch.inf).argmax(1)


def surest(q_PK: Float[Tensor, "P K"]) -> Int[Tensor, " P"]:
    """The copy with the largest q."""
    return q_PK.argmax(1)


def first_verified(
    verified_MPK: Bool[Tensor, "M P K"],
) -> tuple[Int[Tensor, " P"], Int[Tensor, " P"]]:
    """The segment, from 1, at which a copy verifies first, and the copy; segment 0 where none does."""
    any_MP = verified_MPK.any(2)
    at_P = any_MP.int().argmax(0)
    segment_P = torch.where(any_MP.any(0), at_P + 1, 0)
    P = verified_MPK.shape[1]
    copy_P = verified_MPK[at_P, torch.arange(P)].int().argmax(1)
    return segment_P, copy_P


def spent(verified_MPK: Bool[Tensor, "M P K"]) -> Int[Tensor, " P"]:
    """Segments of all copies together, until one verifies or to the end."""
    M, _, K = verified_MPK.shape
    segment_P, _ = first_verified(verified_MPK)
    return K * torch.where(segment_P > 0, segment_P, M)


def taken(part_PK: Bool[Tensor, "P K"], copy_P: Int[Tensor, " P"]) -> Bool[Tensor, " P"]:
    """What is said of the copy that was chosen."""
    return part_PK.gather(1, copy_P[:, None])[:, 0]
