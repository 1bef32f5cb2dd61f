"""Files that are written whole or not at all, and tensors that are read without unpickling."""

from __future__ import annotations

import errno
import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor

from hrm_rl.checks.digests import DIFFERS, SEAL, of_tensors, sealed
from hrm_rl.checks.files import parse_json
from hrm_rl.checks.reading import Unfit, opened, reason_of, shown, told

FORMAT: Final = {"format": "pt"}
"""Metadata of weights: Hugging Face's libraries refuse those that do not say whose tensors they are."""


class CheckpointError(ValueError):
    """A file of weights that cannot be read, used or written."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """A safetensors file, or a dictionary of tensors that `torch.save` wrote (any other suffix).

    Raises:
        CheckpointError: not such a file, or damaged.
    """
    with told(path, "get it again", CheckpointError):
        with opened(path):
            pass  # a folder is none, and opening a pipe would wait for a writer
        if path.suffix == ".safetensors":
            return _content(path)[0]
    return _unpickled(path)


def read_sealed(path: Path, *, verify: bool = True) -> tuple[dict[str, Tensor], dict[str, str]]:
    """A safetensors file and its metadata, which may hold their digest (`save_tensors`).

    Raises:
        OSError, ValueError: what is wrong, without the file's name: for use within `told`.
    """
    with opened(path):
        pass
    tensors, metadata = _content(path)
    digest = metadata.pop(SEAL, None)
    if verify and digest is not None and digest != _seal(tensors, metadata):
        raise Unfit(DIFFERS)
    return tensors, metadata


def _content(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, "pt") as file:
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, dict(file.metadata() or {})
    except OSError:
        raise
    except Exception as error:  # its own, and torch's for formats of numbers that it has not
        raise Unfit(f"it may be cut short: {reason_of(error)}") from error


def _unpickled(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, MemoryError) as error:
        raise CheckpointError(
            f"{shown(path)} cannot be read (it may be cut short: {reason_of(error)}); get it again"
        ) from error
    except Exception as error:  # pickle's own errors, which have no common base
        raise CheckpointError(
            f"{shown(path)} holds more than tensors, or no tensors at all, and is not unpickled, "
            "since that could run anything; save its state dict alone"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(
            f"{shown(path)} is not a plain dictionary of tensors; save the model's state dict alone"
        )
    return state


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Write a safetensors file, or with another suffix what `torch.load` reads; atomically.

    Raises:
        CheckpointError: see `write_atomically`.
    """
    own = {name: value.detach().contiguous().clone() for name, value in tensors.items()}
    if path.suffix == ".safetensors":
        said = FORMAT if metadata is None else {**metadata, SEAL: _seal(own, metadata)}
        content = _in_order(safetensors.torch.save(own, said))
    else:
        buffer = io.BytesIO()
        torch.save(own, buffer)
        content = buffer.getvalue()
    write_atomically(path, content)


def _seal(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    return str(sealed({**metadata, "": of_tensors(tensors)})[SEAL])


def _in_order(content: bytes) -> bytes:
    """The same file with its metadata sorted: safetensors shuffles them, another way each time."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = parse_json(content[8:end])
    if "__metadata__" in header:
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    assert len(text) <= end - 8, "only the order changes"
    return content[:8] + text.ljust(end - 8) + content[end:]


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a crash leaves the old one or the new one, never half of one.

    Raises:
        CheckpointError: the folder or the file cannot be written; the old file is untouched.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
    finally:
        with suppress(OSError):  # there is none after a success, or its folder is none
            partial.unlink()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What keeps a file from being written within, in one sentence with the cure.

    Raises:
        CheckpointError: instead of any OSError.
    """
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            f"{shown(path)} cannot be written ({reason_of(error)}); {cure_of(error)}"
        ) from error


def cure_of(error: OSError) -> str:
    """What helps, where something could not be written."""
    return _CURES.get(error.errno or 0, "choose another folder or make room")


_FULL = "free some space and run the same again"
_TOO_LARGE = (
    "raise the limit that this shell sets for files (`ulimit -f`), or choose a folder on a disk that "
    "takes larger ones, and run the same again"
)
_CLOSED = "choose another folder, or allow writing to this one"
_GONE = "its folder was taken away meanwhile; run the same again"
_CURES = {
    errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EFBIG: _TOO_LARGE,
    errno.EROFS: _CLOSED, errno.EACCES: _CLOSED, errno.EPERM: _CLOSED,
    errno.ENOENT: _GONE, errno.ESTALE: _GONE,
    errno.EIO: "the disk fails; choose a folder on another one",
    errno.EMFILE: "close some files, or raise the limit (`ulimit -n`)",
    errno.ENAMETOOLONG: "choose a shorter name",
}  # fmt: skip

_TEMPORARY = re.compile(r"\..+\.\w+\.\d+")


def sweep_temporary(folder: Path) -> list[Path]:
    """Remove what killed writers left in a folder, and say which files that were.

    For whoever alone writes there (a lock): what another process is writing has such a name too.
    """
    with suppress(OSError):  # no such folder
        left = [path for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name)]
        for path in left:
            with suppress(OSError):
                path.unlink()
        return left
    return []
