"""What a bank on disk says of itself, and whether that fits what is asked of it.

Shapes: M segments, T tokens.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from hrm_rl import features
from hrm_rl.banks.entries import checked
from hrm_rl.banks.tiers import TIERS, Arrays
from hrm_rl.checks.digests import of_tensors, sealed, unsealed
from hrm_rl.checks.files import read_json
from hrm_rl.checks.reading import place, shown, told
from hrm_rl.models import Model, config_from
from hrm_rl.models.tensorfile import write_atomically
from hrm_rl.puzzles import PuzzleSet

FORMAT: Final = 1
NAME: Final = "bank.json"
SHIPPED: Final = Path(__file__).parent
"""The banks that ship with the package, one folder for each split."""


@dataclass(frozen=True)
class Header:
    """What `bank.json` says."""

    weights: str
    """`weights_hash` of the model."""
    model: dict[str, Any]
    """Its config."""
    task: str
    puzzles: str
    """Where the puzzles are from, in words."""
    split: str
    tokens: str
    """Hash of the puzzles and their solutions."""
    sources: list[str]
    """What `source.npy` counts through."""
    count: int
    """Puzzles, each of its copies counted."""
    max_segments: int
    tier: str
    states: str
    scalars: list[str]
    """Columns of "scalars"."""
    batch_size: int
    device: str
    torch: str
    hrm_rl: str
    arrays: Arrays
    done: int = 0
    """Puzzles whose segments are on the disk."""
    mismatch_rate: float | None = None
    """Share of segments, of a sample of puzzles logged again one by one, whose `correct` differs:
    what the batch size does to the rounding. The last thing to be written."""
    format: int = FORMAT
    copies: int = 1
    """Rows of each puzzle, side by side; said only where there are several."""
    digests: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the `.npy` file of each array, up to what is done: `sha256sum` gives the same of a
    complete bank. None were kept before 0.2."""

    @property
    def complete(self) -> bool:
        return self.done == self.count and self.mismatch_rate is not None

    @property
    def size(self) -> int:
        """Bytes of the arrays."""
        return self.count * sum(map(self.row_size, self.arrays))

    def row_size(self, key: str) -> int:
        """Bytes of one puzzle in an array."""
        kind, shape = self.arrays[key]
        return np.dtype(kind).itemsize * math.prod(shape)


def weights_hash(model: Model) -> str:
    """SHA-256 over names, formats, shapes and bytes of the weights, in the order of their names."""
    return of_tensors(model.state_dict())


def tokens_hash(puzzles: PuzzleSet) -> str:
    parts = (puzzles.task.encode(), puzzles.inputs_PL.tobytes(), puzzles.solutions_PL.tobytes())
    return hashlib.sha256(b"".join(parts)).hexdigest()


def write_header(folder: Path, header: Header) -> None:
    """Write it whole or not at all, with the SHA-256 of all its entries as the last one."""
    text = json.dumps(sealed(_content(header)), indent=1)
    write_atomically(folder / NAME, f"{text}\n".encode())


def _content(header: Header) -> dict[str, Any]:
    content = asdict(header)
    digests = content.pop("digests")
    if content["copies"] == 1:
        del content["copies"]  # as it was before there were any
    return {**content, "complete": header.complete} | ({"digests": digests} if digests else {})


def read_header(folder: str | Path, *, verify: bool = True) -> Header:
    """What lies in a folder, complete or not.

    Args:
        verify: compare it with its digest, if it has one.

    Raises:
        ValueError: no bank, a damaged one, or one of a later format.
    """
    path = place("the folder of a bank", folder) / NAME
    content = read_json(
        path, blame="is no bank that can be read", cure="log one with `hrm-rl bank`", limit=2**24
    )
    if content.get("format") != FORMAT:
        raise ValueError(
            f"{shown(path)} has format {str(content.get('format'))[:40]}, this version reads "
            f"{FORMAT}; log it again"
        )
    with told(path, "log the bank again", blame="is damaged"):
        entries = checked(content)
        if verify:
            unsealed(content)
    said = {f.name for f in fields(Header)}
    return Header(**{key: value for key, value in entries.items() if key in said})


def find_bank(name: str | Path, split: str = "") -> Path:
    """The folder of a bank: one on disk, or a shipped one ("sudoku9-fit", or "sudoku9" and a split).

    Raises:
        ValueError: there is none of that name.
    """
    own = place("the name or folder of a bank", name)
    for folder in (own, SHIPPED / str(name), SHIPPED / f"{name}-{split}"):
        if os.path.isfile(folder / NAME):  # a name that no file can have is no error here
            return folder
    shipped = ", ".join(sorted(path.parent.name for path in SHIPPED.glob(f"*/{NAME}"))) or "none"
    raise ValueError(
        f'there is no bank "{name}"; give a folder that `hrm-rl bank` wrote, or a shipped one '
        f"({shipped})"
    )


def check_fit(
    folder: Path,
    header: Header,
    model: Model | None = None,
    max_segments: int = 1,
    observations: Sequence[str] = (),
    puzzles: PuzzleSet | None = None,
) -> None:
    """Refuse a bank that is not what is asked for.

    Raises:
        ValueError: in one sentence, with the cure.
    """
    if not header.complete:
        raise ValueError(
            f"the bank in {folder} is not complete, {header.done} of {header.count} puzzles were "
            "logged; the command that logged them goes on from there"
        )
    if model is not None and header.weights != weights_hash(model):
        raise ValueError(
            f"the bank in {folder} was logged with other weights than this checkpoint's; log it "
            "again, or take the checkpoint that it belongs to"
        )
    if model is not None and config_from(header.model) != model.config:
        raise ValueError(
            f"the bank in {folder} was logged with these weights in a model of another config; "
            "log it again"
        )
    if max_segments > header.max_segments:
        raise ValueError(
            f"the bank in {folder} holds {header.max_segments} segments, got max_segments="
            f"{max_segments}; lower it or log a longer bank"
        )
    if header.scalars != list(features.SCALARS):
        raise ValueError(
            f"the bank in {folder} was logged by hrm_rl {header.hrm_rl} with other scalars than this "
            "version has; log it again"
        )
    there = {"q", *TIERS[header.tier]}
    if missing := [name for name in observations if name not in there]:
        raise ValueError(
            f'the bank in {folder} is of tier "{header.tier}", without {", ".join(missing)}; log '
            "one of a higher tier"
        )
    if puzzles is not None and header.copies > 1:
        puzzles = puzzles.take(np.arange(len(puzzles)).repeat(header.copies))
    if puzzles is not None and header.tokens != tokens_hash(puzzles):
        raise ValueError(
            f"the bank in {folder} was logged with other puzzles ({header.count} of "
            f"{header.puzzles or header.task}); leave puzzles out, or log these"
        )
