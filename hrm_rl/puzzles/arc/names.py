"""How the names of ARC puzzle sets are read (`arc.sets`): where tasks are, and the options behind."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hrm_rl.checks.numbers import did_you_mean
from hrm_rl.puzzles.arc.rules import Arc
from hrm_rl.puzzles.arc.tasks import SETS
from hrm_rl.puzzles.task import PuzzleError

OPTIONS: Final = ("side", "variants", "leak")


def origins_of(name: str) -> tuple[list[str], list[str]]:
    """Where a name's tasks come from, and the rest of it: `+` and `:` may be in names of folders."""
    parts = name.split(":")
    if parts[0] == "arc" and len(parts) > 1:
        parts = parts[1:]
    for count in range(len(parts), 1, -1):
        if found := _there(":".join(parts[:count]).split("+")):
            return found, parts[count:]
    return _there(parts[0].split("+")) or parts[0].split("+"), parts[1:]


def _there(pieces: list[str]) -> list[str]:
    """Sets, folders and files that the pieces name, several joined by `+` if need be; none if not all."""
    for count in range(len(pieces), 0, -1):
        where = "+".join(pieces[:count])
        if where in SETS or (where and Path(where).exists()):
            rest = _there(pieces[count:])
            if rest or count == len(pieces):
                return [where, *rest]
    return []


def board_of(name: str, options: Mapping[str, str]) -> Arc:
    if foreign := options.keys() - set(OPTIONS):
        hint = did_you_mean(min(foreign), OPTIONS)
        raise PuzzleError(
            f"the options of ARC are side=, variants= and leak=, got {min(foreign)}= in {name!r}"
            + (hint and f"; {hint}")
        )
    numbers = {key: value for key, value in options.items() if key != "leak"}
    if not all(re.fullmatch("[0-9]{1,9}", number) for number in numbers.values()):
        raise PuzzleError(f"side= and variants= want whole numbers, got {name!r}")
    return Arc(**{key: int(number) for key, number in numbers.items()})
