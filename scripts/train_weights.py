"""Train the weights that ship, and write their cards.

    python scripts/train_weights.py train sudoku9      # hours; Ctrl-C saves, the same command goes on
    python scripts/train_weights.py ship sudoku9       # copies weights, measures, writes the card
    python scripts/train_weights.py ship sudoku9 --also lists/top1465.csv

A recipe is a list of stages; each starts from the averaged weights of the one before.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

import torch
from weights_card import describe, header, measured, progress, steps_done
from weights_recipes import HALVED, NOTES, RECIPES, Stage

from hrm_rl.models.checkpoint import WEIGHTS, load_model, save_model, write_atomically
from hrm_rl.puzzles import PuzzleSet, read_csv
from hrm_rl.puzzles.source import source
from hrm_rl.training.memory import keep_freed_memory
from hrm_rl.training.monitor import shown
from hrm_rl.training.run import run


def stages(name: str) -> list[tuple[Stage, Path]]:
    """The stages of a recipe with their run folders, each but the first begun from the one before."""
    result: list[tuple[Stage, Path]] = []
    for number, stage in enumerate(RECIPES[name], start=1):
        init = str(result[-1][1] / "weights.safetensors") if result else ""
        folder = Path("runs") / f"{name}-{number}"
        result.append((replace(stage, config=replace(stage.config, init=init)), folder))
    return result


def train(name: str) -> None:
    torch.set_num_threads(1)  # what the cards say; two threads of one run are not twice as fast
    for number, (stage, folder) in enumerate(stages(name), start=1):
        if steps_done(folder) >= stage.steps:
            continue
        for _ in shown(
            run(stage.config, folder, stop=stage.steps), stage.steps, f"{name} stage {number}"
        ):
            pass
        if steps_done(folder) < stage.steps:
            raise SystemExit(f"stopped; the same command goes on from {folder}")


def ship(name: str, also: list[Path]) -> None:
    """Copy a recipe's last weights into the package with a card of what was measured."""
    runs = [(stage, folder) for stage, folder in stages(name) if steps_done(folder)]
    last, folder = runs[-1]
    model, _ = load_model(folder)
    card = {
        "max_segments": last.config.max_segments,
        "halting": last.config.halting,
        "command": f"python scripts/train_weights.py train {name}",
        "stages": [describe(stage.config, folder) for stage, folder in runs],
    }
    save_model(WEIGHTS / name, model.half() if name in HALVED else model, card)
    model, _ = load_model(WEIGHTS / name)  # what is measured is what ships
    titles, sets = zip(*test_sets(name, also), strict=True)
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=alone) as pool:
        parts = pool.map(measured, titles, sets, [model] * len(sets))
        text = [
            f"# {name}",
            "",
            *header(model, card),
            *(progress(runs, set_names(name)) if len(runs) > 1 else []),
        ]
        text += NOTES.get(name, "").splitlines()
        text += chain.from_iterable(parts)
    write_atomically(WEIGHTS / f"{name}.md", ("\n".join(text) + "\n").encode())
    print(f"{WEIGHTS / name}.safetensors, .json and .md: step {steps_done(folder)} of {folder}")


def set_names(name: str) -> list[str]:
    """The puzzle sets that a recipe's weights are measured on."""
    if name == "sudoku9":
        return ["sudoku9_easy", "sudoku9_minimal", "sudoku9_hard"]
    return [RECIPES[name][-1].config.model.task or name]


def test_sets(name: str, also: list[Path]) -> list[tuple[str, PuzzleSet]]:
    return [(f"{n} (test)", source(n, "test")) for n in set_names(name)] + [
        (path.stem, read_csv(path)) for path in also
    ]


def alone() -> None:
    """A worker of several: one thread each."""
    torch.set_num_threads(1)
    keep_freed_memory()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("train", "ship"))
    parser.add_argument("name", choices=tuple(RECIPES))
    parser.add_argument(
        "--also", type=Path, nargs="*", default=[], help="more official CSVs to report on"
    )
    args = parser.parse_args()
    keep_freed_memory()
    if args.what == "train":
        train(args.name)
    else:
        ship(args.name, args.also)


if __name__ == "__main__":
    main()
