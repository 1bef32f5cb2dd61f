"""Put the weights of a finished run into the package, with a card of what was measured.

    hrm-rl train sudoku9        # hours; Ctrl-C saves, the same command goes on
    python scripts/ship_weights.py sudoku9                   # from runs/sudoku9
    python scripts/ship_weights.py sudoku9 --also lists/top1465.csv
    python scripts/ship_weights.py sudoku9-half --run runs/half --preset sudoku9

A run folder that is at an earlier step than its config's last is shipped as it stands: the card
says at which step.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

import torch
from weights_card import climbed, cost, header, measured
from weights_notes import NOTES

from hrm_rl.models.checkpoint import WEIGHTS, load_model, save_model, write_atomically
from hrm_rl.puzzles import PuzzleSet, read_csv
from hrm_rl.puzzles.kinds import task_for
from hrm_rl.puzzles.source import source
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.memory import keep_freed_memory
from hrm_rl.training.presets import PRESETS


def ship(
    name: str, preset: str, folder: Path, hours: float | None, limit: int, also: list[Path]
) -> None:
    """Copy the weights of a run, in half precision, and write their card."""
    config = TrainConfig.from_json((folder / "config.json").read_text())
    model, _ = load_model(folder)
    card = {
        "max_segments": config.max_segments,
        "halting": config.halting,
        "command": f"hrm-rl train {preset}",
        **cost(config, folder),
        **({} if hours is None else {"hours": hours}),
    }
    save_model(WEIGHTS / name, model.half(), card)
    model, _ = load_model(WEIGHTS / name)  # what is measured is what ships
    text = [f"# {name}", "", *header(model, config, card), *climbed(folder)]
    text += NOTES.get(name, "").splitlines()
    titles, sets = zip(*test_sets(config, also), strict=True)
    sets = [puzzles.sample(min(limit, len(puzzles))) for puzzles in sets]
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=alone) as pool:
        text += chain.from_iterable(pool.map(measured, titles, sets, [model] * len(sets)))
    write_atomically(WEIGHTS / f"{name}.md", ("\n".join(text) + "\n").encode())
    print(f"{WEIGHTS / name}.safetensors, .json and .md: step {card['steps']} of {folder}")


def test_sets(config: TrainConfig, also: list[Path]) -> list[tuple[str, PuzzleSet]]:
    """What the weights are measured on: the test split of their task, by bands where it has any."""
    task = task_for(config.model).task
    names = [f"sudoku9_{band}" for band in ("easy", "minimal", "hard")]
    return [
        (f"{n} (test)", source(n, "test")) for n in (names if task == "sudoku9" else [task])
    ] + [(path.stem, read_csv(path)) for path in also]


def alone() -> None:
    """A worker of several: one thread each."""
    torch.set_num_threads(1)
    keep_freed_memory()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="of the weights")
    parser.add_argument("--preset", choices=tuple(PRESETS), help="of the run, if not the name")
    parser.add_argument("--run", type=Path, help="folder of the run, if not runs/NAME")
    parser.add_argument(
        "--hours", type=float, help="CPU hours of the run, where its log has those of a shared core"
    )
    parser.add_argument("--limit", type=int, default=1000, help="puzzles of each set")
    parser.add_argument(
        "--also", type=Path, nargs="*", default=[], help="more official CSVs to report on"
    )
    args = parser.parse_args()
    keep_freed_memory()
    preset = args.preset or args.name
    if preset not in PRESETS:
        parser.error(f"--preset must say which of {', '.join(PRESETS)} made {args.name}")
    ship(args.name, preset, args.run or Path("runs") / args.name, args.hours, args.limit, args.also)


if __name__ == "__main__":
    main()
