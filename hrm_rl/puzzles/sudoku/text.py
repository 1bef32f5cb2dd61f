"""Sudoku as people write it down: one a line, or as grids, drawn with borders or without.

    4...3.......6..8..........1....5..9..8....6...7.2........1.27..5.3....4.9........
    4...3....,468931527...,29       a rating, a name, the answer beside it, in columns of any kind
    Grid 01                         headings, and comments behind a #
    003020600
    +-------+-------+-------+       borders of any make, our own too (`Sudoku.pretty`)
    | . . 3 | . 2 . | 6 . . |
    5,3,,,7,,,,                     a row of a spreadsheet

0 . * _ - x X ? are blanks, and so are spaces where a line, or a field of it, has the characters of all
cells and nothing but digits beside them. A line of dashes may be a border or a row of blanks: it is
what makes the grids come out even.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from hrm_rl.puzzles.task import PuzzleError

BLANKS: Final = "0.*_-xX?"
BORDERS: Final = re.compile(r"[|!/\\\u2500-\u257f]")
"""What stands between cells: bars, slashes, and the characters that boxes are drawn with."""
BOXES: Final = "".join(map(chr, range(0x2500, 0x2580)))
RULES: Final = "-=_+*.:'`| \t" + BOXES
CORNERS: Final = re.compile(rf"[+=:'`{BOXES}]|^\W*[*.]-")
"""What a border has and a row of blanks has not."""
REMARK: Final = re.compile(r"\s*(?:[;%!]|--)+\s*[^\W\d_xX]")
"""A line that is a comment in other languages."""
_DASHES: Final = str.maketrans(
    "\u2010\u2011\u2012\u2013\u2014\u2212\u00b7\u2022\u00d7", "------..x"
)


class Found(NamedTuple):
    """One puzzle of a text."""

    line: int
    """Where it begins, counted from 1."""
    cells: str
    """Its cells, digits and '.' for blanks."""
    answer: str = ""
    rating: str = ""
    source: str = ""


def cells(text: str, size: int) -> str:
    """The cells of the one grid in a text, digits and '.' for blanks.

    Raises:
        PuzzleError: it holds no grid of this size, or several.
    """
    if len(text) == size**2 and not text.strip("0.123456789"[: size + 2]):
        return text.replace("0", ".")  # as files of millions have it
    text = text.removeprefix("\ufeff").translate(_DASHES)
    joined = ""
    for rows in _readings(text, size):
        joined = joined or "".join(_stripped(line) for line in rows)
        if len(found := "".join(_stripped(line) for line in rows)) == size**2:
            return _checked(found, size)
    if _lines(text, size):
        try:
            several = puzzles(text, size)
        except PuzzleError:
            several = []
        if len(several) == 1:
            return several[0].cells
        if several:
            raise PuzzleError(
                f"one puzzle is wanted here, and the text holds {len(several)}; give one of them, or "
                "the file as a set of puzzles"
            )
    raise PuzzleError(
        f"a {size}x{size} Sudoku has {size**2} characters, got {len(joined)}; "
        "write it row by row with '.' or 0 for a blank; a space is one only where all cells are on one "
        "line"
    )


def puzzles(text: str, size: int) -> list[Found]:
    """All puzzles of a text, in order.

    Raises:
        PuzzleError: a line is no part of any, or a grid is not whole.
    """
    text = text.removeprefix("\ufeff").translate(_DASHES)
    first: PuzzleError | None = None
    for strict in (False, True):
        try:
            return list(_walk(text, size, strict))
        except PuzzleError as error:
            first = first or error
    assert first is not None
    raise first


def told_size(text: str, sizes: tuple[int, ...] = (9, 6, 4)) -> int:
    """The size of the first puzzle in a text, 0 if there is none to be seen."""
    for _, line in _lines(text.removeprefix("\ufeff").translate(_DASHES)):
        for size in sizes:
            tokens = _tokens(_without_spaces(line, size))
            if any(_is_cells(token, size, size**2) for token in tokens):
                return size
        for size in sizes:
            if not _is_rule(line, size, False) and _is_cells(_row(line, size), size, size):
                return size
    return 0


def _walk(text: str, size: int, strict: bool) -> Iterator[Found]:
    """Puzzles one a line, or rows until a grid is full."""
    rows: list[str] = []
    began, heading = 0, ""
    for number, line in _lines(text, size):
        tokens = _tokens(line)
        whole = [i for i, token in enumerate(tokens) if _is_cells(token, size, size**2)]
        if whole and not rows:
            yield _one(number, tokens, whole)
        elif _is_rule(line, size, strict):
            continue
        elif _is_cells(row := _row(line, size), size, size):
            began = began if rows else number
            rows.append(row)
            if len(rows) == size:
                if heading.lower() != "state":  # how far somebody got, behind the puzzle in .sdk
                    yield Found(began, _dots("".join(rows)), source=heading)
                rows, heading = [], ""
        elif rows or not _is_heading(line, size):
            raise PuzzleError(f"line {number}: {_complaint(line, row, size)}")
        else:
            heading = line.strip(" \t[]:\"'")
    if rows:
        raise PuzzleError(
            f"line {began}: the grid that begins here has {len(rows)} rows, and a {size}x{size} Sudoku "
            f"has {size}; mend the file"
        )


def _one(line: int, tokens: list[str], whole: list[int]) -> Found:
    """A line of fields: the puzzle, its answer if there is one, numbers and names."""
    texts = [_dots(tokens[i]) for i in whole]
    blanks = [text for text in texts if "." in text] or texts
    answers = [text for text in texts if "." not in text and text != blanks[0]]
    rest = [token for i, token in enumerate(tokens) if i not in whole]
    ratings = [token for token in rest if re.fullmatch(r"\d{1,9}(\.\d*)?", token)]
    names = [token for token in rest if token not in ratings]
    return Found(line, blanks[0], "".join(answers[:1]), "".join(ratings[-1:]), " ".join(names))


def _complaint(line: str, row: str, size: int) -> str:
    strange = [c for c in row if c not in BLANKS and c not in "123456789"[:size]]
    if strange:
        return (
            f"a cell must be '.' or a digit from 0 to {size}, got {strange[0]!r} in "
            f"{line.strip()[:40]!r}"
        )
    return f"a row has {size} cells, and a {size}x{size} Sudoku {size**2}, got {len(row)}"


def _readings(text: str, size: int) -> Iterator[list[str]]:
    """The lines without those that are borders, by how much is taken for a border."""
    lines = [line for _, line in _lines(text, size)]
    yield [line for line in lines if not _is_rule(line, size, False)]
    yield [line for line in lines if not _is_rule(line, size, True)]
    yield lines


def _lines(text: str, size: int = 0) -> list[tuple[int, str]]:
    """Lines with something on them, comments taken off, and their numbers; if `size`, dots for spaces."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        line = re.split(r"#|//", line, maxsplit=1)[0]
        if line.strip() and not REMARK.match(line):
            found.append((number, _without_spaces(line, size)))
    return found


def _without_spaces(line: str, size: int) -> str:
    """The line with a dot for each space of a field that has all cells, and digits and spaces alone."""
    fields = re.split(r"([,;\t])", line)
    for i, field in enumerate(fields):
        if (
            len(field) == size**2 > 0
            and " " in field
            and re.fullmatch(rf" *[1-{size}][1-{size} ]*", field)
        ):
            fields[i] = field.replace(" ", ".")
    return "".join(fields)


def _is_heading(line: str, size: int) -> bool:
    """Whether a line is a name of what follows; one as long as a row or a puzzle is a mistake in it."""
    letters = re.findall(r"[^\W\d_xX]", line)
    named = re.match(r"\s*[\[(\"']?[^\W\d_]", line) and len(letters) >= 2
    return bool(named) and len(_stripped(line)) not in (size, size**2)


def _is_rule(line: str, size: int, strict: bool) -> bool:
    """Whether a line is a border; if strict, one of `size` dashes and no more is a row of blanks."""
    if line.strip(RULES) or not re.search(rf"[-=_{BOXES}]\s*[-=_{BOXES}]", line):
        return False
    return not strict or CORNERS.search(line) is not None or len(_stripped(line)) != size


def _tokens(line: str) -> list[str]:
    return [token for token in re.split(r"[\s,;\"']+", line) if token]


def _row(line: str, size: int) -> str:
    """The cells of a line that is a row, with an empty field of a spreadsheet for a blank."""
    line = line.strip(" \t[](),") if "[" in line else line
    fields = re.split(r"[,;\t]", line)
    if len(fields) == size and all(len(field.strip()) <= 1 for field in fields):
        return "".join(field.strip() or "." for field in fields)
    return _stripped(line)


def _stripped(line: str) -> str:
    return "".join(BORDERS.sub("", line).split())


def _is_cells(text: str, size: int, length: int) -> bool:
    return len(text) == length and not text.strip(BLANKS + "123456789"[:size])


def _dots(text: str) -> str:
    return "".join("." if character in BLANKS else character for character in text)


def _checked(text: str, size: int) -> str:
    """The cells, if they are."""
    for number, character in enumerate(text, 1):
        if character not in BLANKS and character not in "123456789"[:size]:
            raise PuzzleError(
                f"character {number} must be '.' or a digit from 0 to {size}, got {character!r}"
            )
    return _dots(text)
