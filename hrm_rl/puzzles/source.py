"""Puzzle sets by name: shipped, from a CSV, or generated on the spot."""

from importlib import import_module
from pathlib import Path

from hrm_rl.puzzles import official_data
from hrm_rl.puzzles.arc import sets as arc_sets
from hrm_rl.puzzles.arc.demos import sets as demos_sets
from hrm_rl.puzzles.kinds import GENERATED, Reader, task_for, task_of
from hrm_rl.puzzles.sets import DATA, PuzzleSet, load, read_csv
from hrm_rl.puzzles.task import PuzzleError

SUDOKU9 = ("easy", "minimal", "hard")
"""Functions of `generate`, each of which makes 9x9 Sudoku of one kind."""

DEFAULT_COUNT = 1000


def source(name: str, split: str = "train", task: str = "") -> PuzzleSet:
    """The puzzles that `name` stands for.

    Args:
        name: a shipped set ("sudoku9_hard"); the path of an official CSV (ending in .csv); puzzles
            made to order, "minimal:100000:7": 100,000 of that kind with seed 7 (easy, minimal, hard
            9x9 Sudoku, or a task: "maze10:1000:7"); there may be a fourth number, the difficulty by
            the measure of the kind ("maze10:1000:7:20"). A task alone is 1,000 of them with seed 0,
            if no set of that name ships. ARC's tasks as published ("arc1"), see `arc.sets`; a folder
            that the public scripts wrote, see `official_data`
        split: which split of a shipped set, or which stream of random numbers for a generated one.
        task: what the puzzles of a CSV are, in case they do not tell.

    Raises:
        PuzzleError: no such set, file or kind.
    """
    if name.endswith(".csv"):
        return read_csv(Path(name), task)
    if arc_sets.is_collection(name):
        return arc_sets.source(name, split)
    if demos_sets.is_collection(name):
        return demos_sets.source(name, split)
    if official_data.is_data_set(name):
        return official_data.read(name, split)
    if ":" in name:
        return _generated(name, split)
    if not (DATA / f"{name}_{split}.csv").is_file() and name.rstrip("0123456789x") in GENERATED:
        return _generated(f"{name}:{DEFAULT_COUNT}:0", split)
    return load(name, split)


def _generated(name: str, split: str) -> PuzzleSet:
    kind, *numbers = name.split(":")
    made = kind in SUDOKU9 or kind.rstrip("0123456789x") in GENERATED
    counts = (2,) if kind in SUDOKU9 else (2, 3)
    if (
        not made
        or len(numbers) not in counts
        or not all(n.isdecimal() for n in numbers)
        or int(numbers[0]) < 1
    ):
        sized = ", ".join(f"{task} with its size" for task in GENERATED)
        raise PuzzleError(
            'generated puzzles are named "kind:count:seed" '
            f'(kind: {", ".join((*SUDOKU9, sized) if sized else SUDOKU9)}), got "{name}"'
        )
    count, seed, *knob = map(int, numbers)
    if kind in SUDOKU9:
        from hrm_rl.puzzles.sudoku import generate

        puzzles: PuzzleSet = getattr(generate, kind)(count, seed=seed, split=split)
        return puzzles
    task = task_of(kind)
    module = import_module(GENERATED[task.kind])
    puzzles = module.generate(task, count, seed=seed, split=split, knob=knob[0] if knob else None)
    return puzzles


def for_model(config: Reader, name: str = "", split: str = "train", limit: int = 0) -> PuzzleSet:
    """Puzzles for the model of this config: `source`, or the set that ships for its task.

    Args:
        limit: take only so many, evenly spread over the set (0: all).

    Raises:
        PuzzleError: there are none, or they are of another task.
    """
    task = task_for(config).task
    puzzles = source(name or task, split, config.task)
    if puzzles.task != task:
        raise PuzzleError(
            f"the puzzles are {puzzles.task} ({puzzles.length} cells), the checkpoint was trained on "
            f"{task} ({config.length}); choose puzzles of its kind and size"
        )
    chosen = puzzles.sample(limit) if 0 < limit < len(puzzles) else puzzles
    known = getattr(config, "puzzle_ids", None)  # a stepper has none, and demonstrations need none
    if known is not None and not hasattr(config, "demonstrations") and chosen.ids_P.max() >= known:
        raise PuzzleError(
            f"the checkpoint has embeddings for {known} puzzle identifiers, and these puzzles have some "
            f"up to {chosen.ids_P.max()}; choose puzzles that it was trained on"
        )
    return chosen
