"""Data sets on disk as the public HRM and TRM scripts write them, for every task.

    FOLDER/identifiers.json                     a name for each puzzle identifier
    FOLDER/SPLIT/dataset.json                   lengths, vocabulary, the numbers of PAD and of no puzzle
    FOLDER/SPLIT/all__inputs.npy                tokens, one example a row
    FOLDER/SPLIT/all__labels.npy
    FOLDER/SPLIT/all__puzzle_identifiers.npy    one for each puzzle, which is one or more examples
    FOLDER/SPLIT/all__puzzle_indices.npy        where the examples of each puzzle begin, and the end
    FOLDER/SPLIT/all__group_indices.npy         where the puzzles of each group (variants) begin

Such data is augmented already: train on it with `augment` off.

Suffixes: P examples, L tokens.
"""

import math
from pathlib import Path
from typing import Any, Final

import numpy as np

from hrm_rl.checks.files import read_array, read_json
from hrm_rl.checks.numbers import whole
from hrm_rl.puzzles.kinds import task_of
from hrm_rl.puzzles.sets import ROWS, PuzzleSet, check_whole
from hrm_rl.puzzles.task import PuzzleError

ARRAYS: Final = ("inputs", "labels", "puzzle_identifiers", "puzzle_indices")

SUDOKUS: Final = {(16, 6): "sudoku4", (36, 8): "sudoku6", (81, 11): "sudoku9"}
"""Tokens of a puzzle and vocabulary -> the task."""
GRIDS: Final = {6: "maze{}", 12: "arc{}x0"}
"""Vocabulary -> the task of other square boards. ARC's identifiers are the files' own, so that none
is drawn here: x0."""


def is_data_set(folder: str | Path) -> bool:
    """Whether a folder has this layout."""
    return bool(splits(folder))


def splits(folder: str | Path) -> tuple[str, ...]:
    """The splits that a folder has, in the order of their names."""
    return tuple(sorted(file.parent.name for file in Path(folder).glob("*/dataset.json")))


def read(folder: str | Path, split: str, task: str = "") -> PuzzleSet:
    """The examples of a split, with the names of their identifiers as sources.

    Files of bytes are mapped, not held: the 6 GB of ARC stay on disk, and are looked through once.

    Args:
        folder: what holds `train` and `test`.
        split: the name of a folder in it.
        task: what the puzzles are; told by their size if left out.

    Raises:
        PuzzleError: a file is missing, holds what it should not or does not fit the others, an
            answer does not solve its question, or no task has this size.
    """
    folder = Path(folder)
    if split not in (there := splits(folder)):
        raise PuzzleError(
            f"the split {split!r} of {folder} cannot be read: it has {', '.join(there) or 'none'}; "
            "choose one that is there"
        )
    about = _about(folder / split / "dataset.json", bool(task))
    inputs_PL, labels_PL, of_puzzle, begins = _arrays(folder / split, about)
    counts = _steps(folder / split, "puzzle_indices", begins, len(of_puzzle), len(inputs_PL))
    if (folder / split / "all__group_indices.npy").is_file():
        groups = array_of(folder / split / "all__group_indices.npy", 1)
        _steps(folder / split, "group_indices", groups, None, len(of_puzzle))
    ids_P = np.repeat(of_puzzle.astype(np.int64), counts)
    names = _names(folder, int(ids_P.max(initial=0)))
    puzzles = PuzzleSet(
        task or _task(folder, inputs_PL.shape[1], about["vocab_size"]),
        _tokens(inputs_PL, about["pad_id"]),
        _tokens(labels_PL, about["ignore_label_id"]),
        np.zeros(len(ids_P), np.int32),
        tuple(names[i] for i in ids_P),
        ids_P,
    )
    _check_answers(folder / split, puzzles)
    return puzzles


def _about(path: Path, told: bool) -> dict[str, Any]:
    """What a split's `dataset.json` says, which is whole numbers where we need them."""
    about = _json(path)
    if not isinstance(about, dict):
        raise PuzzleError(f"{path} must hold an object, got a {type(about).__name__}")
    about = {"vocab_size": None, **about} if told else about
    for key, low in (("vocab_size", 2), ("pad_id", 0), ("ignore_label_id", -(2**31))):
        if key not in about:
            raise PuzzleError(f"{path} does not say {key}; build the data again")
        free = key == "ignore_label_id" or (told and key == "vocab_size")
        if not (free and about[key] is None):
            _number(path, key, about[key], low)
    for key in ("seq_len", "num_puzzle_identifiers"):
        if about.get(key) is not None:
            _number(path, key, about[key], 1)
    return about


def _number(path: Path, key: str, value: Any, low: int) -> None:
    try:
        whole(f"{path}: {key}", value, low=low, high=2**31, cure="build the data again")
    except ValueError as error:
        raise PuzzleError(str(error)) from None


def _arrays(folder: Path, about: dict[str, Any]) -> list[np.ndarray]:
    """Inputs, labels, identifiers and where puzzles begin: whole numbers of the right sizes."""
    files = [folder / f"all__{name}.npy" for name in ARRAYS]
    inputs_PL, labels_PL, of_puzzle, begins = (
        array_of(file, dimensions) for file, dimensions in zip(files, (2, 2, 1, 1), strict=True)
    )
    if inputs_PL.shape != labels_PL.shape:
        raise PuzzleError(
            f"{folder}: inputs {inputs_PL.shape} and labels {labels_PL.shape} must have the "
            "same shape; build the data again"
        )
    if not inputs_PL.size:
        raise PuzzleError(f"{files[0]} holds no examples, got shape {inputs_PL.shape}")
    if inputs_PL.shape[1] != about.get("seq_len", inputs_PL.shape[1]):
        raise PuzzleError(
            f"{files[0]} has {inputs_PL.shape[1]} tokens a row, and dataset.json says seq_len "
            f"{about['seq_len']}; take both from one build"
        )
    vocab, ignored = about["vocab_size"] or 256, about["ignore_label_id"]
    for file, tokens_PL in zip(files, (inputs_PL, labels_PL), strict=False):
        scored_PL = tokens_PL
        if file == files[1] and ignored is not None and not 0 <= ignored < vocab:
            scored_PL = np.where(tokens_PL == ignored, 0, tokens_PL)
        check_whole(str(file), scored_PL, min(vocab, 256) - 1)
    most = about.get("num_puzzle_identifiers") or 2**31
    check_whole(str(files[2]), of_puzzle, most - 1)
    check_whole(str(files[3]), begins, len(inputs_PL))
    return [inputs_PL, labels_PL, of_puzzle, begins]


def _steps(folder: Path, name: str, begins: np.ndarray, steps: int | None, end: int) -> np.ndarray:
    """How far each step of an index array goes, which rises from 0 to `end`."""
    counts = np.diff(begins.astype(np.int64))
    wrong = (counts < 0).any() or begins[:1].tolist() != [0] or begins[-1:].tolist() != [end]
    if wrong or len(counts) != (len(counts) if steps is None else steps):
        raise PuzzleError(
            f"{folder}: {name} must rise from 0 to {end}"
            + (f" in {steps} steps, one a puzzle" if steps is not None else "")
            + "; build the data again"
        )
    return counts


def _check_answers(folder: Path, puzzles: PuzzleSet) -> None:
    """Refuse answers that do not solve their questions, where the rules alone tell (not in ARC)."""
    game = task_of(puzzles.task)
    if game.kind in ("arc", "demos"):
        return
    for start in range(0, len(puzzles), ROWS):
        part = slice(start, start + ROWS)
        inputs_PL, labels_PL = puzzles.inputs_PL[part], puzzles.solutions_PL[part]
        whole_P = (labels_PL != 0).all(axis=1)  # a label that is not scored may stand for anything
        solved_P = game.solved(game.values(inputs_PL[whole_P]), game.values(labels_PL[whole_P]))
        wrong = np.flatnonzero(whole_P)[~solved_P]
        if len(wrong):
            raise PuzzleError(
                f"{folder / 'all__labels.npy'}: row {start + wrong[0]} (counted from 0) does not "
                f"solve its question by the rules of {puzzles.task}; build the data again"
            )


def _json(path: Path) -> Any:
    return read_json(path, kind=None, error=PuzzleError, blame="cannot be read as JSON")


def array_of(path: Path, dimensions: int) -> np.ndarray:
    """The whole numbers of an .npy file, which stays on disk.

    Raises:
        PuzzleError: it is no such file (pickled objects are never opened), or holds something else.
    """
    # Written to by nobody, and yet not read-only, since torch wants arrays that may be written.
    array = read_array(path, mmap=True, error=PuzzleError, blame="cannot be read as an array")
    if array.ndim != dimensions:
        raise PuzzleError(
            f"{path} must have {dimensions} dimension{'s' * (dimensions > 1)}, got shape {array.shape}"
        )
    check_whole(str(path), array[:0], 0)
    return array


def _tokens(tokens_PL: np.ndarray, pad: int | None) -> np.ndarray:
    """uint8, with 0 for what pads or is not scored; bytes that are so already stay in the file."""
    if pad:
        if pad > 0 and (tokens_PL == 0).any():
            raise PuzzleError(f"0 must pad where the data says that {pad} does, got it as a token")
        tokens_PL = np.where(tokens_PL == pad, 0, tokens_PL)
    return tokens_PL if tokens_PL.dtype == np.uint8 else tokens_PL.astype(np.uint8)


def _names(folder: Path, highest: int) -> list[str]:
    names = _json(folder / "identifiers.json")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise PuzzleError(f"{folder}/identifiers.json must hold a list of names")
    if highest >= len(names):
        raise PuzzleError(
            f"{folder}/identifiers.json names {len(names)} identifiers, and the data has number "
            f"{highest}; take both from one build"
        )
    return names


def _task(folder: Path, length: int, vocab: int) -> str:
    side = math.isqrt(length)
    if (length, vocab) in SUDOKUS:
        return SUDOKUS[length, vocab]
    if vocab in GRIDS and side**2 == length:
        return GRIDS[vocab].format(side)
    raise PuzzleError(
        f"{folder} has puzzles of {length} tokens with a vocabulary of {vocab}, which are none of "
        "Sudoku, mazes and ARC; say which task they are"
    )
