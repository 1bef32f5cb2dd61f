"""Log the banks that ship: shipped models on puzzles that they were not trained on.

    python scripts/make_banks.py            # all, both splits, into the package; Ctrl-C, and it goes on
    python scripts/make_banks.py maze8      # those of one model

Evenly spread over the set, which for `sudoku9` is easy, minimal and hard puzzles, and 17 segments of
each: horizons up to 16, and one more, where the paper's continue target looks. Of a bank of other
weights nothing is kept. What HaltBench freezes is written down anew: `scripts/haltbench.py` comes next.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from hrm_rl.banks.files import log_to, read_header, weights_hash
from hrm_rl.banks.header import NAME, SHIPPED
from hrm_rl.haltbench.frozen import freeze
from hrm_rl.models.checkpoint import load_model
from hrm_rl.puzzles.source import for_model
from hrm_rl.training.memory import keep_freed_memory

PUZZLES = {
    "sudoku9": {"fit": 600, "test": 750},
    "maze8": {"fit": 250, "test": 300},
    "arc6": {"fit": 300, "test": 300},
}
"""Checkpoint -> puzzles of a split: 2 to 3 kB each, half of it predictions, which pack well."""
SEGMENTS = 17


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoints", nargs="*", help=f"some of {', '.join(PUZZLES)}; all if none")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--limit", type=int, default=0, help="puzzles of a split, to try it out")
    args = parser.parse_args(arguments)
    keep_freed_memory()
    for checkpoint in args.checkpoints or PUZZLES:
        log(checkpoint, args.out, args.limit)
    if args.out == SHIPPED:
        freeze()


def log(checkpoint: str, out: Path, limit: int = 0) -> None:
    """Both splits of one model."""
    model, _ = load_model(checkpoint)
    for split, count in PUZZLES[checkpoint].items():
        folder = out / f"{checkpoint}-{split}"
        if (folder / NAME).exists() and read_header(folder).weights != weights_hash(model):
            shutil.rmtree(folder)
        puzzles = for_model(model.config, "", split, limit or count)
        header = log_to(
            folder, model, puzzles, SEGMENTS, name=checkpoint, split=split, progress=True
        )
        size = sum(file.stat().st_size for file in folder.iterdir())
        rate = f"mismatch rate {header.mismatch_rate:.2%}"
        print(f"{folder}: {header.count} puzzles, {size / 1e6:.2f} MB, {rate}", flush=True)


if __name__ == "__main__":
    main()
