"""What noise on the states is worth: the same weights with several deviations, other looks beside them.

    python scripts/noise.py CHECKPOINT [--puzzles sudoku9_hard] [--split test] [--count 400]
                            [--noise 0 0.1 0.3] [--H-cycles 2] [--segments 64] [--look 12] [--seed 0]

The first deviation is the one that the others are compared with. *Looks* are copies of each puzzle under
other symmetries, without noise, so many segments each and one after the other: such a row is right as
soon as the answer of a copy keeps givens and rules, which needs no solution. All others are right where
their answer is, at that segment.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from hrm_rl.checks.numbers import whole
from hrm_rl.compiling import compiled
from hrm_rl.inside.copies import tries
from hrm_rl.models import Model
from hrm_rl.models.checkpoint import load_model
from hrm_rl.puzzles import PuzzleSet
from hrm_rl.puzzles.source import source
from hrm_rl.statistics.comparisons import paired_difference

SHOWN = (4, 8, 16, 32, 64, 128, 256)
"""Segments that have a column."""


@dataclass(frozen=True)
class Row:
    """What one way of thinking came to."""

    name: str
    right_MP: Bool[Tensor, "M P"]
    """Right after each segment."""
    halted_P: Bool[Tensor, " P"]
    """Right where Q_halt was first above 0.5, or at the end."""
    segments: float
    """How many that took, mean of the puzzles."""


def thought(name: str, model: Model, puzzles: PuzzleSet, segments: int, seed: int) -> Row:
    """One copy of each puzzle, with the noise that the model has."""
    found = tries(model, puzzles, 1, segments, seed=seed)
    solution_PT = torch.from_numpy(puzzles.solutions_PL)
    right_MP = (found.prediction_MPKT[:, :, 0] == solution_PT).all(-1)
    return Row(name, right_MP, *halting(right_MP, found.q_halt_MPK[:, :, 0] > 0))


def looked(model: Model, puzzles: PuzzleSet, segments: int, look: int, seed: int) -> Row:
    """Copy after copy of `look` segments each; a puzzle is right from the first that verifies on."""
    copies = segments // look
    found = tries(model, puzzles, copies, look, "symmetry", seed)
    verified_MP = found.verified_MPK.permute(2, 0, 1).flatten(0, 1)
    right_MP = verified_MP.cummax(0).values
    return Row(f"{copies} looks of {look}", right_MP, *halting(right_MP, right_MP))


def halting(
    right_MP: Bool[Tensor, "M P"], sure_MP: Bool[Tensor, "M P"]
) -> tuple[Bool[Tensor, " P"], float]:
    """Whether puzzles are right where they are first sure, or at the end, and the mean segment of that."""
    M, P = sure_MP.shape
    at_P = torch.where(sure_MP.any(0), sure_MP.int().argmax(0), M - 1)
    return right_MP[at_P, torch.arange(P)], float((at_P + 1).float().mean())


def table(puzzles: str, rows: Sequence[Row]) -> Iterator[str]:
    """As Markdown: right after so many segments, where it halts, and the first row's share less."""
    last = min(len(row.right_MP) for row in rows)
    shown = [m for m in SHOWN if m < last] + [last]
    yield f"| {puzzles} | {' | '.join(map(str, shown))} | Q_halt > 0.5 | less the first, after {last} |"
    yield "| --- |" + " --- |" * (len(shown) + 2)
    first_P = rows[0].right_MP[last - 1].double().numpy()
    for row in rows:
        after = [f"{row.right_MP[m - 1].double().mean():.1%}" for m in shown]
        gain = paired_difference(row.right_MP[last - 1].double().numpy(), first_P)
        halted = f"{row.halted_P.double().mean():.1%} at {row.segments:.1f}"
        less = f"{100 * gain.mean:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"
        yield f"| {row.name} | {' | '.join(after)} | {halted} | {less if row is not rows[0] else ''} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint")
    parser.add_argument("--puzzles", nargs="+", default=["sudoku9_hard"], help="sets and files")
    parser.add_argument("--split", choices=("train", "fit", "test"), default="test")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.1, 0.3])
    parser.add_argument("--H-cycles", type=int, help="cycles of a segment, if not the weights' own")
    parser.add_argument("--segments", type=int, default=64)
    parser.add_argument("--look", type=int, default=0, help="segments of a look; 0: none is tried")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    try:
        study(asked)
    except ValueError as error:
        parser.error(str(error))


def study(asked: argparse.Namespace) -> None:
    """Think about each set with each deviation, and print its table.

    Raises:
        ValueError: no such weights or puzzles, or a number out of range.
    """
    whole("--count", asked.count, low=1)
    whole("--look", asked.look, low=0, high=asked.segments, cure="0 tries none")
    own: dict[str, Any] = {} if asked.H_cycles is None else {"H_cycles": asked.H_cycles}
    models = {
        noise: compiled(load_model(asked.checkpoint, noise=noise, **own)[0])
        for noise in dict.fromkeys([*asked.noise, *([0.0] if asked.look else [])])
    }
    for name in asked.puzzles:
        every = source(name, asked.split)
        puzzles = every.sample(min(asked.count, len(every)))
        rows = [
            thought(f"noise {noise:g}", models[noise], puzzles, asked.segments, asked.seed)
            for noise in dict.fromkeys(asked.noise)
        ]
        if asked.look:
            rows.append(looked(models[0.0], puzzles, asked.segments, asked.look, asked.seed))
        title = f"{Path(name).stem} ({asked.split}, {len(puzzles)})"
        print("\n".join(table(title, rows)), "", sep="\n", flush=True)


if __name__ == "__main__":
    main()
