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

from hrm_rl import __version__, features
from hrm_rl.banks.bank import Bank, checked, logged
from hrm_rl.banks.header import (
    NAME,
    Header,
    check_fit,
    find_bank,
    read_header,
    tokens_hash,
    weights_hash,
    write_header,
)
from hrm_rl.banks.parts import check_log
from hrm_rl.banks.rows import append, digests_there, mapped, of_puzzles
from hrm_rl.banks.tiers import STATES, TIERS, arrays_of
from hrm_rl.checks.lock import solely
from hrm_rl.checks.numbers import flag, whole
from hrm_rl.checks.reading import Unfit, told
from hrm_rl.models import Model, config_from, config_to, differences
from hrm_rl.models.copies import repeated
from hrm_rl.models.tensorfile import sweep_temporary, writing
from hrm_rl.puzzles import PuzzleSet

__all__ = ["TIERS", "Header", "find_bank", "log_to", "read_bank", "read_header", "weights_hash"]

_SAMPLE = 64  # puzzles that are logged again one by one

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
    copies: int = 1,
    name: str = "",
    split: str = "",
    progress: bool = False,
) -> Header:
    """Log a bank into a folder; one that was broken off there goes on, a complete one is left alone.

    Args:
        tier: which observation sets to keep, one of `TIERS`.
        states: "float16" halves the states of the higher tiers; scalars are float32 always.
        copies: of each puzzle, side by side (`bank.log_bank`).
        name, split: what the header calls the puzzles.

    Raises:
        ValueError: the folder holds something else, or an argument is wrong.
    """
    folder = Path(folder)
    max_segments, batch_size = check_log(model, puzzles, max_segments, (), batch_size)
    if tier not in TIERS or states not in STATES:
        raise ValueError(
            f"tier must be one of {', '.join(TIERS)} and states {' or '.join(STATES)}, "
            f'got "{tier}" and "{states}"'
        )
    puzzles = repeated(model, puzzles, copies)
    header = Header(
        weights=weights_hash(model),
        model=config_to(model.config),
        task=puzzles.task,
        puzzles=name.encode(errors="replace").decode(),  # a path may be no text
        split=split,
        tokens=tokens_hash(puzzles),
        sources=sorted(set(puzzles.sources)),
        count=whole("the number of puzzles", len(puzzles), low=1),
        max_segments=whole("max_segments", max_segments, low=1),
        tier=tier,
        states=states,
        scalars=list(features.SCALARS),
        batch_size=whole("batch_size", batch_size, low=1),
        device=model.device.type,
        torch=str(torch.__version__),
        hrm_rl=__version__,
        copies=copies,
        arrays=arrays_of(
            model.config, puzzles.length, max_segments, tier, states, len(features.SCALARS)
        ),
    )
    return _log(Path(folder), model, puzzles, _begun(Path(folder), header), progress)


def _log(folder: Path, model: Model, puzzles: PuzzleSet, header: Header, progress: bool) -> Header:
    """What is left to be logged of a bank."""
    written = digests_there(folder, header)  # in time: nothing is added to a damaged bank
    if header.done:
        read_header(folder)  # it too is as it was written
    if header.complete:
        return header
    if header.done == 0:
        for key, rows_P in of_puzzles(puzzles, header.sources, header.copies).items():
            append(folder, header, key, rows_P, written)
    batches = logged(
        model, puzzles, header.max_segments, observations=TIERS[header.tier],
        batch_size=header.batch_size, copies=header.copies,
        rows=range(header.done, header.count), progress=progress,
    )  # fmt: skip
    for batch in batches:
        for key, rows_MB in batch.items():
            append(folder, header, key, rows_MB.transpose(0, 1).numpy(), written)
        digests = {key: digest.hexdigest() for key, digest in written.items()}
        done = header.done + batch["correct"].shape[1]
        header = replace(header, done=done, digests=digests)
        write_header(folder, header)
    rate = _mismatch(model, puzzles, folder, header, progress)
    header = replace(header, mismatch_rate=rate)
    write_header(folder, header)
    return header


def _begun(folder: Path, wanted: Header) -> Header:
    """The header of what was begun in the folder, or of a new beginning.

    Raises:
        ValueError: the folder holds another bank, or anything else.
    """
    if not os.path.isfile(folder / NAME):
        with writing(folder):
            if folder.exists() and any(not f.name.startswith(".") for f in folder.iterdir()):
                raise ValueError(
                    f"{folder} holds something that is not a bank; choose another folder"
                )
        write_header(folder, wanted)
        return wanted
    sweep_temporary(folder)  # a header that was being written
    there = read_header(folder, verify=False)
    wanted = replace(
        wanted, done=there.done, mismatch_rate=there.mismatch_rate, digests=there.digests
    )
    other = [f.name for f in fields(Header) if getattr(wanted, f.name) != getattr(there, f.name)]
    if "model" in other:
        other[other.index("model")] = f"model ({differences(there.model, wanted.model)})"
    if other:
        raise ValueError(
            f"{folder} holds a bank that differs in {', '.join(other)}; choose another folder, or "
            "delete that one"
        )
    return there


def _mismatch(
    model: Model, puzzles: PuzzleSet, folder: Path, header: Header, progress: bool
) -> float:
    """How often `correct` comes out otherwise when puzzles are logged one by one."""
    index = np.unique(np.linspace(0, len(puzzles) - 1, _SAMPLE).round().astype(int))
    alone = logged(
        model, puzzles, header.max_segments, observations=(), batch_size=1,
        copies=header.copies, rows=index, progress=progress, title="logging some again, one by one",
    )  # fmt: skip
    correct_MB = torch.cat([part["correct"] for part in alone], dim=1)
    return float(
        (mapped(folder, header, "correct", verify=False)[:, index] != correct_MB).double().mean()
    )


# --- reading --------------------------------------------------------------------------------------


def read_bank(
    folder: str | Path,
    model: Model | None = None,
    *,
    max_segments: int = 1,
    observations: Sequence[str] = (),
    puzzles: PuzzleSet | None = None,
    verify: bool = True,
) -> Bank:
    """A bank whose numbers stay on the disk until they are used.

    Args:
        model: the bank must be this one's.
        max_segments, observations: the bank must hold as much; it is not cut to that.
        puzzles: the bank must be of these, in this order.
        verify: read all of it once to compare it with its digests, which takes a second for 1.5
            GB.

    Raises:
        ValueError: it does not fit, is not complete, or is damaged.
    """
    verify = flag("verify", verify)
    folder = find_bank(folder)
    header = read_header(folder, verify=verify)
    check_fit(folder, header, model, max_segments, observations, puzzles)
    part = {key: mapped(folder, header, key, verify) for key in header.arrays}
    numbers = part.pop("source").tolist()
    with told(folder, "log the bank again", blame="is damaged"):
        if not all(0 <= i < len(header.sources) for i in numbers):
            raise Unfit(f"source.npy counts through {len(header.sources)} names and has others")
        own = PuzzleSet(
            header.task,
            part["inputs"].numpy(),
            part["solutions"].numpy(),
            part["rating"].numpy(),
            tuple(header.sources[i] for i in numbers),
        )
        if verify and tokens_hash(own) != header.tokens:
            raise Unfit("its puzzles are not those that were logged")
    bank = Bank(
        columns={name: part[f"columns.{name}"] for name in TIERS[header.tier]},
        correct_MP=part["correct"],
        cells_MP=part["cells"],
        predictions_MPT=part["predictions"],
        rating_P=part["rating"].long(),
        cluster_P=part["cluster"],
        puzzles=own,
        config=config_from(header.model),
        copies=header.copies,
        weights=header.weights,
    )
    return checked(bank, "scalars")  # states are looked through when they are observed
