"""Mean guesses to the first solution and to the proof, of official CSV files of 9x9 puzzles.

    python scripts/check_rating.py FILE...

The numbers to compare with are tdoku's own (first / proof), and this package's on the same lists:

    list                               puzzles   tdoku              here
    puzzles3_magictour_top1465            1465     6.07 /   8.94      6.05 /   8.87
    puzzles6_forum_hardest_1106            375    59.76 / 110.44     59.69 / 110.62

The lists belong to others and are not part of this repository; tdoku's data.zip has them.
"""

import argparse
from pathlib import Path

import numpy as np

from hrm_rl.puzzles import PuzzleError, read_csv, task_of
from hrm_rl.puzzles.sudoku.rating import rate


def report(path: Path) -> str:
    """One line on the puzzles of a file."""
    puzzles = read_csv(path)
    if puzzles.task != "sudoku9":
        raise PuzzleError(f"{path} has {puzzles.task} puzzles; ratings are for 9x9")
    first_P, proof_P = rate(task_of(puzzles.task).values(puzzles.inputs_PL))
    same = np.mean(first_P == puzzles.ratings_P)
    return (
        f"{path.name}: {len(puzzles)} puzzles, first {first_P.mean():.2f}, "
        f"proof {proof_P.mean():.2f}; the file's ratings {puzzles.ratings_P.mean():.2f}, "
        f"the same in {same:.1%}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    try:
        for path in parser.parse_args().files:
            print(report(path), flush=True)
    except PuzzleError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
