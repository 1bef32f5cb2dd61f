"""Banks on disk: a folder that is written batch by batch, and read without loading it.

`bank.json` says what was logged and how far it came. Beside it lies one `.npy` file per array, the
puzzle as first axis and the segment as second: a batch is appended to each, and all segments of a
puzzle lie together. A batch counts as done once its rows are on the disk, so a process that is
killed at any moment goes on where it was, and ends with the same bytes as one that never stopped.

Shapes: M segments, P puzzles, B puzzles of a batch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hrm_rl import __version__, features
from hrm_rl.banks.bank import Bank, checked, logged
from hrm_rl.banks.header import (
    NAME,
    TIERS,
    Header,
    arrays_of,
    check_fit,
    find_bank,
    read_header,
    tokens_hash,
    weights_hash,
    write_header,
)
from hrm_rl.banks.parts import check_log
from hrm_rl.checks.lock import solely
from hrm_rl.models import Model, config_from, config_to
from hrm_rl.puzzles import PuzzleSet

__all__ = ["TIERS", "Header", "find_bank", "log_to", "read_bank", "read_header", "weights_hash"]

_SAMPLE = 64  # puzzles that are logged again one by one
_NPY_HEADER = 128  # bytes


# --- writing --------------------------------------------------------------------------------------


@solely("logged", "--out")
def log_to(
    folder: str | Path,
    model: Model,
    puzzles: PuzzleSet,
    max_segments: int,
    *,
    tier: str = "lite",
    states: str = "float32",
    batch_size: int = 256,
    name: str = "",
    split: str = "",
    progress: bool = False,
) -> Header:
    """Log a bank into a folder; one that was broken off there goes on, a complete one is left alone.

    Args:
        tier: which observation sets to keep, one of `TIERS`.
        states: "float16" halves the states of the higher tiers; scalars are float32 always.
        name, split: what the header calls the puzzles.

    Raises:
        ValueError: the folder holds something else, or an argument is wrong.
    """
    max_segments, batch_size = check_log(puzzles, max_segments, (), batch_size)
    folder = Path(folder)
    if tier not in TIERS or states not in ("float32", "float16"):
        raise ValueError(
            f"tier must be one of {', '.join(TIERS)} and states float32 or float16, "
            f'got "{tier}" and "{states}"'
        )
    wanted = Header(
        weights=weights_hash(model),
        model=config_to(model.config),
        task=puzzles.task,
        puzzles=name,
        split=split,
        tokens=tokens_hash(puzzles),
        sources=sorted(set(puzzles.sources)),
        count=len(puzzles),
        max_segments=max_segments,
        tier=tier,
        states=states,
        scalars=list(features.SCALARS),
        batch_size=batch_size,
        device=model.device.type,
        torch=str(torch.__version__),
        hrm_rl=__version__,
        arrays=arrays_of(model, puzzles, max_segments, tier, states),
    )
    header = _begun(folder, wanted)
    if header.complete:
        return header
    if header.done == 0:
        for key, rows_P in _of_puzzles(puzzles, header.sources).items():
            _append(folder, header, key, 0, rows_P)
    batches = logged(
        model, puzzles, max_segments, observations=TIERS[tier], batch_size=batch_size,
        start=header.done, progress=progress,
    )  # fmt: skip
    for batch in batches:
        for key, rows_MB in batch.items():
            _append(folder, header, key, header.done, rows_MB.transpose(0, 1).numpy())
        header = replace(header, done=header.done + batch["correct"].shape[1])
        write_header(folder, header)
    rate = _mismatch(model, puzzles, folder, header, progress)
    header = replace(header, mismatch_rate=rate)
    write_header(folder, header)
    return header


def _of_puzzles(puzzles: PuzzleSet, sources: Sequence[str]) -> dict[str, np.ndarray]:
    number = {source: i for i, source in enumerate(sources)}
    return {
        "inputs": puzzles.inputs_PL,
        "solutions": puzzles.solutions_PL,
        "rating": puzzles.ratings_P,
        "cluster": np.arange(len(puzzles)),
        "source": np.array([number[source] for source in puzzles.sources]),
    }


def _begun(folder: Path, wanted: Header) -> Header:
    """The header of what was begun in the folder, or of a new beginning.

    Raises:
        ValueError: the folder holds another bank, or anything else.
    """
    if not (folder / NAME).is_file():
        if folder.exists() and any(not f.name.startswith(".") for f in folder.iterdir()):
            raise ValueError(f"{folder} holds something that is not a bank; choose another folder")
        write_header(folder, wanted)
        return wanted
    for stale in folder.glob(f".{NAME}.*"):  # a header that was being written
        stale.unlink()
    there = read_header(folder)
    wanted = replace(wanted, done=there.done, mismatch_rate=there.mismatch_rate)
    other = [f.name for f in fields(Header) if getattr(wanted, f.name) != getattr(there, f.name)]
    if other:
        raise ValueError(
            f"{folder} holds a bank that differs in {', '.join(other)}; choose another folder, or "
            "delete that one"
        )
    for key in there.arrays if there.done else ():
        path = folder / f"{key}.npy"
        size = _NPY_HEADER + there.done * there.row_size(key)
        if not path.is_file() or path.stat().st_size < size:
            raise ValueError(f"{path} is damaged; delete {folder} and log it again")
    return there


def _append(folder: Path, header: Header, key: str, start: int, rows_P: np.ndarray) -> None:
    """Put rows in their place, after the `start` ones that are there, and on the disk."""
    kind, shape = header.arrays[key]
    content = np.ascontiguousarray(rows_P, dtype=kind)
    assert content.shape[1:] == tuple(shape), (key, content.shape)
    path = folder / f"{key}.npy"
    with path.open("r+b" if start else "wb") as file:
        if not start:
            whole = {"descr": content.dtype.str, "fortran_order": False}
            np.lib.format.write_array_header_1_0(file, {**whole, "shape": (header.count, *shape)})
            assert file.tell() == _NPY_HEADER
        file.seek(_NPY_HEADER + start * header.row_size(key))
        file.write(content.tobytes())
        file.flush()
        os.fsync(file.fileno())


def _mismatch(
    model: Model, puzzles: PuzzleSet, folder: Path, header: Header, progress: bool
) -> float:
    """How often `correct` comes out otherwise when puzzles are logged one by one."""
    index = np.unique(np.linspace(0, len(puzzles) - 1, _SAMPLE).round().astype(int))
    alone = logged(
        model, puzzles.take(index), header.max_segments, observations=(), batch_size=1,
        progress=progress, title="logging some again, one by one",
    )  # fmt: skip
    correct_MB = torch.cat([part["correct"] for part in alone], dim=1)
    return float((_array(folder, header, "correct")[:, index] != correct_MB).double().mean())


# --- reading --------------------------------------------------------------------------------------


def read_bank(
    folder: str | Path,
    model: Model | None = None,
    *,
    max_segments: int = 1,
    observations: Sequence[str] = (),
    puzzles: PuzzleSet | None = None,
) -> Bank:
    """A bank whose numbers stay on the disk until they are used.

    Args:
        model: the bank must be this one's.
        max_segments, observations: the bank must hold as much; it is not cut to that.
        puzzles: the bank must be of these, in this order.

    Raises:
        ValueError: it does not fit, is not complete, or is damaged.
    """
    folder = find_bank(folder)
    header = read_header(folder)
    check_fit(folder, header, model, max_segments, observations, puzzles)
    part = {key: _array(folder, header, key) for key in header.arrays if key != "source"}
    numbers = _array(folder, header, "source").tolist()
    own = PuzzleSet(
        header.task,
        part["inputs"].numpy(),
        part["solutions"].numpy(),
        part["rating"].numpy(),
        tuple(header.sources[i] for i in numbers),
    )
    bank = Bank(
        columns={name: part[f"columns.{name}"] for name in TIERS[header.tier]},
        correct_MP=part["correct"],
        cells_MP=part["cells"],
        predictions_MPT=part["predictions"],
        rating_P=part["rating"].long(),
        cluster_P=part["cluster"],
        puzzles=own,
        config=config_from(header.model),
    )
    return checked(bank, "scalars")  # states are looked through when they are observed


def _array(folder: Path, header: Header, key: str) -> Tensor:
    """An array of the bank, memory-mapped; changes to it stay in memory. Segments come first."""
    path, (kind, shape) = folder / f"{key}.npy", header.arrays[key]
    try:
        array = np.load(path, mmap_mode="c")
        if array.shape != (header.count, *shape) or array.dtype != np.dtype(kind):
            raise ValueError(f"it holds {array.dtype} {array.shape}")
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path} is damaged ({error}); log the bank again") from error
    tensor = torch.from_numpy(array)
    return tensor.transpose(0, 1) if shape and key not in ("inputs", "solutions") else tensor
