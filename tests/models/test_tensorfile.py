"""Files of tensors: any bytes are tensors or one sentence; what cannot be written says what to do."""

import errno
import os
import pickle
import re
import resource
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from hrm_rl.models.tensorfile import (
    CheckpointError,
    read_sealed,
    read_tensors,
    save_tensors,
    sweep_temporary,
    write_atomically,
)

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(True), "c": torch.zeros(0, 2)}
GOOD = save(TENSORS, {"step": "3"})
SUFFIXES = (".safetensors", ".pt")


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError, match=re.escape(str(path))) as caught:
        read_tensors(path)
    assert "\n" not in str(caught.value) and "; " in str(caught.value)
    return str(caught.value)


# --- reading --------------------------------------------------------------------------------------


def test_what_is_sealed_comes_back_and_what_was_changed_does_not(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_tensors(path, TENSORS, {"step": "3"})
    tensors, metadata = read_sealed(path)
    assert metadata == {"step": "3"} and tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[key], value) for key, value in TENSORS.items())
    for old, new in ((b'"step":"3"', b'"step":"7"'), (b'"a"', b'"d"'), (b"\x80?", b"\x81?")):
        whole = path.read_bytes()
        assert whole.count(old) == 1
        path.write_bytes(whole.replace(old, new))
        with pytest.raises(ValueError, match="the SHA-256 differs"):
            read_sealed(path)
        read_sealed(path, verify=False)
        path.write_bytes(whole)


def test_the_same_tensors_are_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    """safetensors itself writes metadata in an order of its own each time."""
    path = tmp_path / "here.safetensors"
    metadata = {name: name for name in "zyxwvutsrqponmlkjihgfedcba"}
    save_tensors(path, TENSORS, metadata)
    for _ in range(3):
        save_tensors(tmp_path / "again.safetensors", TENSORS, metadata)
        assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()
    assert read_sealed(path)[1] == metadata


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_no_file_of_tensors_is_said(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    assert "No such file" in refusal(path)
    path.mkdir()
    assert "it is a folder" in refusal(path)
    path.rmdir()
    os.mkfifo(path)
    assert "no regular file" in refusal(path)
    path.unlink()
    for content in (b"", b"\0" * 99, b"{}", b"PK\3\4", GOOD[:-1], GOOD[:9], GOOD + b"\0"):
        path.write_bytes(content)
        refusal(path)


@pytest.mark.parametrize(
    "header",
    [
        b"", b"{", b"[]", b'{"a": 1}', b"[" * 5000,
        b'{"a":{"dtype":"F32","shape":[1000000000,1000000000],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,400]}}',
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}',
        b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"X9","shape":[1],"data_offsets":[0,4]}}',
        b'{"__metadata__":{"a":1},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    ],
)  # fmt: skip
def test_a_header_that_lies_is_said(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "weights.safetensors"
    for size in (len(header), 2**63, 2**27):
        path.write_bytes(size.to_bytes(8, "little") + header + bytes(4))
        refusal(path)


def test_what_would_run_is_not_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(pickle.dumps({"a": os.getcwd}))
    assert "is not unpickled" in refusal(path)


BENT = st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(1, 255)), max_size=4)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary()
    | st.binary().map(lambda text: len(text).to_bytes(8, "little") + text)
    | BENT.map(lambda bent: bytes(b ^ dict(bent).get(i, 0) for i, b in enumerate(GOOD))),
    suffix=st.sampled_from(SUFFIXES),
)
def test_any_bytes_are_tensors_or_one_sentence(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    try:
        read_tensors(path)
    except CheckpointError as error:
        assert "\n" not in str(error) and str(path) in str(error)


# --- writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["open", "fsync", "replace", "mkdir"])
@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.EFBIG, "`ulimit -f`"),
        (errno.EROFS, "choose another folder, or allow writing"),
        (errno.EACCES, "choose another folder, or allow writing"),
        (errno.ENOENT, "its folder was taken away"),
        (errno.EIO, "the disk fails"),
        (errno.ENOTDIR, "choose another folder or make room"),
    ],
)
def test_what_cannot_be_written_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, cure: str
) -> None:
    """A disk that fails at any of the calls; the old file stays, and nothing else."""
    path = tmp_path / "scores.json"
    path.write_bytes(b"old")

    def fails(*arguments: Any, **settings: Any) -> Any:
        raise OSError(number, os.strerror(number), str(path))

    owner = Path if call in ("open", "mkdir") else os
    with monkeypatch.context() as patch:
        patch.setattr(owner, call, fails)
        with pytest.raises(CheckpointError, match=re.escape(cure)) as caught:
            write_atomically(path, b"new")
    assert str(caught.value).startswith(f"{path} cannot be written ({os.strerror(number)}); ")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_file_is_on_the_disk_before_it_takes_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "scores.json"
    path.write_bytes(b"old")
    seen = []

    def note(file: int) -> None:
        seen.append((os.fstat(file).st_size, path.read_bytes()))

    monkeypatch.setattr(os, "fsync", note)
    write_atomically(path, b"newer")
    assert seen == [(5, b"old")] and path.read_bytes() == b"newer"


def test_a_disk_that_is_full_in_earnest(tmp_path: Path) -> None:
    """This process's limit of a file's size stands for it: a write that gets through in part."""
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(CheckpointError) as caught:
            write_atomically(path, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    said = str(caught.value)
    assert said.startswith(f"{path} cannot be written (File too large); raise the limit")
    assert "`ulimit -f`" in said and "free some space" not in said
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_what_killed_writers_left_is_swept(tmp_path: Path) -> None:
    for name in (".weights.safetensors.71", ".state.safetensors.1", ".scores.json.99", ".x.md.3"):
        (tmp_path / name).touch()
    kept = {"weights.safetensors", ".gitignore", ".lock", ".cache.7", "notes.json.1", ".a.json"}
    for name in kept:
        (tmp_path / name).touch()
    assert len(sweep_temporary(tmp_path)) == 4
    assert {path.name for path in tmp_path.iterdir()} == kept
    assert sweep_temporary(tmp_path) == sweep_temporary(tmp_path / "none") == []
