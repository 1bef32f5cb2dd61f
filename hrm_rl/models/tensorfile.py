"""Files that are written whole or not at all, and tensors that are read without unpickling."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor


class CheckpointError(ValueError):
    """A file of weights that cannot be read, used or written."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """A safetensors file, or a dictionary of tensors that `torch.save` wrote (any other suffix).

    Raises:
        CheckpointError: not such a file, or damaged.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} cannot be read, it may be cut short ({_first_line(error)}); get it again"
        ) from error
    except Exception as error:  # pickle's own errors, which have no common base
        raise CheckpointError(
            f"{path} holds more than tensors, or no tensors at all, and is not unpickled, since "
            "that could run anything; save its state dict alone"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(
            f"{path} is not a plain dictionary of tensors; save the model's state dict alone"
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
        content = safetensors.torch.save(own, metadata)
    else:
        buffer = io.BytesIO()
        torch.save(own, buffer)
        content = buffer.getvalue()
    write_atomically(path, content)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a crash leaves the old one or the new one, never half of one.

    Raises:
        CheckpointError: the folder or the file cannot be written; the old file is untouched.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written ({_first_line(error)}); choose another folder or make room"
        ) from error
    finally:
        with suppress(OSError):  # there is none after a success, or its folder is none
            partial.unlink()


def _first_line(error: Exception) -> str:
    """What an error says, on one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
