"""Make distinct 9x9 puzzles in the proportions of Sudoku-Extreme, in the background.

    python scripts/make_extreme.py runs/extreme.npy --count 100000 --seed 2

They are those of the name "extreme:COUNT:SEED", and `--kind forum` makes "forum:COUNT:SEED". OUT (46
bytes a puzzle) is written anew after each part of some thousand puzzles and can be trained on at any
time: `--data runs/extreme.npy`. The parts are kept in OUT.parts. A run that is stopped, by Ctrl-C or
otherwise, goes on from there, as does one with a larger count, and ends in the same bytes.
"""

import argparse
from pathlib import Path

from hrm_rl.checks.lock import sole, try_folder
from hrm_rl.checks.numbers import whole
from hrm_rl.checks.progress import bar
from hrm_rl.puzzles.sets import PuzzleSet, concat
from hrm_rl.puzzles.streams import MOST
from hrm_rl.puzzles.sudoku import families, generate, packed


def make(out: Path, kind: str, count: int, seed: int) -> PuzzleSet:
    """Make or read part after part until `count` distinct puzzles are in `out`; returns them."""
    parts = out.with_name(f"{out.name}.parts")
    try_folder(parts)
    with (
        sole(parts, doing="filled", option="OUT"),
        bar(total=count, desc=out.name, unit="puzzle") as progress,
    ):
        distinct, puzzles, number = families.Distinct(), generate.easy(0, seed), 0
        while len(puzzles) < count:
            path = parts / f"{kind}-seed{seed}-{number:05d}.npy"
            made = not path.exists()
            if made:
                packed.write(path, families.block(kind, number, seed))
            puzzles = concat([puzzles, distinct.new(packed.read(path))])
            puzzles = puzzles.take(range(min(count, len(puzzles))))
            if made or len(puzzles) == count:
                packed.write(out, puzzles)
            progress.update(len(puzzles) - progress.n)
            number += 1
    return puzzles


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, metavar="OUT.npy", help="the file to write")
    parser.add_argument("--kind", choices=tuple(families.BLOCKS), default="extreme")
    parser.add_argument("--count", type=int, default=140_000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=2, help="default: %(default)s")
    options = parser.parse_args()
    try:
        if options.out.suffix != packed.SUFFIX:
            raise ValueError(f"OUT must end in {packed.SUFFIX}, got {options.out}")
        count = whole("--count", options.count, low=1, high=MOST)
        seed = whole("--seed", options.seed, low=0, high=2**32 - 1)
        make(options.out, options.kind, count, seed)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        parser.exit(
            130, f"\nstopped; {options.out} holds what there is, the same command goes on\n"
        )


if __name__ == "__main__":
    main()
