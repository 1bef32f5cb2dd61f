"""Which solutions train, fit and test of the shipped Sudoku sets share, up to symmetry.

    python scripts/shared_classes.py                   # all of them: some ten seconds
    python scripts/shared_classes.py sudoku4 sudoku6

A grid's class is all grids that symmetries turn it into: bands, stacks, rows and columns moved, digits
renamed, and 4x4 and 9x9 turned over. No puzzle of one split is a copy of a puzzle of another; but where
there are few classes, a test puzzle asks for a grid that training has shown, with other cells given.

Suffixes: P puzzles, L cells.
"""

import argparse
from collections import Counter
from collections.abc import Mapping

from hrm_rl.puzzles import PuzzleError, PuzzleSet, concat, load, task_of
from hrm_rl.puzzles.files import SPLITS, shipped
from hrm_rl.puzzles.sudoku.classes import canonical9, invariant9
from hrm_rl.puzzles.sudoku.symmetry import canonical

PAIRS = (("fit", "train"), ("test", "train"), ("fit", "test"))


def classes(puzzles: PuzzleSet) -> list[bytes]:
    """The class of each puzzle's solution, by a name that classes do not share.

    Of 9x9 grids an invariant tells most classes apart; only where it does not, the form is needed.
    """
    task = task_of(puzzles.task)
    grids_PL = task.values(puzzles.solutions_PL)
    if task.size != 9:
        return [form_L.tobytes() for form_L in canonical(grids_PL, task.size)]
    names = [b"".join(key) for key in invariant9(grids_PL)]
    times = Counter(names)
    alike = [i for i, name in enumerate(names) if times[name] > 1]
    forms_PL = canonical9(grids_PL[alike], grids_PL[alike]) if alike else grids_PL[:0]
    for i, form_L in zip(alike, forms_PL, strict=True):
        names[i] += form_L.tobytes()
    return names


def shared(splits: Mapping[str, PuzzleSet]) -> dict[str, int]:
    """How many classes splits have and share, and how many puzzles are of a class in training."""
    names = iter(classes(concat(list(splits.values()))))
    class_P = {split: [next(names) for _ in range(len(part))] for split, part in splits.items()}
    found = {split: set(class_P[split]) for split in SPLITS}
    counts = {split: len(found[split]) for split in SPLITS}
    counts["all"] = len(set().union(*found.values()))
    for one, other in PAIRS:
        counts[f"{one}, {other}"] = len(found[one] & found[other])
    for split in ("fit", "test"):
        counts[f"{split} puzzles"] = sum(name in found["train"] for name in class_P[split])
    return counts


def row(name: str, counts: Mapping[str, int], splits: Mapping[str, PuzzleSet]) -> str:
    """A line of the table."""
    seen = [f"{counts[f'{split} puzzles']} of {len(splits[split])}" for split in ("fit", "test")]
    numbers = [counts[part] for part in (*SPLITS, "all", *map(", ".join, PAIRS))]
    return "| " + " | ".join([name, *map(str, numbers), *seen]) + " |"


def main() -> None:
    there = [name for name in shipped() if name.startswith("sudoku") and name != "sudoku9"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="*", default=there, metavar="SET")
    try:
        sets = {
            name: {split: load(name, split) for split in SPLITS}
            for name in parser.parse_args().sets
        }
    except PuzzleError as error:
        parser.error(str(error))
    heads = ["set", *SPLITS, "all", *map(", ".join, PAIRS), "fit puzzles", "test puzzles"]
    print("| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|", sep="\n")
    for name, splits in sets.items():
        print(row(name, shared(splits), splits), flush=True)


if __name__ == "__main__":
    main()
