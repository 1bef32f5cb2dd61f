"""Puzzle sets by name: shipped, from a file, or generated on the spot."""

import re
from importlib import import_module
from pathlib import Path

from hrm_rl.checks.numbers import did_you_mean, whole
from hrm_rl.checks.plugin import is_plugin, made
from hrm_rl.puzzles import files, official_data
from hrm_rl.puzzles.arc import sets as arc_sets
from hrm_rl.puzzles.arc.demos import sets as demos_sets
from hrm_rl.puzzles.files import load, read
from hrm_rl.puzzles.kinds import GENERATED, KINDS, Reader, task_for, task_of
from hrm_rl.puzzles.sets import PuzzleSet
from hrm_rl.puzzles.streams import MOST, STREAMS, check_split
from hrm_rl.puzzles.task import PuzzleError

SUDOKU9 = ("easy", "minimal", "hard")
"""Functions of `generate`, each of which makes 9x9 Sudoku of one kind."""
FAMILIES = ("extreme", "forum", "file1", "sparse", "eleven")
"""Names that `sudoku.families` makes distinct 9x9 Sudoku of."""

DEFAULT_COUNT = 1000
LONGEST_NAME = 200
MOST_CELLS = 2**31
"""Cells of all puzzles that can be ordered at once: so many bytes, and as many for the answers."""


def source(name: str, split: str = "train", task: str = "") -> PuzzleSet:
    """The puzzles that `name` stands for.

    Args:
        name: a shipped set ("sudoku9_hard"); the path of a file (`files.read`: .csv, .txt, .sdk,
            .sdm, .ss, .msk, .tsv, or packed, .npy), which has no splits and is taken whole whatever
            the split; puzzles made to order, "minimal:100000:7": 100,000 of that kind with seed 7
            (easy, minimal, hard 9x9 Sudoku; extreme, forum, file1, sparse, eleven, which are
            distinct up to symmetry, see `sudoku.families`; or a task: "maze10:1000:7"); a task may
            have a fourth number, the difficulty by the measure of the kind ("maze10:1000:7:20"). A
            task alone is 1,000 of them with seed 0, if no set of that name ships. ARC's tasks as
            published ("arc1"), see `arc.sets`; a folder that the public scripts wrote, see
            `official_data`; a function of one's own by its file, "mine.py:boards" (`checks.plugin`),
            which makes a `PuzzleSet` of the name of a split
        split: which split of a shipped set or folder, or which stream of random numbers for a
            generated one; `splits` says which there are.
        task: what the puzzles of a CSV are, in case they do not tell.

    Raises:
        PuzzleError: no such set, file or kind.
    """
    if _is_file(name):
        return read(name, task)
    if arc_sets.is_collection(name):
        return arc_sets.source(name, split)
    if demos_sets.is_collection(name):
        return demos_sets.source(name, split)
    if official_data.is_data_set(name):
        return official_data.read(name, split)
    if is_own(name):
        return _own(name, split)
    if ":" in name:
        return _generated(name, split)
    if name not in files.shipped() and _kind(name) in GENERATED:
        return _generated(f"{name}:{DEFAULT_COUNT}:0", split)
    _refuse_path(name)
    return load(name, split)


def splits(name: str) -> tuple[str, ...]:
    """The splits of a puzzle set that `source` would read; none if it is a file, which has no splits.

    Raises:
        PuzzleError: no such set.
    """
    if _is_file(name):
        return ()
    if arc_sets.is_collection(name) or demos_sets.is_collection(name):
        return arc_sets.SPLITS
    if official_data.is_data_set(name):
        return official_data.splits(name)
    if ":" not in name and _kind(name) not in GENERATED:
        _refuse_path(name)
        load(name, "fit")
    return tuple(STREAMS)


def is_own(name: str) -> bool:
    """Whether a puzzle set is a function of a user's own file or module, "mine.py:boards"."""
    kind = _kind(name.partition(":")[0])
    return is_plugin(name) and kind not in (*SUDOKU9, *FAMILIES, *KINDS)


def _own(name: str, split: str) -> PuzzleSet:
    """What a user's own function makes of the split.

    Raises:
        PuzzleError: no puzzles.
    """
    check_split(split, tuple(STREAMS))
    puzzles = made(name, split)
    if not isinstance(puzzles, PuzzleSet) or not len(puzzles):
        raise PuzzleError(
            f"{name} must return a PuzzleSet of one puzzle or more, got {puzzles!r:.60}"
        )
    return puzzles


def _is_file(name: str) -> bool:
    """Whether a set is a file: it is called like one, or there is one of another name."""
    _check_name(name)
    path = Path(name)
    return files.is_file(name) or (
        name not in files.shipped() and path.suffix.lower() != ".json" and path.is_file()
    )


def _check_name(name: str) -> None:
    """Refuse what no file can be called, which would fail as soon as one is looked for.

    Raises:
        PuzzleError: it is empty, too long, or has a NUL in it.
    """
    if not isinstance(name, str):
        raise PuzzleError(f"a puzzle set is named by a text, got {name!r:.60}")
    if not name or "\0" in name or max(map(len, name.split("/"))) > LONGEST_NAME:
        raise PuzzleError(
            f"a puzzle set is named by 1 to {LONGEST_NAME} characters, got {name[:40]!r}; name one "
            f"that ships ({', '.join(files.shipped())}), a file, or puzzles to be made"
        )


def _kind(name: str) -> str:
    return name.rstrip("0123456789x")


def _refuse_path(name: str) -> None:
    """Say what a name that is a path lacks.

    Raises:
        PuzzleError: it is one.
    """
    path = Path(name)
    if path.is_dir():
        tasks = any(next(path.glob(pattern), None) for pattern in ("*.json", "*/*.json"))
        cure = f'its ARC tasks are named "arc:{name}"' if tasks else "name a file in it"
        raise PuzzleError(f"{name!r} is a folder without a data set (SPLIT/dataset.json); {cure}")
    if path.suffix.lower() == ".json":
        raise PuzzleError(f'the ARC tasks of a JSON file are named "arc:FILE", got {name!r}')
    if re.search(r"[/\\]|\.[A-Za-z]\w*$", name):
        known = ", ".join(files.SUFFIXES)
        raise PuzzleError(
            f"no such file: {name!r}; puzzles are read from {known} files, or a folder with data sets"
        )


def _generated(name: str, split: str) -> PuzzleSet:
    kind, *numbers = name.split(":")
    nine = (*SUDOKU9, *FAMILIES)
    kinds = (*nine, *GENERATED)
    counts = (2,) if kind in nine else (2, 3)
    made = kind in nine or _kind(kind) in GENERATED
    if (
        not made
        or len(numbers) not in counts
        or not all(re.fullmatch("[0-9]{1,18}", n) for n in numbers)
        or int(numbers[0]) < 1
    ):
        sized = ", ".join(f"{task} with its size" for task in GENERATED)
        hint = "" if made else did_you_mean(_kind(kind), kinds)
        raise PuzzleError(
            'generated puzzles are named "kind:count:seed" '
            f'(kind: {", ".join((*nine, sized))}), got "{name[:80]}"' + (hint and f"; {hint}")
        )
    count, seed, *knob = map(int, numbers)
    length = 81 if kind in nine else task_of(kind).length
    if count > (most := min(MOST, MOST_CELLS // length)):
        raise PuzzleError(
            f"{most} puzzles of {length} cells at most are made at once, got {count} in {name!r}; "
            "order fewer"
        )
    if kind in SUDOKU9:
        from hrm_rl.puzzles.sudoku import generate

        puzzles: PuzzleSet = getattr(generate, kind)(count, seed=seed, split=split)
        return puzzles
    if kind in FAMILIES:
        from hrm_rl.puzzles.sudoku import families

        return families.make(kind, count, seed, split)
    task = task_of(kind)
    module = import_module(GENERATED[task.kind])
    puzzles = module.generate(task, count, seed=seed, split=split, knob=knob[0] if knob else None)
    return puzzles


def for_model(config: Reader, name: str = "", split: str = "train", limit: int = 0) -> PuzzleSet:
    """Puzzles for the model of this config: `source`, or the set that ships for its task.

    Args:
        limit: take only so many, evenly spread over the set (0: all).

    Raises:
        ValueError: there are none, they are of another task, or the limit is no number >= 0.
    """
    task = task_for(config).task
    whole("limit", limit, low=0, cure="0 takes all")
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
