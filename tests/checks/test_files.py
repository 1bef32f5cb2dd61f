"""The two readers: what is right is read as it is, anything else is one sentence with the name."""

import io
import json
import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hrm_rl
from hrm_rl.checks.files import DEPTH, read_array, read_json

IN_ONE_FOLDER = settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def put(folder: Path, content: bytes | str, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(read: Any, path: Path, **asked: Any) -> str:
    """The one sentence; it names the file and ends in the cure."""
    with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
        read(path, cure="write it anew", **asked)
    assert type(caught.value) is ValueError
    message = str(caught.value)
    assert (
        "\n" not in message
        and message.endswith("; write it anew")
        and len(message) < len(str(path)) + 300
    )
    return message


# --- JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_json_is_read_with_a_byte_order_mark_or_without(tmp_path: Path, mark: str) -> None:
    content = {"a": [1, -2.5, True, None, "\u00e4"], "b": {}}
    assert read_json(put(tmp_path, mark + json.dumps(content, ensure_ascii=False))) == content
    assert read_json(put(tmp_path, "[1]"), kind=list) == [1]
    assert read_json(put(tmp_path, "1"), kind=None) == 1


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "no JSON: Expecting value at line 1, column 1"),
        ('{"a": 1', "no JSON: Expecting ',' delimiter at line 1, column 8"),
        ('{"a": 1} {}', "no JSON: Extra data"),
        ("[1]", "must hold a dictionary, got a list"),
        ("null", "must hold a dictionary, got null"),
        ('{"a": 1, "a": 2}', "'a' is there twice"),
        ('{"x": {"a": 1, "a": 1}}', "'a' is there twice"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": -Infinity}', "-Infinity is no number"),
        ('{"a": 1e999}', "1e999 is too large a number"),
        ('{"a": ' + "9" * 41 + "}", "a whole number of 41 digits"),
        ('{"a": ' + "9" * 9999 + "}", "a whole number of 9999 digits"),
        ('{"a": ' + "[" * 99999 + "}", f"nested more than {DEPTH} deep"),
        ('{"a": ' + "[" * DEPTH + "]" * DEPTH + "}", f"nested more than {DEPTH} deep"),
        ('{"a":' * DEPTH + "{}" + "}" * DEPTH, f"nested more than {DEPTH} deep"),
        (b'{"a": "\xff"}', "no UTF-8 text"),
        ('{"a": 1}'.encode("utf-16"), "no UTF-8 text"),
        (r'{"a": "\ud800"}', "no UTF-8 text"),
        (b"\x00" * 9, "no JSON"),
    ],
)
def test_what_is_no_json_is_said(tmp_path: Path, content: bytes | str, what: str) -> None:
    assert what in refusal(read_json, put(tmp_path, content))


def test_json_may_be_as_deep_and_as_long_as_is_said(tmp_path: Path) -> None:
    deep = "[" * DEPTH + "]" * DEPTH
    assert read_json(put(tmp_path, deep), kind=list) is not None
    assert read_json(put(tmp_path, "[123]"), kind=list, limit=5) == [123]
    assert "more than the 4 bytes" in refusal(read_json, put(tmp_path, "[123]"), limit=4)


@IN_ONE_FOLDER
@given(content=st.one_of(st.binary(), st.text(), st.text('[]{}":,0123456789eE.-+ \\u\n')))
def test_any_bytes_are_json_or_one_sentence(tmp_path: Path, content: bytes | str) -> None:
    path = put(
        tmp_path, content.encode("utf-8", "replace") if isinstance(content, str) else content
    )
    try:
        read_json(path, kind=None, cure="write it anew")
    except ValueError:
        refusal(read_json, path, kind=None)


# --- what is no file ------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [read_json, read_array])
def test_what_is_no_file_is_said_and_nothing_waits_for_a_pipe(tmp_path: Path, read: Any) -> None:
    assert "No such file" in refusal(read, tmp_path / "none")
    assert "is a folder" in refusal(read, tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in refusal(read, tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refusal(read, tmp_path / "loop")
    refusal(read, tmp_path / ("n" * 5000))
    with pytest.raises(ValueError, match=r"a\\nb\\x00' cannot be read .*; get it again"):
        read("a\nb\x00")


# --- arrays ---------------------------------------------------------------------------------------


def as_npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["|u1", "<i4", ">i4", "<f2", ">f8", "|b1"])
@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (2, 3, 4)])
def test_an_array_is_read_as_it_was_saved(
    tmp_path: Path, dtype: str, shape: tuple[int, ...], order: Any, mmap: bool
) -> None:
    array = np.arange(math.prod(shape)).reshape(shape).astype(dtype, order=order)
    path = put(tmp_path, as_npy(array))
    found = read_array(path, dtype=np.dtype(dtype).newbyteorder("="), shape=shape, mmap=mmap)
    assert np.array_equal(found, array) and found.shape == shape
    assert found.dtype == array.dtype.newbyteorder("=") and found.dtype.isnative
    assert found.flags.c_contiguous and found.flags.writeable
    found[...] = 1
    assert path.read_bytes() == as_npy(array)


def header(text: str, version: int = 1, length: int | None = None) -> bytes:
    size = len(text) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + size.to_bytes(2 * version, "little") + text.encode()


GOOD = as_npy(np.arange(6, dtype=np.int32).reshape(2, 3))
LIE = "{'descr': '<i4', 'fortran_order': False, 'shape': (%s,)}\n"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "no .npy file"),
        (GOOD[:50], "no .npy file"),
        (b"PK\x03\x04" + GOOD, "no .npy file"),
        (GOOD[:-1], "is cut short: 151 bytes, not 152"),
        (GOOD + b"\0", "goes on behind its end: 153 bytes, not 152"),
        (header(LIE % 10**15), "is cut short"),
        (header(LIE % 10**40), "is cut short"),
        (header(LIE % -1), "no array has"),
        (header(LIE % "1,1,1,1,1" * 1 + ""), "is cut short"),
        (header(LIE % ",".join("1" * 99)), "no array has"),
        (header(LIE % 1, version=2, length=2**32 - 1), "no .npy file"),
        (header("("), "no .npy file"),
        (header("(" * 9000), "no .npy file"),
        (header("[]" * 30000), "no .npy file"),
        (header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"), "nothing is unpickled"),
        (as_npy(np.array([1j])), "complex128, not numbers"),
        (as_npy(np.array(["a"])), "not numbers"),
        (as_npy(np.zeros(2, "M8[s]")), "not numbers"),
        (as_npy(np.zeros(2, "i4,f4")), "not numbers"),
    ],
)
@pytest.mark.parametrize("mmap", [False, True])
def test_what_is_no_array_is_said(tmp_path: Path, content: bytes, what: str, mmap: bool) -> None:
    assert what in refusal(read_array, put(tmp_path, content), mmap=mmap)


def test_pickled_objects_are_not_run(tmp_path: Path) -> None:
    path = tmp_path / "objects.npy"
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    assert "nothing is unpickled" in refusal(read_array, path)


def test_an_array_is_what_was_asked_for(tmp_path: Path) -> None:
    path = put(tmp_path, GOOD)
    for dtype in (np.int32, np.integer, np.number, None, ">i4"):
        read_array(path, dtype=dtype, shape=(None, 3))
    assert "holds int32, must hold uint8" in refusal(read_array, path, dtype="u1")
    assert "holds int32, must hold floats" in refusal(read_array, path, dtype=np.floating)
    for shape in ((3, 2), (6,), (2, 3, 1), ()):
        assert "has the shape (2, 3), must have (" in refusal(read_array, path, shape=shape)
    assert "must have (any, 4)" in refusal(read_array, path, shape=(None, 4))
    bent = put(tmp_path, as_npy(np.array([True]))[:-1] + b"\2")
    assert "neither true nor false" in refusal(read_array, bent)


@IN_ONE_FOLDER
@given(
    content=st.one_of(
        st.binary(),
        st.tuples(st.text(), st.binary()).map(lambda parts: header(parts[0]) + parts[1]),
        st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(1, 255)), max_size=4).map(
            lambda bent: bytes(b ^ dict(bent).get(i, 0) for i, b in enumerate(GOOD))
        ),
    ),
    mmap=st.booleans(),
)
def test_any_bytes_are_an_array_or_one_sentence(tmp_path: Path, content: bytes, mmap: bool) -> None:
    path = put(tmp_path, content)
    try:
        assert read_array(path, mmap=mmap, cure="write it anew").nbytes <= len(content)
    except ValueError:
        refusal(read_array, path, mmap=mmap)


def test_nobody_else_reads_json_or_arrays() -> None:
    sources = Path(hrm_rl.__file__).parent.rglob("*.py")
    calls = ("json.load", "np.load", "np.fromfile", "np.memmap", "pickle.load")
    assert [p.name for p in sources if any(c in p.read_text("utf-8") for c in calls)] == [
        "files.py"
    ]
