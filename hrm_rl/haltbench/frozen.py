"""The tracks of HaltBench: four pairs of banks that stay as they are, and the hashes that say so.

Three pairs were logged of models that ship, and ship themselves: logged again elsewhere they would
differ in the last digits. The fourth is drawn anew each time from its seed. `hashes.json` holds the
SHA-256 of all eight, and `freeze` alone writes it, after `scripts/make_banks.py` logged a bank of new
weights.

Shapes: M segments, P puzzles.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import torch

from hrm_rl.banks import synthetic
from hrm_rl.banks.bank import Bank
from hrm_rl.banks.files import read_bank
from hrm_rl.checks.digests import of_tensors
from hrm_rl.checks.files import read_json
from hrm_rl.checks.numbers import choice
from hrm_rl.models.tensorfile import write_atomically

HASHES: Final = Path(__file__).parent / "hashes.json"
SPLITS: Final = ("fit", "test")
COSTS: Final = (0.002, 0.01, 0.05)
"""Step costs at which values are reported."""
BUDGETS: Final = (2.0, 4.0, 6.0)
"""Mean segments within which accuracies are reported."""
HIDDEN: Final = "hidden"
CHAIN: Final = synthetic.BANK_C
"""What `hidden` is drawn from; `belief.belief_optimum` knows the best value that is possible on it."""
_DRAWN: Final = {
    "fit": (2000, 0),
    "test": (4000, 1),
    "reference": (50_000, 2),
}  # puzzles, and the seed


class Track(NamedTuple):
    """One problem of the benchmark."""

    about: str
    max_segments: int
    observation: str
    """What learners see."""
    reference: str
    """What the Snell envelope sees that regrets are held against."""


TRACKS: Final = MappingProxyType(
    {
        "sudoku9": Track("9x9 Sudoku from easy to hard", 16, "scalars", "scalars"),
        "maze8": Track("mazes, most of which two segments solve", 16, "scalars", "scalars"),
        "arc6": Track("overthinking: most right after two segments", 16, "scalars", "scalars"),
        HIDDEN: Track("synthetic, with its known optimum", 8, "o", "belief"),
    }
)
"""Name -> what it is about. Banks hold a segment more than policies may run: the paper's edge looks there."""


def learnt_from(track: str, fit: Bank) -> Bank:
    """What the Snell envelope is fitted on: the fit bank, or more puzzles where they can be drawn."""
    return _made(track, "reference") if track == HIDDEN else fit


class Pair(NamedTuple):
    """The banks of a track, with the segment that no policy runs."""

    fit: Bank
    test: Bank


def frozen(track: str) -> Pair:
    """The banks of a track, which are those that were frozen.

    Raises:
        ValueError: no such track, or a bank that is another one.
    """
    choice("a track", track, TRACKS)
    known, found = hashes(), []
    for split in SPLITS:
        bank, name = _made(track, split), f"{track}-{split}"
        if (digest := digest_of(bank)) != known.get(name):
            raise ValueError(
                f'the bank "{name}" is not the one that HaltBench froze, its SHA-256 is {digest[:12]}... and '
                f"should be {str(known.get(name))[:12]}...; install hrm-rl again, or after logging it anew "
                "run scripts/make_banks.py"
            )
        found.append(bank)
    return Pair(*found)


def hashes(tracks: Sequence[str] = tuple(TRACKS)) -> dict[str, str]:
    """Name of a bank -> its SHA-256, as frozen."""
    wanted = [f"{track}-{split}" for track in tracks for split in SPLITS]
    known = read_json(HASHES, cure="install hrm-rl again")
    return {name: known[name] for name in wanted if name in known}


def freeze() -> None:
    """Write down the hashes of the banks as they are now. Entries that were made before are refused then."""
    found = {
        f"{track}-{split}": digest_of(_made(track, split)) for track in TRACKS for split in SPLITS
    }
    write_atomically(HASHES, (json.dumps(found, indent=1) + "\n").encode())


def digest_of(bank: Bank) -> str:
    """SHA-256 over all that a score follows from: what is right, what is seen, and which puzzles.

    Of a bank that was drawn it covers what is right alone: other processors round its noise otherwise.
    """
    parts = {"correct": bank.correct_MP, "cluster": bank.cluster_P}
    if bank.puzzles is not None:
        parts |= {f"columns.{name}": part for name, part in bank.columns.items()}
        parts["inputs"] = torch.from_numpy(bank.puzzles.inputs_PL)
    return of_tensors(parts)


def _made(track: str, split: str) -> Bank:
    if track == HIDDEN:
        puzzles, seed = _DRAWN[split]
        return synthetic.bank_c(puzzles, TRACKS[track].max_segments + 1, seed)
    return read_bank(f"{track}-{split}", max_segments=TRACKS[track].max_segments + 1)
