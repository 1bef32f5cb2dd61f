"""Does it pay to try a puzzle several times? K copies beside one with the same total of segments.

    python scripts/restarts.py CHECKPOINT [--puzzles sudoku9_hard] [--count 500] [--segments 16]
                               [--copies 1 2 4 8 16] [--kind symmetry] [--out out/restarts.json]

For each K: the share of puzzles right in any copy after the segments (a bound for every choice), of
the answer that most copies give, of the copy with the largest Q_halt, and of the first that verifies,
with the segments spent until then in all copies; beside it one copy of K times the segments. Puzzles
are of the fit split: nothing here is to be chosen on test puzzles.

Shapes: P puzzles, K copies, M segments.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from hrm_rl.checks.progress import bar
from hrm_rl.inside.copies import KINDS, Tries, first_verified, spent, surest, taken, tries, voted
from hrm_rl.models import Model
from hrm_rl.models.checkpoint import load_model, write_atomically
from hrm_rl.puzzles import PuzzleSet, load

COPIES = (1, 2, 4, 8, 16)


def scores(of: Tries, one: Tries, solution_PT: torch.Tensor) -> dict[str, float]:
    """What K copies of M segments get right, and one copy of K * M, as shares of the puzzles."""
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
    shares = {name: float(part_P.double().mean()) for name, part_P in found.items()}
    took = {"segments until verified": of, "one, segments": one}
    return shares | {name: float(spent(t.verified_MPK).double().mean()) for name, t in took.items()}


def study(
    model: Model,
    puzzles: PuzzleSet,
    segments: int,
    kind: str,
    seed: int = 0,
    copies: Sequence[int] = COPIES,
) -> Iterator[tuple[int, dict[str, float]]]:
    """The scores of each K; the single copy thinks once, for the longest, and is cut for the others."""
    solution_PT = torch.from_numpy(puzzles.solutions_PL)
    one = tries(model, puzzles, 1, max(copies) * segments, kind, seed)
    for K in copies:
        cut = Tries(*(part_MP[: K * segments] for part_MP in one))
        yield K, scores(tries(model, puzzles, K, segments, kind, seed), cut, solution_PT)


def table(rows: dict[int, dict[str, float]]) -> list[str]:
    """As Markdown: shares in percent, segments as they are."""
    names = list(next(iter(rows.values())))
    lines = [f"| copies | {' | '.join(names)} |", "| --- |" + " --- |" * len(names)]
    for K, row in rows.items():
        cells = [f"{v:.1f}" if "segments" in n else f"{v:.1%}" for n, v in row.items()]
        lines.append(f"| {K} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint")
    parser.add_argument("--puzzles", default="sudoku9_hard", help="a set that ships")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--segments", type=int, default=16)
    parser.add_argument("--copies", type=int, nargs="+", default=list(COPIES))
    parser.add_argument("--kind", choices=KINDS, default="symmetry")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    model, _ = load_model(asked.checkpoint)
    puzzles = load(asked.puzzles, "fit").sample(asked.count)
    study_of = study(model, puzzles, asked.segments, asked.kind, asked.seed, asked.copies)
    said = {name: str(value) for name, value in vars(asked).items()}
    rows: dict[int, dict[str, float]] = {}
    for K, row in bar(iterable=study_of, total=len(asked.copies), desc="copies"):
        rows[K] = row
        if asked.out:
            write_atomically(asked.out, json.dumps(said | {"rows": rows}, indent=2).encode())
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
