"""Log the banks that ship: the shipped 9x9 model on puzzles that it was not trained on.

    python scripts/make_banks.py            # both splits, into the package; Ctrl-C, and it goes on

Evenly spread over easy, minimal and hard puzzles, and 17 segments of each: horizons up to 16, and
one more, where the paper's continue target looks. Of a bank of other weights nothing is kept.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from hrm_rl.banks.files import log_to, read_header, weights_hash
from hrm_rl.banks.header import NAME, SHIPPED
from hrm_rl.models.checkpoint import load_model
from hrm_rl.puzzles import load
from hrm_rl.training.memory import keep_freed_memory

CHECKPOINT = "sudoku9"
PUZZLES = {"fit": 600, "test": 750}  # 2.8 kB each, half of it predictions
SEGMENTS = 17


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", default=CHECKPOINT)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--limit", type=int, default=0, help="puzzles of a split, to try it out")
    args = parser.parse_args(arguments)
    keep_freed_memory()
    model, _ = load_model(args.checkpoint)
    total = 0
    for split, count in PUZZLES.items():
        folder = args.out / f"{args.checkpoint}-{split}"
        if (folder / NAME).exists() and read_header(folder).weights != weights_hash(model):
            shutil.rmtree(folder)
        puzzles = load(args.checkpoint, split)
        puzzles = puzzles.sample(min(args.limit or count, len(puzzles)))
        header = log_to(
            folder, model, puzzles, SEGMENTS, name=args.checkpoint, split=split, progress=True
        )
        total += sum(file.stat().st_size for file in folder.iterdir())
        print(f"{folder}: {header.count} puzzles, mismatch rate {header.mismatch_rate:.2%}")
    print(f"{total / 1e6:.2f} MB in all")


if __name__ == "__main__":
    main()
