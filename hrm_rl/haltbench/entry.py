"""Entries: what somebody's rule or learner scored, with the versions and hashes that it depends on, sealed.

The seal is a SHA-256 over the entry. It shows that a number was changed afterwards; whoever wants to
cheat can make another. What settles a doubt is to score the entrant again (`check`).
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from hrm_rl import __version__
from hrm_rl.agents.comparison.rows import Yardstick
from hrm_rl.agents.trained import is_saved, saved_at
from hrm_rl.checks import records
from hrm_rl.checks.digests import SEAL, sealed
from hrm_rl.checks.files import read_json
from hrm_rl.checks.numbers import distinct, whole
from hrm_rl.checks.plugin import is_plugin, plugin
from hrm_rl.checks.reading import Unfit, place, told
from hrm_rl.haltbench.families import Learning, family, kind_of
from hrm_rl.haltbench.figures import figures, references
from hrm_rl.haltbench.frozen import BUDGETS, COSTS, TRACKS, Pair, frozen, hashes, learnt_from
from hrm_rl.haltbench.schema import ENTRY, FORMAT
from hrm_rl.models.tensorfile import write_atomically

AGAIN: Final = "score it again with `hrm-rl bench`"
NEAR: Final = 2e-3
"""How far a figure may be off when an entry is scored again: other processors round otherwise."""
_PACKAGES: Final = ("torch", "numpy", "gymnasium", "stable-baselines3")

Entry = dict[str, Any]


def enter(
    name: str,
    *,
    tracks: Sequence[str] = (),
    seeds: int = 5,
    steps: int = 20_000,
    said: Callable[[str], object] = lambda line: None,
) -> Entry:
    """Score a rule or learner on the tracks.

    Args:
        name: a rule with a knob ("stable-2") or with all of them ("stable"), a learner ("exact_pg"),
            or one in a file ("my_rules.py:Settled").
        tracks: names; all of them if left out.
        seeds, steps: of a learner, and the decisions of each fit.
        said: told of each track that is done.

    Raises:
        ValueError: no such entrant or track, a number out of range, a bank that is not the one that was
            frozen, or an entrant that no track suits.
    """
    kind = kind_of(name)
    learning = Learning(whole("seeds", seeds, low=1), whole("steps", steps, low=1))
    chosen = distinct("tracks", tracks or TRACKS, TRACKS)
    found = {}
    for track in chosen:
        (fit, test), about = frozen(track), TRACKS[track]
        brought = family(name, fit, about.max_segments, about.observation, COSTS, learning)
        if brought is None:
            said(f"{track}: left out, its bank lacks what {name} sees")
            continue
        short = Pair(fit.first(about.max_segments), test.first(about.max_segments))
        found[track] = figures(brought, *short, _sticks(track), BUDGETS)
        said(f"{track}: done")
    if not found:
        raise ValueError(
            f"no bank of {', '.join(chosen)} holds what {name} sees; choose other tracks"
        )
    content = {
        "format": FORMAT,
        "entrant": _short(name),
        "kind": kind,
        "source": source_of(name),
        "seeds": learning.seeds if kind == "learner" else 1,
        "steps": learning.steps if kind == "learner" else 0,
        "versions": versions(),
        "banks": hashes(list(found)),
        "tracks": found,
    }
    return sealed(content)


@lru_cache(maxsize=len(TRACKS))
def _sticks(track: str) -> dict[float, Yardstick]:
    """The same for every entrant."""
    about, (fit, test) = TRACKS[track], frozen(track)
    banks = [bank.first(about.max_segments) for bank in (fit, test, learnt_from(track, fit))]
    return references(banks[0], banks[1], banks[2], about.reference, COSTS)


def source_of(name: str) -> str:
    """SHA-256 of the file that an entrant is in; empty for what ships."""
    if is_saved(name):
        return hashlib.sha256(saved_at(name).read_bytes()).hexdigest()
    if name.endswith(".zip"):
        return hashlib.sha256(Path(name).read_bytes()).hexdigest()
    if not is_plugin(name):
        return ""
    where = name.rpartition(":")[0]
    if not where.endswith(".py"):
        plugin(name)
        where = sys.modules[where].__file__ or ""
    return hashlib.sha256(Path(where).read_bytes()).hexdigest() if where else ""


def versions() -> dict[str, str]:
    """Of this library and of what it stands on."""
    found = {"hrm-rl": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _short(name: str) -> str:
    """Without the folders of the machine that it was scored on."""
    own = is_plugin(name) or is_saved(name) or name.endswith(".zip")
    return Path(name).name if own else name


# --- files ----------------------------------------------------------------------------------------


def write(entry: Entry, path: str | Path) -> None:
    """Write an entry as JSON, whole or not at all."""
    write_atomically(place("out", path), (json.dumps(entry, indent=1) + "\n").encode())


def read(path: str | Path) -> Entry:
    """An entry that was not changed since it was sealed, of the banks that are frozen now.

    Raises:
        ValueError: no entry, one whose seal is broken or missing, or one that was scored on other banks.
    """
    content = read_json(path, blame="is no entry that can be read", cure=AGAIN, limit=2**20)
    with told(path, AGAIN, blame="is no entry that counts"):
        if SEAL not in content:
            raise Unfit("it is not sealed")
        if sealed(content)[SEAL] != content[SEAL]:
            raise Unfit("it was changed after it was sealed: the SHA-256 differs")
        entry = records.record(content, ENTRY)
        wanted = hashes(list(entry["tracks"]))
        for name, digest in wanted.items():
            if entry["banks"].get(name) != digest:
                raise Unfit(f"it was scored on another {name} than the one that is frozen")
    return entry


def check(name: str, path: str | Path, said: Callable[[str], object] = lambda line: None) -> float:
    """Score an entrant again as its entry says; returns the largest difference of any figure.

    Raises:
        ValueError: as `read` and `enter`; another entrant or another source, or figures that differ by more
            than `NEAR`.
    """
    entry = read(path)
    with told(path, AGAIN, blame="is no entry of this"):
        if entry["entrant"] != _short(name) or entry["source"] != source_of(name):
            raise Unfit(
                f"it is of {entry['entrant']} with SHA-256 {entry['source'][:12] or 'none'}"
            )
    again = enter(
        name,
        tracks=list(entry["tracks"]),
        seeds=entry["seeds"],
        steps=entry["steps"] or 1,
        said=said,
    )
    mine, theirs = (numbers(one["tracks"]) for one in (again, entry))
    with told(path, AGAIN, blame="does not repeat"):
        if len(mine) != len(theirs):
            raise Unfit(f"it has {len(theirs)} figures and not {len(mine)}")
        most = max(abs(a - b) for a, b in zip(mine, theirs, strict=True))
        if most > NEAR:
            raise Unfit(f"a figure differs by {most:.4f}")
    return most


def numbers(part: Any) -> list[float]:
    """All numbers of an entry, in their order."""
    if isinstance(part, Mapping):
        part = list(part.values())
    if isinstance(part, list | tuple):
        return [number for one in part for number in numbers(one)]
    return [] if part is None else [float(part)]
