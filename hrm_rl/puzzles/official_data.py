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
from hrm_rl.puzzles.sets import PuzzleSet
from hrm_rl.puzzles.task import PuzzleError

SUDOKUS: Final = {(16, 6): "sudoku4", (36, 8): "sudoku6", (81, 11): "sudoku9"}
"""Tokens of a puzzle and vocabulary -> the task."""
GRIDS: Final = {6: "maze{}", 12: "arc{}x0"}
"""Vocabulary -> the task of other square boards. ARC's identifiers are the files' own, so that none
is drawn here: x0."""


def is_data_set(folder: str | Path) -> bool:
    """Whether a folder has this layout."""
    return any(Path(folder).glob("*/dataset.json"))


def read(folder: str | Path, split: str, task: str = "") -> PuzzleSet:
    """The examples of a split, with the names of their identifiers as sources.

    Files of bytes are mapped, not read: the 6 GB of ARC stay on disk until they are used.

    Args:
        folder: what holds `train` and `test`.
        split: the name of a folder in it.
        task: what the puzzles are; told by their size if left out.

    Raises:
        PuzzleError: a file is missing or does not fit the others, or no task has this size.
    """
    folder = Path(folder)
    about = _json(folder / split / "dataset.json")
    inputs_PL, labels_PL, of_puzzle, begins = (
        _array(folder / split / f"all__{name}.npy")
        for name in ("inputs", "labels", "puzzle_identifiers", "puzzle_indices")
    )
    if inputs_PL.shape != labels_PL.shape:
        raise PuzzleError(
            f"{folder / split}: inputs {inputs_PL.shape} and labels {labels_PL.shape} must have the "
            "same shape; build the data again"
        )
    counts = np.diff(begins)
    ends = [0, len(inputs_PL)]
    if len(counts) != len(of_puzzle) or (counts < 0).any() or begins[[0, -1]].tolist() != ends:
        raise PuzzleError(
            f"{folder / split}: puzzle_indices must rise from 0 to {len(inputs_PL)} in "
            f"{len(of_puzzle)} steps, one a puzzle; build the data again"
        )
    ids_P = np.repeat(of_puzzle.astype(np.int64), counts)
    names = _names(folder, int(ids_P.max(initial=0)))
    return PuzzleSet(
        task or _task(folder, inputs_PL.shape[1], int(about["vocab_size"])),
        _tokens(inputs_PL, about["pad_id"]),
        _tokens(labels_PL, about["ignore_label_id"]),
        np.zeros(len(ids_P), np.int32),
        tuple(names[i] for i in ids_P),
        ids_P,
    )


def _json(path: Path) -> Any:
    return read_json(path, kind=None, error=PuzzleError, blame="cannot be read as JSON")


def _array(path: Path) -> np.ndarray:
    return read_array(path, mmap=True, error=PuzzleError, blame="cannot be read as an array")


def _tokens(tokens_PL: np.ndarray, pad: int | None) -> np.ndarray:
    """uint8, with 0 for what pads or is not scored; bytes that are so already stay in the file."""
    if pad:
        if (tokens_PL == 0).any():
            raise PuzzleError(f"0 must pad where the data says that {pad} does, got it as a token")
        tokens_PL = np.where(tokens_PL == pad, 0, tokens_PL)
    return tokens_PL if tokens_PL.dtype == np.uint8 else tokens_PL.astype(np.uint8)


def _names(folder: Path, highest: int) -> list[str]:
    names = [str(name) for name in _json(folder / "identifiers.json")]
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
