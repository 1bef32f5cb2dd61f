"""Data sets in the layout of the public scripts, written here byte for byte as those write them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hrm_rl.puzzles import load
from hrm_rl.puzzles.arc.rules import Arc
from hrm_rl.puzzles.official_data import is_data_set, read
from hrm_rl.puzzles.source import source
from hrm_rl.puzzles.task import PuzzleError
from hrm_rl.training.data import Sampler


def write(folder: Path, split: str, arrays: dict[str, Any], **about: Any) -> None:
    """What `build_*_dataset.py` leaves on disk."""
    (folder / split).mkdir(parents=True)
    metadata = {
        "pad_id": 0,
        "ignore_label_id": 0,
        "blank_identifier_id": 0,
        "sets": ["all"],
        **about,
    }
    (folder / split / "dataset.json").write_text(json.dumps(metadata))
    for name, array in arrays.items():
        np.save(folder / split / f"all__{name}.npy", array)


def sudoku(folder: Path, ignore: int | None = 0, dtype: type = np.int64) -> None:
    puzzles = load("sudoku4", "test").take(range(3))
    arrays = {
        "inputs": puzzles.inputs_PL.astype(dtype),
        "labels": puzzles.solutions_PL.astype(dtype),
        "puzzle_identifiers": np.zeros(3, np.int32),
        "puzzle_indices": np.arange(4, dtype=np.int32),
        "group_indices": np.arange(4, dtype=np.int32),
    }
    about = {"vocab_size": 6, "seq_len": 16, "ignore_label_id": ignore}
    write(folder, "test", arrays, **about)
    (folder / "identifiers.json").write_text(json.dumps(["<blank>"]))


def arc(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Two groups: a task with one variant, of two and two examples, and a task of one example."""
    board = Arc(30)
    grids = [np.full((1 + i, 2), i, np.uint8) for i in range(5)]
    inputs = np.stack([board.board(grid) for grid in grids])
    labels = np.stack([board.board(grid.T) for grid in grids])
    arrays = {
        "inputs": inputs,
        "labels": labels,
        "puzzle_identifiers": np.array([2, 3, 1], np.int32),
        "puzzle_indices": np.array([0, 2, 4, 5], np.int32),
        "group_indices": np.array([0, 2, 3], np.int32),
    }
    write(folder, "train", arrays, vocab_size=12, seq_len=900)
    names = ["<blank>", "other", "task", "task_t6_0213456789"]
    (folder / "identifiers.json").write_text(json.dumps(names))
    return inputs, labels


def test_arc_with_identifiers(tmp_path: Path) -> None:
    inputs, labels = arc(tmp_path)
    puzzles = source(str(tmp_path), "train")
    assert puzzles.task == "arc30x0"  # identifiers are the files' own
    assert puzzles.ids_P.tolist() == [2, 2, 3, 3, 1]
    assert puzzles.sources == ("task", "task", "task_t6_0213456789", "task_t6_0213456789", "other")
    assert (puzzles.inputs_PL == inputs).all()
    assert (puzzles.solutions_PL == labels).all()


def test_bytes_stay_on_disk(tmp_path: Path) -> None:
    arc(tmp_path)
    assert isinstance(read(tmp_path, "train").inputs_PL, np.memmap)


def test_batches_of_it(tmp_path: Path) -> None:
    """Identifiers stay those of the file, also where puzzles are varied: "x0" has no variants."""
    arc(tmp_path)
    deal = Sampler.create(((str(tmp_path), 1.0),), 64, True, torch.device("cpu"), None)
    assert set(deal().id_B.tolist()) == {1, 2, 3}


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_sudoku(tmp_path: Path, dtype: type) -> None:
    sudoku(tmp_path, dtype=dtype)
    assert is_data_set(tmp_path)
    puzzles, wanted = source(str(tmp_path), "test"), load("sudoku4", "test").take(range(3))
    assert puzzles.task == "sudoku4"
    assert (puzzles.inputs_PL == wanted.inputs_PL).all()
    assert (puzzles.solutions_PL == wanted.solutions_PL).all()
    assert puzzles.solutions_PL.dtype == np.uint8


def test_labels_that_are_not_scored_become_pad(tmp_path: Path) -> None:
    sudoku(tmp_path, ignore=5)
    labels = load("sudoku4", "test").take(range(3)).solutions_PL
    assert (read(tmp_path, "test").solutions_PL == np.where(labels == 5, 0, labels)).all()


def test_other_square_boards_tell_their_task_or_are_told(tmp_path: Path) -> None:
    arrays = {
        "inputs": np.ones((1, 25), np.uint8),
        "labels": np.ones((1, 25), np.uint8),
        "puzzle_identifiers": np.zeros(1, np.int32),
        "puzzle_indices": np.array([0, 1], np.int32),
    }
    write(tmp_path, "train", arrays, vocab_size=12)
    write(tmp_path, "test", arrays, vocab_size=9)
    (tmp_path / "identifiers.json").write_text('["<blank>"]')
    assert read(tmp_path, "train").task == "arc5x0"
    with pytest.raises(PuzzleError, match="25 tokens with a vocabulary of 9"):
        read(tmp_path, "test")
    assert read(tmp_path, "test", task="arc5x0").task == "arc5x0"


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    arc(tmp_path)
    assert not is_data_set(tmp_path / "train")
    with pytest.raises(PuzzleError, match="cannot be read"):
        read(tmp_path, "test")
    (tmp_path / "identifiers.json").write_text('["<blank>", "other"]')
    with pytest.raises(PuzzleError, match="names 2 identifiers, and the data has number 3"):
        read(tmp_path, "train")
    np.save(tmp_path / "train" / "all__puzzle_indices.npy", np.array([0, 2, 5], np.int32))
    with pytest.raises(PuzzleError, match="puzzle_indices must rise from 0 to 5 in 3 steps"):
        read(tmp_path, "train")
    np.save(tmp_path / "train" / "all__labels.npy", np.zeros((4, 900), np.uint8))
    with pytest.raises(PuzzleError, match="same shape"):
        read(tmp_path, "train")
    (tmp_path / "train" / "all__labels.npy").write_bytes(b"nothing")
    with pytest.raises(PuzzleError, match="as an array"):
        read(tmp_path, "train")
