"""Puzzles in files: tables and texts as people have them, the official CSV, and the sets that ship.

Suffixes: P puzzles, L tokens of a puzzle.
"""

import codecs
import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Int

from hrm_rl.checks.numbers import did_you_mean
from hrm_rl.checks.reading import Unfit, opened, place, reason_of
from hrm_rl.puzzles.answer import solutions
from hrm_rl.puzzles.columns import HEADER, Row, rating_of, table
from hrm_rl.puzzles.kinds import KINDS, task_of
from hrm_rl.puzzles.sets import PuzzleSet, concat
from hrm_rl.puzzles.streams import check_split
from hrm_rl.puzzles.sudoku import packed
from hrm_rl.puzzles.sudoku import text as sudoku_text
from hrm_rl.puzzles.sudoku.rules import Sudoku, for_length
from hrm_rl.puzzles.task import PuzzleError, Task

DATA = Path(__file__).parent / "data"
SPLITS = ("train", "fit", "test")
JOINED = {"sudoku9": ("sudoku9_easy", "sudoku9_minimal", "sudoku9_hard")}
SUFFIXES: Final = (".csv", ".tsv", ".txt", ".sdk", ".sdm", ".ss", ".msk")
"""How files of puzzles are called."""
LIMIT: Final = 2**31
"""Bytes of a text that are read: thirteen million puzzles with their answers."""
SOLVED_FOR: Final = " (answer solved for)"
"""What the source of a puzzle ends with whose answer is not from the file."""


def is_file(name: str) -> bool:
    """Whether a puzzle set's name is that of a file."""
    return Path(name).suffix.lower() in (*SUFFIXES, packed.SUFFIX)


def read(path: str | os.PathLike[str], task: str = "") -> PuzzleSet:
    """The puzzles of a file: a table (`columns`), a text with one puzzle or many, or `packed` ones.

    Sudoku may be written in any way that circulates (`sudoku.text`). Other puzzles in a text stand
    one a line, or apart by empty lines. `task` names the kind of puzzle; left out, the first one
    tells it: a maze has walls (#), and anything else is a Sudoku.

    Every answer is checked against the rules and its question; that it is the only one is not (that
    takes `solver.count` or `rating.rate`). Where there is no answer the puzzle is solved, and its
    source says so (`SOLVED_FOR`).

    Raises:
        PuzzleError: the file can't be read, or a puzzle in it can't be used; it names the line.
    """
    path = place("a file of puzzles", path)
    if path.suffix.lower() == packed.SUFFIX:
        return packed.read(path)
    text = read_text(path)
    if not text.strip():
        raise PuzzleError(f"{path} is empty; give a file with at least one puzzle")
    _refuse_mask(path, text)
    try:
        rows = table(text)
        game = _game(text, rows, task)
        if rows is None:
            rows = _written(text, game)
    except csv.Error as error:
        raise PuzzleError(f"{path} cannot be read as a CSV file: {error}") from error
    except PuzzleError as error:
        raise PuzzleError(f"{path}, {error}; mend or delete the row") from None
    if not rows:
        raise PuzzleError(
            f"{path} has no puzzles; give a file with at least one row below the header"
        )
    return _set(path, rows, game)


def read_csv(path: str | os.PathLike[str], task: str = "") -> PuzzleSet:
    """`read` of a file that should be a table."""
    return read(path, task)


def read_text(path: Path) -> str:
    """What a text file holds, without the mark that some editors put in front.

    Raises:
        PuzzleError: it is not there, no regular file, too large, or no text.
    """
    kind = " as a CSV file" if path.suffix.lower() == ".csv" or path.is_dir() else ""
    try:
        with opened(path) as file:
            content = file.read(LIMIT + 1)
        if len(content) > LIMIT:
            raise Unfit(f"it has more than the {LIMIT:,} bytes that are read")
        text = content.decode(_encoding(content))
        if "\0" in text:
            raise Unfit(
                "it holds NUL bytes, as text in UTF-16 without its byte order mark does; save it as "
                "UTF-8"
            )
        return text.replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        reason = "no such file"
    except UnicodeDecodeError as error:
        name = error.encoding.upper()
        reason = f"byte {error.start} is not {name[:6]} text; save it as UTF-8"
    except (OSError, Unfit) as error:
        reason = reason_of(error)
    except ValueError:  # a NUL in the name
        reason = "no such file"
    raise PuzzleError(f"{str(path)!r} cannot be read{kind}: {reason}") from None


def _encoding(content: bytes) -> str:
    """UTF-8, unless the mark in front says that it is UTF-16 or UTF-32, as some editors save."""
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    return (
        "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    )


def _refuse_mask(path: Path, text: str) -> None:
    """Raises PuzzleError: the file says which cells are given, and not what is in them."""
    if path.suffix.lower() == ".msk" and len({c for c in text if c in "123456789"}) < 2:
        raise PuzzleError(
            f"{path} is a mask: it says which cells of a Sudoku hold a digit, and not which digit; "
            "give a file of puzzles, or put the digits in"
        )


def _game(text: str, rows: Sequence[Row] | None, task: str) -> Task:
    """The rules of the puzzles, named or told by the first of them."""
    if task:
        return task_of(task)
    if rows is not None:
        first = rows[0] if rows else Row(1, "." * 81)
        try:
            return told_by(first.question)
        except PuzzleError as error:
            raise PuzzleError(f"line {first.line}: {error}") from None
    size = sudoku_text.told_size(text)
    if size:
        return Sudoku(size)
    if "#" in text and "S" in text and "G" in text:
        widths = [len(line) for line in text.splitlines() if line.strip()]
        return KINDS["maze"](max(widths) if len(widths) > 1 else round(max(widths) ** 0.5))
    header = text.strip().partition("\n")[0].strip()
    if not header.strip(sudoku_text.BLANKS + "123456789"):
        raise PuzzleError(f"line 1: a Sudoku has 16, 36, 81 cells, got {len(header)}")
    raise PuzzleError(
        f"line 1: the header must be {','.join(HEADER)!r}, got {header[:80]!r}, and there is no "
        "Sudoku either"
    )


def told_by(question: str) -> Task:
    """The rules of the puzzle that is written like this."""
    if "#" in question:
        return KINDS["maze"](round(len(question) ** 0.5))
    size = sudoku_text.told_size(question)
    return Sudoku(size) if size else for_length(len(question.strip()))


def _written(text: str, game: Task) -> list[Row]:
    """The puzzles of a text that is no table."""
    if isinstance(game, Sudoku):
        return [
            Row(found.line, found.cells, found.answer, found.rating, found.source)
            for found in sudoku_text.puzzles(text, game.size)
        ]
    lines = text.splitlines()
    if all(len(line) == game.length for line in lines if line.strip()):
        return [Row(n, line) for n, line in enumerate(lines, 1) if line.strip()]
    rows, block = [], []
    for number, line in enumerate([*lines, ""], 1):
        if line.strip():
            block.append(line)
        elif block:
            rows.append(Row(number - len(block), "\n".join(block)))
            block = []
    return rows


def _set(path: Path, rows: Sequence[Row], game: Task) -> PuzzleSet:
    """Puzzles of rows, their answers checked or found."""
    questions, answers, ratings = [], [], []
    line = 0
    try:
        for row in rows:
            line = row.line
            questions.append(game.parse(row.question))
            answers.append(game.parse(row.answer) if row.answer.strip() else None)
            ratings.append(rating_of(row.rating))
        missing = [i for i, answer_L in enumerate(answers) if answer_L is None]
        line = rows[missing[0]].line if missing else 0
        found = solutions(game, np.stack([questions[i] for i in missing])) if missing else iter(())
        for i in missing:
            line = rows[i].line
            answers[i] = next(found)
    except PuzzleError as error:
        raise PuzzleError(f"{path}, line {line}: {error}; mend or delete the row") from None
    questions_PL = np.stack(questions)
    answers_PL = np.stack([answer_L for answer_L in answers if answer_L is not None])
    wrong = np.flatnonzero(~game.solved(questions_PL, answers_PL))
    if len(wrong):
        raise PuzzleError(
            f"{path}, line {rows[wrong[0]].line}: the answer does not solve the question "
            f"({len(wrong)} such rows); mend or delete the row"
        )
    sources = [row.source or path.stem for row in rows]
    for i in missing:
        sources[i] += SOLVED_FOR
    return PuzzleSet(
        game.task,
        game.tokens(questions_PL),
        game.tokens(answers_PL),
        np.array(ratings, dtype=np.int32),
        tuple(sources),
    )


def write_csv(path: str | os.PathLike[str], puzzles: PuzzleSet) -> None:
    """Write the official CSV; the file appears complete or not at all."""
    path = Path(path)
    game = task_of(puzzles.task)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            for i, source in enumerate(puzzles.sources):
                question = game.format(game.values(puzzles.inputs_PL[i]))
                answer = game.format(game.values(puzzles.solutions_PL[i]))
                writer.writerow((source, question, answer, int(puzzles.ratings_P[i])))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def load(name: str, split: str) -> PuzzleSet:
    """A set that ships with the package; "sudoku9" joins easy, minimal and hard.

    `split`: "train"; "fit", for fitting policies on frozen models, which no model was trained on;
    "test".
    """
    check_split(split, SPLITS)
    if name in JOINED:
        return concat([load(part, split) for part in JOINED[name]])
    path = DATA / f"{name}_{split}.csv"
    if not path.is_file():
        hint = did_you_mean(name, shipped())
        raise PuzzleError(
            f"puzzles must be one of {', '.join(shipped())}, got {name!r}" + (hint and f"; {hint}")
        )
    return read(path, name.partition("_")[0])


def part_of(puzzles: PuzzleSet) -> Int[np.ndarray, " P"] | None:
    """Which part of a joined set each puzzle is from, by its source; None where it is not of several.

    Parts have a fixed number of puzzles each: strata, to whoever samples them.
    """
    kinds = [name.removeprefix(f"{puzzles.task}_") for name in JOINED.get(puzzles.task, ())]
    named = {
        source: next((i for i, kind in enumerate(kinds) if source.startswith(f"hrm_rl_{kind}")), -1)
        for source in set(puzzles.sources)
    }
    if -1 in named.values() or len(set(named.values())) < 2:
        return None
    return np.array([named[source] for source in puzzles.sources])


def shipped() -> list[str]:
    """The names of the sets that ship."""
    return sorted({file.stem.rsplit("_", 1)[0] for file in DATA.glob("*.csv")} | JOINED.keys())
