"""The arrays of a bank on disk: rows are appended, each array with a running SHA-256, and mapped.

The digest is that of the file's bytes up to the last row that is done, so that a bank which was broken
off and goes on ends with the same one as a bank that never stopped, and with that of `sha256sum`.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hrm_rl.banks.header import Header
from hrm_rl.checks.digests import DIFFERS
from hrm_rl.checks.files import read_array
from hrm_rl.checks.reading import Unfit, opened, told
from hrm_rl.models.tensorfile import writing
from hrm_rl.puzzles import PuzzleSet

_NPY_HEADER = 128  # bytes
_CHUNK = 2**20  # bytes that are read at once for a digest
_OF_PUZZLES = ("inputs", "solutions", "rating", "cluster", "source")
"""Arrays that are written whole before the first batch."""
Digests = dict[str, Any]
"""A running SHA-256 (of hashlib) for each array."""


def of_puzzles(puzzles: PuzzleSet, sources: Sequence[str], copies: int) -> dict[str, np.ndarray]:
    """The arrays `_OF_PUZZLES`, which are known before anything is logged."""
    number = {source: i for i, source in enumerate(sources)}
    return {
        "inputs": puzzles.inputs_PL,
        "solutions": puzzles.solutions_PL,
        "rating": puzzles.ratings_P,
        "cluster": np.arange(len(puzzles)) // copies,
        "source": np.array([number[source] for source in puzzles.sources]),
    }


def digests_there(folder: Path, header: Header) -> Digests:
    """Running digests of the arrays, up to the rows that are done.

    Raises:
        ValueError: what is there is not what was written.
    """
    cure, found = f"delete {folder} and log it again", {k: hashlib.sha256() for k in header.arrays}
    if not header.done:
        return found
    left = {
        key: _NPY_HEADER
        + header.row_size(key) * (header.count if key in _OF_PUZZLES else header.done)
        for key in found
    }
    for key, size in left.items():
        path = folder / f"{key}.npy"
        if not path.is_file() or path.stat().st_size < size:
            raise ValueError(f"{path} is damaged; {cure}")
    for key, digest in found.items():
        path = folder / f"{key}.npy"
        with told(path, cure, blame="is damaged"), opened(path) as file:
            while part := file.read(min(left[key], _CHUNK)):
                digest.update(part)
                left[key] -= len(part)
            if digest.hexdigest() != header.digests.get(key, digest.hexdigest()):
                raise Unfit(DIFFERS)
    return found


def append(folder: Path, header: Header, key: str, rows_P: np.ndarray, written: Digests) -> None:
    """Put rows in their place, after those that are done, and on the disk."""
    kind, shape = header.arrays[key]
    content = np.ascontiguousarray(rows_P, dtype=kind)
    assert content.shape[1:] == tuple(shape), (key, content.shape)
    path, start = folder / f"{key}.npy", header.done
    head = b"" if start else _npy_header(content.dtype, (header.count, *shape))
    with writing(path), path.open("r+b" if start else "wb") as file:
        file.seek(_NPY_HEADER + start * header.row_size(key) if start else 0)
        for part in (head, content.tobytes()):
            file.write(part)
            written[key].update(part)
        file.flush()
        os.fsync(file.fileno())


def _npy_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    about = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, about)
    assert file.tell() == _NPY_HEADER
    return file.getvalue()


def mapped(folder: Path, header: Header, key: str, verify: bool) -> Tensor:
    """An array of the bank, memory-mapped; changes to it stay in memory. Segments come first."""
    path, (kind, shape) = folder / f"{key}.npy", header.arrays[key]
    digest = header.digests.get(key, "") if verify else ""
    array = read_array(
        path, dtype=kind, shape=(header.count, *shape), mmap=True, sha256=digest,
        cure="log the bank again", blame="is damaged",
    )  # fmt: skip
    tensor = torch.from_numpy(array)
    return tensor.transpose(0, 1) if shape and key not in ("inputs", "solutions") else tensor
