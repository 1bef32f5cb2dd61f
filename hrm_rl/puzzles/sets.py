"""Sets of puzzles with their solutions: in memory, as the official CSV, and those that ship.

Suffixes: P puzzles, L tokens of a puzzle.
"""

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hrm_rl.puzzles.kinds import KINDS, task_of
from hrm_rl.puzzles.sudoku.rules import for_length
from hrm_rl.puzzles.task import PuzzleError, Task

HEADER = ("source", "question", "answer", "rating")
DATA = Path(__file__).parent / "data"
SPLITS = ("train", "fit", "test")
JOINED = {"sudoku9": ("sudoku9_easy", "sudoku9_minimal", "sudoku9_hard")}


@dataclass(frozen=True)
class PuzzleSet:
    """Puzzles of one task, as tokens (0 = PAD)."""

    task: str
    """Its name (`kinds.task_of`): "sudoku9"."""
    inputs_PL: np.ndarray
    """uint8 tokens shown to the model."""
    solutions_PL: np.ndarray
    """uint8 tokens asked of it."""
    ratings_P: np.ndarray
    """int32, how hard it is by the measure of its kind; Sudoku: guesses to the first solution."""
    sources: tuple[str, ...]
    """Where each puzzle comes from."""
    ids_P: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    """int64 puzzle identifiers, which choose an embedding; left out, all are 0."""
    shown: Mapping[int, np.ndarray] = field(default_factory=dict)
    """What shows the rule of a puzzle, by identifier, for people to see (ARC): (K, 2, L) tokens."""

    def __post_init__(self) -> None:
        shape = (len(self.sources), task_of(self.task).length)
        if not len(self.ids_P):
            object.__setattr__(self, "ids_P", np.zeros(shape[0], np.int64))
        for name, array, wanted in (
            ("inputs_PL", self.inputs_PL, shape),
            ("solutions_PL", self.solutions_PL, shape),
            ("ratings_P", self.ratings_P, shape[:1]),
            ("ids_P", self.ids_P, shape[:1]),
        ):
            if array.shape != wanted:
                raise PuzzleError(
                    f"{name} of {self.task} must have shape {wanted}, got {array.shape}"
                )

    @property
    def vocab(self) -> int:
        return task_of(self.task).vocab

    @property
    def length(self) -> int:
        return self.inputs_PL.shape[1]

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, indices: Sequence[int] | np.ndarray) -> "PuzzleSet":
        """The puzzles at `indices` (or where a boolean mask is set), in that order."""
        indices = np.asarray(indices)
        indices = np.flatnonzero(indices) if indices.dtype == bool else indices.astype(np.int64)
        return PuzzleSet(
            self.task,
            self.inputs_PL[indices],
            self.solutions_PL[indices],
            self.ratings_P[indices],
            tuple(self.sources[i] for i in indices),
            self.ids_P[indices],
            self.shown,
        )

    def sample(self, count: int) -> "PuzzleSet":
        """`count` puzzles spread evenly over the set, which keeps the shares of joined sets."""
        return self.take(np.linspace(0, len(self) - 1, count).round().astype(np.int64))


def concat(sets: Sequence[PuzzleSet]) -> PuzzleSet:
    """One set of all puzzles of `sets`, in order."""
    tasks = sorted({puzzles.task for puzzles in sets})
    if len(tasks) != 1:
        raise PuzzleError(
            f"only sets of one task can be joined, got {', '.join(tasks) or 'no sets'}"
        )
    return PuzzleSet(
        tasks[0],
        np.concatenate([puzzles.inputs_PL for puzzles in sets]),
        np.concatenate([puzzles.solutions_PL for puzzles in sets]),
        np.concatenate([puzzles.ratings_P for puzzles in sets]),
        sum((puzzles.sources for puzzles in sets), ()),
        np.concatenate([puzzles.ids_P for puzzles in sets]),
        {id_: pairs for puzzles in sets for id_, pairs in puzzles.shown.items()},
    )


def read_csv(path: str | os.PathLike[str], task: str = "") -> PuzzleSet:
    """Read the official CSV (source,question,answer,rating).

    `task` names the kind of puzzle; left out, the first question tells it: a maze has walls (#), and
    anything else is a Sudoku.

    Every answer is checked against the rules and its question; that it is the only one is not (that
    takes `solver.count` or `rating.rate`).
    """
    path = Path(path)
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            header = tuple(next(reader, ()))
            rows = [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PuzzleError(f"{path} cannot be read as a CSV file: {error}") from error
    if header != HEADER:
        raise PuzzleError(
            f"{path}, line 1: the header must be {','.join(HEADER)!r}, got {','.join(header)!r}"
        )
    if not rows:
        raise PuzzleError(
            f"{path} has no puzzles; give a file with at least one row below the header"
        )
    return _from_rows(path, rows, task)


def _from_rows(path: Path, rows: list[tuple[int, list[str]]], task: str) -> PuzzleSet:
    """Puzzles of (line number, row) pairs."""
    sources, questions, answers, ratings = [], [], [], []
    line = rows[0][0]
    try:
        game = task_of(task) if task else _told_by(rows[0][1][1] if len(rows[0][1]) > 1 else "")
        for line, row in rows:  # noqa: B007 (the message needs it)
            if len(row) != len(HEADER):
                raise PuzzleError(
                    f"a row has {len(HEADER)} fields ({','.join(HEADER)}), got {len(row)}"
                )
            sources.append(row[0])
            questions.append(game.parse(row[1]))
            answers.append(game.parse(row[2]))
            ratings.append(_rating(row[3]))
    except PuzzleError as error:
        raise PuzzleError(f"{path}, line {line}: {error}; mend or delete the row") from None
    questions_PL, answers_PL = np.stack(questions), np.stack(answers)
    wrong = np.flatnonzero(~game.solved(questions_PL, answers_PL))
    if len(wrong):
        raise PuzzleError(
            f"{path}, line {rows[wrong[0]][0]}: the answer does not solve the question "
            f"({len(wrong)} such rows); mend or delete the row"
        )
    return PuzzleSet(
        game.task,
        game.tokens(questions_PL),
        game.tokens(answers_PL),
        np.array(ratings, dtype=np.int32),
        tuple(sources),
    )


def _told_by(question: str) -> Task:
    """The rules of the puzzle that is written like this."""
    if "#" in question and "maze" in KINDS:
        return KINDS["maze"](round(len(question) ** 0.5))
    return for_length(len(question.strip()))


def _rating(text: str) -> int:
    if not text.strip().isdecimal() or int(text) > np.iinfo(np.int32).max:
        raise PuzzleError(f"the rating must be a whole number >= 0, got {text!r}")
    return int(text)


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
    if split not in SPLITS:
        raise PuzzleError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    if name in JOINED:
        return concat([load(part, split) for part in JOINED[name]])
    path = DATA / f"{name}_{split}.csv"
    if not path.is_file():
        shipped = {file.stem.rsplit("_", 1)[0] for file in DATA.glob("*.csv")}
        raise PuzzleError(
            f"puzzles must be one of {', '.join(sorted(shipped | JOINED.keys()))}, got {name!r}"
        )
    return read_csv(path, name.partition("_")[0])
