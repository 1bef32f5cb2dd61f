"""Does it pay to try a puzzle several times? K copies beside one with the same total of segments.

    python scripts/restarts.py CHECKPOINT [--puzzles sudoku9_minimal sudoku9_hard] [--count 500]
                               [--segments 16] [--copies 1 2 4 8 16] [--kind symmetry]
                               [--out out/restarts.json]

For each K: the share of puzzles right in any copy after the segments (a bound for every choice), of
the answer that most copies give, of the copy with the largest Q_halt, and of the first that verifies,
with the segments spent until then in all copies; beside it one copy of K times the segments, and what the
K gain over it, paired by puzzle with a 95 % interval: by Q_halt at the end, and by the first that verifies.
Copies are looks of a puzzle under other symmetries or, `--kind start`, starts from states drawn anew; a
model that was trained to start alike everywhere then draws them untrained, the single copy too.
Puzzles are of the fit split: nothing here is to be chosen on test puzzles. The table is Markdown.

All copies think once, and fewer are the first of them: with the single copy that is 2 * max(K) * M
segments a puzzle, 512 by default. 200 puzzles of 368 segments took `sudoku9` two to three minutes of one
core of a 2-core x86 cloud machine (AVX2, shared), so that 500 puzzles should take 7 to 11 a set.

Shapes: P puzzles, K copies, M segments.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from hrm_rl.checks.progress import bar
from hrm_rl.compiling import compiled
from hrm_rl.inside.copies import KINDS, Tries, first_verified, spent, surest, taken, tries, voted
from hrm_rl.models import Model
from hrm_rl.models.checkpoint import load_model, write_atomically
from hrm_rl.models.drawn import draws
from hrm_rl.puzzles import PuzzleSet, load
from hrm_rl.statistics.comparisons import paired_difference

COPIES = (1, 2, 4, 8, 16)


GAINS = {
    "gain by Q_halt": ("Q_halt", "one, at the end"),
    "gain, verified": ("verified", "one, verified"),
}


def scores(of: Tries, one: Tries, solution_PT: torch.Tensor) -> dict[str, Any]:
    """What K copies of M segments get right, and one copy of K * M, as shares of the puzzles.

    A gain is a `Difference`, paired by puzzle.
    """
    right_PK = (of.prediction_MPKT[-1] == solution_PT[:, None]).all(-1)
    q_PK = of.q_halt_MPK[-1]
    found = {
        "any": right_PK.any(1),
        "vote": taken(right_PK, voted(of.prediction_MPKT[-1], q_PK)),
        "Q_halt": taken(right_PK, surest(q_PK)),
        "verified": first_verified(of.verified_MPK)[0] > 0,
        "one, at the end": (one.prediction_MPKT[-1, :, 0] == solution_PT).all(-1),
        "one, verified": first_verified(one.verified_MPK)[0] > 0,
    }
    number = {name: part_P.double() for name, part_P in found.items()}
    shares = {name: float(part_P.mean()) for name, part_P in number.items()}
    took = {"segments until verified": of, "one, segments": one}
    shares |= {name: float(spent(t.verified_MPK).double().mean()) for name, t in took.items()}
    pairs = {name: (number[a].numpy(), number[b].numpy()) for name, (a, b) in GAINS.items()}
    return shares | {name: paired_difference(*pair) for name, pair in pairs.items()}


def study(
    model: Model,
    puzzles: PuzzleSet,
    segments: int,
    kind: str,
    seed: int = 0,
    copies: Sequence[int] = COPIES,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The scores of each K; most copies, and the single one for the longest, think once and are cut."""
    solution_PT, most = torch.from_numpy(puzzles.solutions_PL), max(copies)
    one = tries(model, puzzles, 1, most * segments, kind, seed)
    several = tries(model, puzzles, most, segments, kind, seed)
    for K in copies:
        of = Tries(*(part_MPK[:, :, :K] for part_MPK in several))
        yield K, scores(of, Tries(*(part_MP[: K * segments] for part_MP in one)), solution_PT)


def table(rows: dict[str, dict[int, dict[str, Any]]]) -> list[str]:
    """As Markdown, by set and K: shares in percent, segments as they are, gains in points."""
    names = list(next(iter(next(iter(rows.values())).values())))
    lines = [f"| puzzles | copies | {' | '.join(names)} |", "| --- | --- |" + " --- |" * len(names)]
    for puzzles, of in rows.items():
        for K, row in of.items():
            cells = " | ".join(_cell(name, value) for name, value in row.items())
            lines.append(f"| {puzzles} | {K} | {cells} |")
    return lines


def _cell(name: str, value: Any) -> str:
    if name in GAINS:
        return f"{100 * value.mean:+.1f} [{100 * value.low:+.1f}, {100 * value.high:+.1f}]"
    return f"{value:.1f}" if "segments" in name else f"{value:.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint")
    sets = ["sudoku9_minimal", "sudoku9_hard"]
    parser.add_argument("--puzzles", nargs="+", default=sets, help="sets that ship")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--segments", type=int, default=16)
    parser.add_argument("--copies", type=int, nargs="+", default=list(COPIES))
    parser.add_argument("--kind", choices=KINDS, default="symmetry")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    model, _ = load_model(asked.checkpoint)
    if asked.kind == "start" and not draws(model):
        model, _ = load_model(asked.checkpoint, start="random")
    model = compiled(model)
    said = {name: str(value) for name, value in vars(asked).items()}
    rows: dict[str, dict[int, dict[str, Any]]] = {}
    for name in bar(iterable=asked.puzzles, total=len(asked.puzzles), desc="sets"):
        puzzles = load(name, "fit").sample(asked.count)
        rows[name] = dict(
            study(model, puzzles, asked.segments, asked.kind, asked.seed, asked.copies)
        )
        if asked.out:
            write_atomically(asked.out, json.dumps(said | {"rows": rows}, indent=2).encode())
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
