"""Data folders of the public scripts with something wrong: each is named by file, row and value."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.puzzles import PuzzleError, load
from hrm_rl.puzzles.source import source, splits

SET = load("sudoku9_easy", "test").take(range(3))
ABOUT = {
    "pad_id": 0, "ignore_label_id": 0, "blank_identifier_id": 0, "vocab_size": 11, "seq_len": 81,
    "num_puzzle_identifiers": 2, "sets": ["all"],
}  # fmt: skip


def arrays() -> dict[str, np.ndarray]:
    return {
        "inputs": SET.inputs_PL.astype(np.int64),
        "labels": SET.solutions_PL.astype(np.int64),
        "puzzle_identifiers": np.array([0, 1, 0], np.int32),
        "puzzle_indices": np.arange(4, dtype=np.int32),
        "group_indices": np.arange(4, dtype=np.int32),
    }


def write(folder: Path, about: Any = None, names: Any = None, **changed: Any) -> str:
    """A sound data set but for what is given."""
    (folder / "test").mkdir(parents=True, exist_ok=True)
    (folder / "test" / "dataset.json").write_text(json.dumps(ABOUT if about is None else about))
    named = ["<blank>", "other"] if names is None else names
    (folder / "identifiers.json").write_text(json.dumps(named))
    for name, array in (arrays() | changed).items():
        np.save(folder / "test" / f"all__{name}.npy", array, allow_pickle=True)
    return str(folder)


def put(name: str, place: tuple[int, ...], value: int) -> Callable[[], dict[str, np.ndarray]]:
    """One number of an array changed."""

    def changed() -> dict[str, np.ndarray]:
        array = arrays()[name]
        array[place] = value
        return {name: array}

    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("labels", (1, 5), 300), "all__labels.npy must be 0 to 10, got 300 in row 1, cell 5"),
        (put("labels", (2, 0), 11), "all__labels.npy must be 0 to 10, got 11 in row 2, cell 0"),
        (put("labels", (0, 0), 256 + 3), "all__labels.npy must be 0 to 10, got 259 in row 0"),
        (put("inputs", (2, 80), -3), "all__inputs.npy must be 0 to 10, got -3 in row 2, cell 80"),
        (put("puzzle_identifiers", (1,), -1), "identifiers.npy must be 0 to 1, got -1 in row 1"),
        (put("puzzle_identifiers", (1,), 2), "identifiers.npy must be 0 to 1, got 2 in row 1"),
        (put("puzzle_indices", (1,), 3), "puzzle_indices must rise from 0 to 3 in 3 steps"),
        (put("puzzle_indices", (0,), 1), "puzzle_indices must rise from 0"),
        (put("puzzle_indices", (3,), 2), "puzzle_indices must rise from 0 to 3"),
        (put("puzzle_indices", (1,), -1), "indices.npy must be 0 to 3, got -1 in row 1"),
        (put("group_indices", (1,), 3), "group_indices must rise from 0 to 3"),
        (put("labels", (1, 5), 2), "all__labels.npy: row 1 .* does not solve its question"),
        (put("labels", (1, 5), 1), "all__labels.npy: row 1 .* does not solve its question"),
    ],
)
def test_a_wrong_number_is_named(tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(PuzzleError, match=message) as error:
        source(write(tmp_path, **change()), "test")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["inputs", "labels", "puzzle_identifiers", "puzzle_indices"])
@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda a: a.astype(np.float32), "whole numbers, got dtype float32"),
        (lambda a: a.astype(bool), "whole numbers, got dtype bool"),
        (lambda a: a.astype(complex), "it holds complex128, not numbers"),
        (lambda a: a.astype("m8[s]"), "it holds timedelta64.*, not numbers"),
        (lambda a: a.astype("U4"), "it holds str128, not numbers"),
        (lambda a: a.astype(object), "cannot be read as an array"),
        (lambda a: a[None], "dimension"),
        (lambda a: a[..., 0], "dimension|whole|same shape"),
        (lambda a: a[:0], "same shape|must rise|holds no examples"),
        (lambda a: a[:-1], "same shape|must rise"),
    ],
)
def test_a_wrong_array_is_named(tmp_path: Path, name: str, made: Any, message: str) -> None:
    with pytest.raises(PuzzleError, match=message) as error:
        source(write(tmp_path, **{name: made(arrays()[name])}), "test")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"seq_len": 100}, "has 81 tokens a row, and dataset.json says seq_len 100"),
        ({"vocab_size": None}, "vocab_size must be a whole number"),
        ({"vocab_size": "11"}, "vocab_size must be a whole number"),
        ({"vocab_size": 11.5}, "vocab_size must be a whole number"),
        ({"vocab_size": 8}, "all__inputs.npy must be 0 to 7, got"),
        ({"vocab_size": 40}, "81 tokens with a vocabulary of 40"),
        ({"pad_id": -1}, "pad_id must be a whole number"),
        ({"pad_id": True}, "pad_id must be a whole number"),
        ({"ignore_label_id": "x"}, "ignore_label_id must be a whole number"),
        ({"num_puzzle_identifiers": 1}, "identifiers.npy must be 0 to 0, got 1 in row 1"),
    ],
)
def test_wrong_metadata_is_named(tmp_path: Path, about: dict[str, Any], message: str) -> None:
    with pytest.raises(PuzzleError, match=message):
        source(write(tmp_path, ABOUT | about), "test")


@pytest.mark.parametrize("missing", ["vocab_size", "pad_id", "ignore_label_id"])
def test_missing_metadata_is_named(tmp_path: Path, missing: str) -> None:
    about = {key: value for key, value in ABOUT.items() if key != missing}
    with pytest.raises(PuzzleError, match=f"dataset.json does not say {missing}"):
        source(write(tmp_path, about), "test")
    for other in ([], 3, "x"):
        with pytest.raises(PuzzleError, match="must hold an object"):
            source(write(tmp_path, other), "test")
    for names in ({}, [1, 2], 5):
        with pytest.raises(PuzzleError, match=r"identifiers\.json must hold a list of names"):
            source(write(tmp_path, names=names), "test")


def test_no_examples_and_splits_that_are_not_there(tmp_path: Path) -> None:
    none = {name: array[:0] for name, array in arrays().items()}
    none |= {"puzzle_indices": np.zeros(1, np.int32), "group_indices": np.zeros(1, np.int32)}
    folder = write(tmp_path, **none)
    with pytest.raises(PuzzleError, match="holds no examples"):
        source(folder, "test")
    assert splits(folder) == ("test",)
    with pytest.raises(PuzzleError, match=r"'fit' of .* cannot be read: it has test; choose"):
        source(folder, "fit")


@pytest.mark.parametrize(
    "made",
    [
        lambda a: np.asfortranarray(a),
        lambda a: a.astype(">i8"),
        lambda a: a.astype(np.uint64),
        lambda a: a.astype(np.uint8),
        lambda a: np.asfortranarray(a.astype(np.uint8)),
        lambda a: a.astype(">i2"),
    ],
)
def test_any_whole_numbers_in_any_order_of_bytes_are_read(tmp_path: Path, made: Any) -> None:
    changed = {name: made(array) for name, array in arrays().items()}
    found = source(write(tmp_path, **changed), "test")
    assert np.array_equal(found.inputs_PL, SET.inputs_PL) and found.inputs_PL.dtype == np.uint8
    assert np.array_equal(found.solutions_PL, SET.solutions_PL)
    assert found.ids_P.tolist() == [0, 1, 0] and found.ids_P.dtype == np.int64


def test_labels_that_are_ignored_may_be_any_number(tmp_path: Path) -> None:
    """-100 is what torch ignores; a row that has some can't be checked by the rules."""
    labels = arrays()["labels"]
    labels[0, :9] = -100
    found = source(write(tmp_path, ABOUT | {"ignore_label_id": -100}, labels=labels), "test")
    assert found.solutions_PL[0, :10].tolist() == [*[0] * 9, labels[0, 9]]


@given(
    name=st.sampled_from(["dataset.json", *(f"all__{name}.npy" for name in arrays())]),
    place=st.integers(0, 250),
    byte=st.integers(0, 255),
    keep=st.integers(0, 3000),
)
def test_any_damage_gives_a_set_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, name: str, place: int, byte: int, keep: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    if not folder.exists():
        write(folder)
    file = folder / "test" / name
    sound = file.read_bytes()
    data = bytearray(sound)
    data[min(place, len(data) - 1)] = byte
    file.write_bytes(data[: max(keep, place + 1)] if keep % 2 else data)
    try:
        assert len(source(str(folder), "test")) == 3
    except PuzzleError as error:
        assert "\n" not in str(error) and "damaged" in str(error)
    finally:
        file.write_bytes(sound)
