"""Banks that are damaged are refused, also before they go on; `bank.json` by its entries."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import outcomes
from hypothesis import given
from hypothesis import strategies as st
from scripted import PUZZLES, tiny_hrm

from hrm_rl.banks.bank import Bank
from hrm_rl.banks.files import log_to, read_bank, read_header
from hrm_rl.banks.header import SHIPPED
from hrm_rl.checks.digests import sealed
from hrm_rl.models.checkpoint import CheckpointError

MODEL = tiny_hrm()


def log(folder: Path) -> Path:
    log_to(folder, MODEL, PUZZLES, 3, batch_size=3, tier="head")
    return folder


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return log(tmp_path_factory.mktemp("damage") / "bank")


@pytest.fixture
def folder(shared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shared, tmp_path / "bank"))


def bits(bank: Bank) -> list[Any]:
    tensors = [*bank.columns.values(), bank.correct_MP, bank.cells_MP, bank.predictions_MPT]
    tensors += [bank.rating_P, bank.cluster_P, bank.solutions_PT]
    assert bank.puzzles is not None
    sources = (
        bank.puzzles.task,
        bank.puzzles.sources,
        bank.config,
        bank.puzzles.inputs_PL.tolist(),
    )
    return [*sources, *(tensor.numpy().tobytes() for tensor in tensors)]


def refusal(folder: Path, **settings: Any) -> str:
    with pytest.raises(ValueError, match=r"(is damaged|is no bank|has format).*; ") as caught:
        read_bank(folder, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- turned bits ----------------------------------------------------------------------------------


def test_a_turned_bit_is_noticed_or_harmless(folder: Path) -> None:
    expected, header = bits(read_bank(folder)), read_header(folder)

    def same(bank: Bank) -> bool:
        return bits(bank) == expected and read_header(folder) == header

    arrays, text = sorted(folder.glob("*.npy")), [folder / "bank.json"]
    for files in (arrays, text):
        found = outcomes(files, 80, 0, lambda: read_bank(folder), same)
        assert found.keys() <= {"noticed", "harmless"} and found["noticed"] > 60, found


def test_verify_can_be_left_out(folder: Path) -> None:
    rows = bytearray((folder / "cells.npy").read_bytes())
    rows[-1] ^= 1
    (folder / "cells.npy").write_bytes(rows)
    assert "cells.npy is damaged (its bytes are not those" in refusal(folder)
    assert len(read_bank(folder, verify=False)) == 8


def test_nothing_is_added_to_a_damaged_bank(folder: Path) -> None:
    """One that was broken off after the first batch; nor is a complete one called complete."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        shutil.rmtree(folder)
        patch.setattr("hrm_rl.banks.files.logged", broken_off())
        log(folder)
    assert read_header(folder).done == 3
    whole = (folder / "cells.npy").read_bytes()
    (folder / "cells.npy").write_bytes(whole[:130] + b"\1" + whole[131:])
    with pytest.raises(ValueError, match=r"cells\.npy is damaged .*; delete .* and log it again"):
        log(folder)
    (folder / "cells.npy").write_bytes(whole)
    log(folder)
    digest = hashlib.sha256((folder / "cells.npy").read_bytes()).hexdigest()
    assert read_header(folder).digests["cells"] == digest
    (folder / "cells.npy").write_bytes(whole[:130] + b"\1" + whole[131:])
    with pytest.raises(ValueError, match=r"cells\.npy is damaged"):
        log(folder)


def broken_off() -> Any:
    from hrm_rl.banks.bank import logged

    def one(*arguments: Any, **settings: Any) -> Any:
        yield next(iter(logged(*arguments, **settings)))
        raise KeyboardInterrupt

    return one


def test_a_bank_without_digests_is_read_as_ever(folder: Path) -> None:
    """As one of version 0.1, of whose bytes nothing is known; the hash of its puzzles is."""
    text = json.loads((folder / "bank.json").read_text())
    del text["digests"], text["sha256"]
    (folder / "bank.json").write_text(json.dumps(text))
    assert len(read_bank(folder)) == len(read_bank(folder, MODEL)) == 8
    log(folder)
    tokens = np.load(folder / "inputs.npy")
    tokens[0, 0] ^= 1
    np.save(folder / "inputs.npy", tokens)
    assert "puzzles are not those that were logged" in refusal(folder)


@pytest.mark.parametrize("name", ["sudoku9-fit", "sudoku9-test"])
def test_shipped_banks_have_digests_as_sha256sum_counts_them(name: str) -> None:
    header = read_header(SHIPPED / name)
    assert header.digests == {
        key: hashlib.sha256((SHIPPED / name / f"{key}.npy").read_bytes()).hexdigest()
        for key in header.arrays
    }


# --- entries --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"count": -1}, '"count" must be a whole number in 1..'),
        ({"count": 0}, '"count" must be a whole number in 1..'),
        ({"count": 10**18}, '"count" must be a whole number in 1..'),
        ({"count": 10**9, "done": 10**9}, "has the shape"),
        ({"count": 8.0}, '"count" must be a whole number'),
        ({"count": "8"}, '"count" must be a whole number'),
        ({"count": True}, '"count" must be a whole number'),
        ({"count": None}, '"count" must be a whole number'),
        ({"max_segments": 0}, '"max_segments" must be a whole number'),
        ({"max_segments": 2}, "where ('bool', [2]) belongs"),
        ({"batch_size": 0}, '"batch_size" must be'),
        ({"done": 9}, '"done" must be a whole number in 0..8'),
        ({"done": -1}, '"done" must be a whole number'),
        ({"mismatch_rate": 2}, '"mismatch_rate" must be a finite number in 0..1'),
        ({"tier": "huge"}, '"tier" must be one of lite, head'),
        ({"tier": ["lite"]}, '"tier" must be one of lite, head'),
        ({"tier": "full"}, "belongs"),
        ({"states": "int8"}, '"states" must be one of float32'),
        ({"task": "chess8"}, "a task is named by"),
        ({"task": "../x"}, "a task is named by"),
        ({"task": "sudoku9"}, "belongs"),
        ({"weights": 5}, '"weights" must be a SHA-256'),
        ({"tokens": "0" * 63}, '"tokens" must be a SHA-256'),
        ({"tokens": "0" * 64}, "puzzles are not those that were logged"),
        ({"sources": "mine"}, '"sources" must be a list'),
        ({"sources": [1]}, '"sources"[0] must be a text'),
        ({"sources": []}, "source.npy counts through 0 names"),
        ({"name": "x\ny"}, 'an entry "name" too many'),
        ({"device": "a\nb"}, '"device" must be a text of one line'),
        ({"split": 1}, '"split" must be a text'),
        ({"arrays": []}, '"arrays" must be a dictionary'),
        ({"arrays": {"../../x": ["uint8", [1]]}}, "belongs"),
        ({"arrays": {"cells": ["float32"]}}, "a number format and a shape, got 1"),
        ({"arrays": {"cells": ["float32", [-1]]}}, "must be a whole number"),
        ({"model": 3}, '"model" must be a dictionary'),
        ({"model": {}}, "a config of hrm lacks vocab"),
        ({"model": {"kind": ["hrm"]}}, "the architecture must be one of"),
        ({"model": {"kind": "cnn"}}, "the architecture must be one of"),
        ({"digests": {"../x": "0" * 64}}, "none of the arrays"),
        ({"digests": {"cells": "0"}}, "must be a SHA-256"),
        ({"device": "tpu"}, 'delete the entry "sha256"'),
        ({"format": [2]}, "this version reads 1"),
    ],
)
def test_an_entry_that_cannot_be_is_named(folder: Path, change: dict[str, Any], what: str) -> None:
    path = folder / "bank.json"
    text = json.loads(path.read_text()) | change
    path.write_text(json.dumps(text if change == {"device": "tpu"} else sealed(text)))
    assert what in refusal(folder)


@pytest.mark.parametrize("key", ["count", "arrays", "tokens", "model", "task"])
def test_an_entry_that_is_missing_is_named(folder: Path, key: str) -> None:
    text = json.loads((folder / "bank.json").read_text())
    del text[key]
    (folder / "bank.json").write_text(json.dumps(text))
    assert f'no entry "{key}"' in refusal(folder)


@given(
    key=st.sampled_from(sorted(json.loads((SHIPPED / "sudoku9-fit" / "bank.json").read_text()))),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
        max_leaves=6,
    ),
)
def test_any_value_of_an_entry_is_read_or_one_sentence(
    shared: Path, tmp_path_factory: pytest.TempPathFactory, key: str, value: Any
) -> None:
    folder = tmp_path_factory.mktemp("entries")
    text = json.loads((shared / "bank.json").read_text())
    (folder / "bank.json").write_text(json.dumps(text | {key: value}))
    try:
        read_header(folder, verify=False)
    except ValueError as error:
        assert "\n" not in str(error) and str(folder / "bank.json") in str(error)


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["inputs", "source", "correct", "columns.z_H"])
def test_an_array_that_is_none_is_named(folder: Path, key: str) -> None:
    path = folder / f"{key}.npy"
    whole = path.read_bytes()
    for content in (b"", whole[:100], whole[:-1], whole + b"\0", whole[::-1]):
        path.write_bytes(content)
        assert f"{key}.npy is damaged" in refusal(folder)
    np.save(path, np.array([{}], object), allow_pickle=True)
    assert "nothing is unpickled" in refusal(folder)
    path.unlink()
    assert "No such file" in refusal(folder)
    path.mkdir()
    assert "it is a folder" in refusal(folder)
    path.rmdir()
    os.mkfifo(path)
    assert "no regular file" in refusal(folder)


def test_what_cannot_be_written_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match=r"file cannot be written \(Not a directory\)"):
        log(tmp_path / "file")
    log(tmp_path / "bank")
    (tmp_path / "bank" / ".bank.json.99").touch()
    log(tmp_path / "bank")
    assert not (tmp_path / "bank" / ".bank.json.99").exists()
    with pytest.raises(ValueError, match="there is no bank"):
        read_bank("n" * 5000)


def test_puzzles_may_be_called_anything(tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    log_to(folder, MODEL, PUZZLES, 2, name="my\npuzzles \udcff", split="\u00e4" * 2000)
    assert read_header(folder).puzzles == "my\npuzzles ?" and len(read_bank(folder)) == 8
