"""Make the puzzle sets that ship in hrm_rl/puzzles/data, all or some of them.

    python scripts/make_puzzles.py                            # whatever is missing
    python scripts/make_puzzles.py sudoku9_hard_test --overwrite

With the default seed the result is the shipped files, byte for byte. Each puzzle depends on the
seed, the split and its number alone, and a stopped run goes on where it was. On one core with numba
the hard sets take 15 to 30 minutes (0.4 to 0.8 s per puzzle), all others together one.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from hrm_rl.puzzles import PuzzleSet, task_of, write_csv
from hrm_rl.puzzles.columns import HEADER
from hrm_rl.puzzles.files import DATA, read_csv
from hrm_rl.puzzles.maze import generate as maze_generate
from hrm_rl.puzzles.sudoku import generate

SIX_COUNTS = {"train": 1000, "fit": 300, "test": 500}
NINE_COUNTS = {"train": 1000, "fit": 400, "test": 1000}
MAZE_COUNTS = {"train": 250, "fit": 250, "test": 500}
SEED = 1


def sudoku4(count: int, seed: int, split: str, first: int) -> PuzzleSet:
    return generate.every_sudoku4(seed)[split].take(range(first, first + count))


def sudoku6(count: int, seed: int, split: str, first: int) -> PuzzleSet:
    """Nearly minimal: clues are taken away down to eight, or until none can go; ten on average."""
    return generate.small(6, count, seed, split, first, clues=(8, 8))


def maze8(count: int, seed: int, split: str, first: int) -> PuzzleSet:
    """Few, to keep the package small: training takes as many as it wants from the generator."""
    return maze_generate.generate(task_of("maze8"), count, seed=seed, split=split, first=first)


# set: (its maker, puzzles per split, puzzles made between two writes)
RECIPES: dict[str, tuple[Callable[[int, int, str, int], PuzzleSet], dict[str, int], int]] = {
    "sudoku4": (sudoku4, generate.SUDOKU4_COUNTS, 1000),
    "sudoku6": (sudoku6, SIX_COUNTS, 100),
    "sudoku9_easy": (generate.easy, NINE_COUNTS, 200),
    "sudoku9_minimal": (generate.minimal, NINE_COUNTS, 200),
    "sudoku9_hard": (generate.hard, NINE_COUNTS, 4),
    "maze8": (maze8, MAZE_COUNTS, 100),
}
FILES = [f"{name}_{split}" for name in RECIPES for split in ("train", "test", "fit")]


def make(file: str, seed: int, folder: Path) -> None:
    """Make one set; rows pile up in a partial file, which becomes the set when complete."""
    name, split = file.rsplit("_", 1)
    maker, counts, chunk = RECIPES[name]
    partial = folder / f".{file}.seed{seed}.partial"
    done = complete_rows(partial)
    with tqdm(total=counts[split], initial=done, desc=file, unit="puzzle") as bar:
        while done < counts[split]:
            count = min(chunk, counts[split] - done)
            append(partial, maker(count, seed, split, done))
            done += count
            bar.update(count)
    write_csv(folder / f"{file}.csv", read_csv(partial))
    partial.unlink()


def complete_rows(partial: Path) -> int:
    """Rows of a partial file, cutting off a last row that a kill left unfinished."""
    if not partial.exists():
        partial.write_text(",".join(HEADER) + "\n", encoding="utf-8")
    text = partial.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1] or ",".join(HEADER) + "\n"
    if whole != text:
        partial.write_text(whole, encoding="utf-8")
    return whole.count("\n") - 1


def append(partial: Path, puzzles: PuzzleSet) -> None:
    """Add rows to the partial file in one write."""
    whole = partial.with_suffix(".rows")
    write_csv(whole, puzzles)
    _, rows = whole.read_text(encoding="utf-8").split("\n", 1)
    with open(partial, "a", encoding="utf-8") as file:
        file.write(rows)
    whole.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files",
        nargs="*",
        metavar="SET",
        help=f"of {', '.join(FILES)}; default: all that are missing",
    )
    parser.add_argument(
        "--out", type=Path, default=DATA, help="folder to write to (default: the package's)"
    )
    parser.add_argument(
        "--seed", type=int, default=SEED, help="default: %(default)s, the shipped sets"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace sets that are there")
    options = parser.parse_args()
    unknown = sorted(set(options.files) - set(FILES))
    if unknown:
        parser.error(f"unknown sets {', '.join(unknown)}; there are {', '.join(FILES)}")
    options.out.mkdir(parents=True, exist_ok=True)
    present = [f for f in options.files or FILES if (options.out / f"{f}.csv").exists()]
    if present and options.files and not options.overwrite:
        parser.error(
            f"{', '.join(present)} already in {options.out}; say --overwrite to replace them"
        )
    for file in options.files or FILES:
        if options.overwrite or file not in present:
            make(file, options.seed, options.out)


if __name__ == "__main__":
    main()
