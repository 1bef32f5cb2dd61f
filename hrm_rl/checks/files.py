"""Files that somebody else wrote: read whole, bounded and checked, or refused in one sentence.

A JSON reader and a .npy reader for all of the library. Nothing is unpickled, nothing hangs on a pipe,
and no number in a header makes room before the file is known to fill it. Where it matters whose
mistake it is, the caller says so: `blame` comes behind the file's name, `cure` after the semicolon.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import warnings
from collections.abc import Sequence
from io import BufferedReader
from typing import Any, Final, Literal, cast

import numpy as np
from numpy.typing import DTypeLike

from hrm_rl.checks.reading import Unfit, opened, told

LIMIT: Final = 2**28
"""Bytes of JSON that are read: ten times the largest that is known of, ARC's identifiers."""
DEPTH: Final = 100
"""Lists within lists in JSON. Python's own limit depends on who calls."""
_DIGITS = 40  # of a whole number in JSON: no seed and no size has more
_HEADER = 2**14  # bytes of a .npy file in which its header must end
_NUMBERS = "biuf"  # kinds of numpy formats; objects would have to be unpickled
_WORDS = {np.integer: "whole numbers", np.floating: "floats", np.number: "numbers"}


# --- JSON -----------------------------------------------------------------------------------------


def read_json(
    path: str | os.PathLike[str],
    *,
    kind: type | None = dict,
    cure: str = "get it again",
    error: type[ValueError] = ValueError,
    blame: str = "cannot be read",
    limit: int = LIMIT,
) -> Any:
    """What a JSON file holds, with a byte order mark or without.

    Args:
        kind: what it must be at the top: dict, list, or None for anything.
        limit: the bytes that it may have.

    Raises:
        ValueError: `error`, in one sentence: no such file, not JSON as `parse_json` has it, or of
            another kind.
    """
    with told(path, cure, error, blame):
        with opened(path) as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise Unfit(f"it has more than the {limit:,} bytes that are read")
        return parse_json(content, kind)


def parse_json(content: bytes | str, kind: type | None = dict) -> Any:
    """JSON as the standard has it: no NaN, no key twice, numbers that fit, no endless nesting.

    Raises:
        Unfit: it is none, without naming where it is from; within `told` it is a sentence.
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        value = json.loads(
            text, object_pairs_hook=_once, parse_constant=_no, parse_int=_int, parse_float=_float
        )
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as why:
        raise Unfit(f"no JSON: {why.msg} at line {why.lineno}, column {why.colno}") from why
    except UnicodeError as why:
        raise Unfit("no UTF-8 text") from why
    except RecursionError as why:
        raise Unfit(f"its lists are nested more than {DEPTH} deep") from why
    if kind is not None and type(value) is not kind:
        raise Unfit(f"it must hold {_NAMES[kind]}, got {_NAMES[type(value)]}")
    _refuse_depth(value)
    return value


_NAMES: dict[type, str] = {
    dict: "a dictionary", list: "a list", str: "text", int: "a number", float: "a number",
    bool: "true or false", type(None): "null",
}  # fmt: skip


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unfit(f"{ascii(twice)[:80]} is there twice")
    return found


def _no(constant: str) -> Any:
    raise Unfit(f"{constant} is no number")


def _int(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise Unfit(f"a whole number of {len(digits)} digits")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Unfit(f"{digits[:20]} is too large a number")
    return number


def _refuse_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH):
        level = [
            part
            for whole in level
            if isinstance(whole, (list, dict))
            for part in (whole.values() if isinstance(whole, dict) else whole)
            if isinstance(part, (list, dict))
        ]
        if not level:
            return
    raise Unfit(f"its lists are nested more than {DEPTH} deep")


# --- arrays ---------------------------------------------------------------------------------------


def read_array(
    path: str | os.PathLike[str],
    *,
    dtype: DTypeLike | type[np.generic] | None = None,
    shape: Sequence[int | None] | None = None,
    mmap: bool = False,
    sha256: str = "",
    cure: str = "get it again",
    error: type[ValueError] = ValueError,
    blame: str = "cannot be read",
) -> np.ndarray:
    """An array of a .npy file, in C order and in this machine's byte order; it may be written to.

    Args:
        dtype: what it must hold: a number format, or a family of them as `np.integer`.
        shape: with None for an axis of any length; or None for any shape.
        mmap: leave the numbers on the disk until they are used; changes stay in memory. Not
            possible, and not done, in another order than this machine's.
        sha256: of the whole file, which is read once for it.

    Raises:
        ValueError: `error`, in one sentence: no such file or none of this format, other numbers or
            another shape than asked for, shorter or longer than it says, or damaged.
    """
    with told(path, cure, error, blame), opened(path) as file:
        found, fortran, start, there = _array_header(file)
        _refuse_other(found, there, dtype, shape)
        size, end = os.fstat(file.fileno()).st_size, start + math.prod(there) * found.itemsize
        if size != end:
            few = "is cut short" if size < end else "goes on behind its end"
            raise Unfit(f"it {few}: {size:,} bytes, not {end:,}")
        if sha256 and hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise Unfit("its bytes are not those that were written: the SHA-256 differs")
        order: Literal["C", "F"] = "F" if fortran else "C"
        if mmap and size > start:
            array: np.ndarray = np.memmap(cast(Any, file), found, "c", start, there, order)
        else:
            file.seek(start)
            raw = np.empty(end - start, np.uint8)
            file.readinto(raw.data)
            array = raw.view(found).reshape(there, order=order)
        if found.kind == "b" and array.view(np.uint8).max(initial=0) > 1:
            raise Unfit("it holds bytes that are neither true nor false")
        return array.astype(found.newbyteorder("="), order="C", copy=False)


def _array_header(file: BufferedReader) -> tuple[np.dtype[Any], bool, int, tuple[int, ...]]:
    """Number format, whether in Fortran order, where the numbers begin, and the shape."""
    head = io.BytesIO(file.read(_HEADER))
    try:
        version = np.lib.format.read_magic(head)
        known = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # written by Python 2: read all the same
            shape, fortran, dtype = known[version](head)
    except Exception as why:  # numpy evaluates the header, so that any text raises anything
        raise Unfit("no .npy file: its header cannot be read") from why
    file.seek(0)
    if dtype.kind not in _NUMBERS:
        raise Unfit(f"it holds {dtype.name[:40]}, not numbers, and nothing is unpickled")
    if len(shape) > 32 or any(n < 0 for n in shape):
        raise Unfit(f"its header says a shape of {len(shape)} axes that no array has")
    return dtype, fortran, head.tell(), tuple(int(n) for n in shape)


def _refuse_other(
    found: np.dtype[Any],
    there: tuple[int, ...],
    dtype: DTypeLike | type[np.generic] | None,
    shape: Sequence[int | None] | None,
) -> None:
    if dtype is not None and not np.issubdtype(found, dtype):
        wanted = next((words for kind, words in _WORDS.items() if kind is dtype), "")
        raise Unfit(f"it holds {found.name}, must hold {wanted or np.dtype(dtype).name}")
    if shape is not None and (
        len(shape) != len(there)
        or any(n is not None and n != m for n, m in zip(shape, there, strict=True))
    ):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise Unfit(f"it has the shape {str(there)[:80]}, must have ({wanted})")
