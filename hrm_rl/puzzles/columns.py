"""Tables of puzzles as they circulate: which column holds what.

    source,question,answer,rating       the public HRM scripts, and ours
    puzzle,solution                     Kaggle; also quizzes,solutions and id,puzzle,...,difficulty

Columns may come in any order, split by commas, semicolons or tabs, and others beside them don't count.
A rating with a fraction is rounded; a difficulty that is no number counts as none.
"""

import csv
import io
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from hrm_rl.puzzles.task import PuzzleError

HEADER: Final = ("source", "question", "answer", "rating")
NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "question": ("question", "puzzle", "quiz", "quizzes", "sudoku", "maze", "grid", "problem",
                     "board", "unsolved", "givens"),
        "answer": ("answer", "solution", "solved"),
        "rating": ("rating", "difficulty", "score", "level"),
        "source": ("source", "name", "id", "title"),
    }
)  # fmt: skip
"""What a column may be called; an s may follow."""
SEPARATORS: Final = ",;\t"


class Row(NamedTuple):
    """A puzzle as a file has it; what it does not tell is empty."""

    line: int
    question: str
    answer: str = ""
    rating: str = ""
    source: str = ""


def table(text: str) -> list[Row] | None:
    """The rows of a table whose header names a question; None if the text is no such table.

    Raises:
        PuzzleError: a row has another number of fields than the header.
        csv.Error: it can't be read as a table at all.
    """
    header, _, body = text.lstrip("\ufeff\r\n").partition("\n")
    for separator in SEPARATORS:
        fields = next(csv.reader([header.strip("\r")], delimiter=separator), [])
        places = _places(fields)
        alone = len(fields) == 1 and len(body.lstrip().partition("\n")[0].strip()) < 16
        if "question" in places and not alone:
            return _rows(text, separator, len(fields), places)
    return None


def _places(fields: list[str]) -> dict[str, int]:
    """Where in a row each part of a puzzle stands."""
    found: dict[str, int] = {}
    lowered = [field.strip().lower() for field in fields]
    for part, names in NAMES.items():
        for name in names:
            for called in (name, name + "s"):
                if called in lowered:
                    found.setdefault(part, lowered.index(called))
    return found


def _rows(text: str, separator: str, width: int, places: Mapping[str, int]) -> list[Row]:
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=separator)
    rows: list[Row] = []
    begun = False
    for fields in reader:
        if not fields:
            continue
        if not begun:  # the header
            begun, names = True, ",".join(field.strip() for field in fields)
            continue
        if len(fields) != width:
            raise PuzzleError(
                f"line {reader.line_num}: a row has {width} fields ({names}), got {len(fields)}"
            )
        rows.append(Row(reader.line_num, **{part: fields[place] for part, place in places.items()}))
    return rows


def rating_of(text: str) -> int:
    """A rating, 0 if there is none.

    Raises:
        PuzzleError: it is no number, or none that there is room for.
    """
    try:
        number = round(float(text or 0))
    except (ValueError, OverflowError):
        number = -1
    if not 0 <= number <= np.iinfo(np.int32).max or "_" in text:
        raise PuzzleError(f"the rating must be a whole number >= 0, got {text[:40]!r}")
    return number
