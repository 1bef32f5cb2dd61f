"""9x9 puzzles with their answers in 46 bytes each: a .npy file of bytes, (1 + puzzles, 46).

row 0     14 bytes "hrm-rl sudoku9", 32 bytes SHA-256 of the rows that follow
others    32 bytes  the answer's first eight rows and columns, two digits a byte (the rest follows)
          11 bytes  which cells are shown, a bit each, and 7 bits that are 0
           2 bytes  rating, the low byte first
           1 byte   where it comes from: its number in `SOURCES`
"""

import hashlib
import os
from pathlib import Path
from typing import Final

import numpy as np

from hrm_rl.checks.digests import DIFFERS
from hrm_rl.checks.files import read_array
from hrm_rl.checks.reading import Unfit, told
from hrm_rl.puzzles.sets import PuzzleSet
from hrm_rl.puzzles.sudoku.rules import Sudoku
from hrm_rl.puzzles.task import PuzzleError

SUFFIX: Final = ".npy"
SOURCES: Final = tuple(
    f"hrm_rl_{kind}" for kind in ("forum", "file1", "minimal", "easy", "sparse", "eleven")
)
"""What makes puzzles that are kept like this (`families`, `generate`)."""
ROW: Final = 46
MAGIC: Final = b"hrm-rl sudoku9"
MOST_RATING: Final = 2**16 - 1
CURE: Final = "make it again with scripts/make_extreme.py"


def write(path: str | os.PathLike[str], puzzles: PuzzleSet) -> None:
    """Write puzzles packed; the file appears complete or not at all.

    Raises:
        PuzzleError: they are no 9x9 Sudoku of `SOURCES` rated at most 65,535.
    """
    path, rows = Path(path), _packed(puzzles)
    seal = np.frombuffer(MAGIC + hashlib.sha256(rows.tobytes()).digest(), np.uint8)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            np.save(file, np.concatenate([seal[None], rows]))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read(path: str | os.PathLike[str]) -> PuzzleSet:
    """The puzzles of a packed file, each answer checked against the rules.

    Raises:
        PuzzleError: it cannot be read, is no such file, or is damaged.
    """
    rows = read_array(path, dtype=np.uint8, shape=(None, ROW), cure=CURE, error=PuzzleError)
    with told(path, CURE, PuzzleError):
        if not len(rows) or rows[0, : len(MAGIC)].tobytes() != MAGIC:
            raise Unfit("it holds no packed puzzles")
        if len(rows) < 2:
            raise Unfit("it has no puzzles")
        if hashlib.sha256(rows[1:].tobytes()).digest() != rows[0, len(MAGIC) :].tobytes():
            raise Unfit(DIFFERS)
        return _unpacked(rows[1:])


def _packed(puzzles: PuzzleSet) -> np.ndarray:
    game, count = Sudoku(9), len(puzzles)
    unknown = sorted(set(puzzles.sources) - set(SOURCES))
    most = int(puzzles.ratings_P.max(initial=0))
    if puzzles.task != game.task or unknown or most > MOST_RATING or not count:
        got = ", ".join(unknown) or f"{count} of {puzzles.task} rated up to {most}"
        raise PuzzleError(
            f"only 9x9 Sudoku of {', '.join(SOURCES)}, rated at most {MOST_RATING}, are packed, got "
            f"{got[:200]}; write_csv takes others"
        )
    answers = game.values(puzzles.solutions_PL).reshape(count, 9, 9)[:, :8, :8].reshape(count, 64)
    rows = np.zeros((count, ROW), np.uint8)
    rows[:, :32] = answers[:, ::2] << 4 | answers[:, 1::2]
    rows[:, 32:43] = np.packbits(game.values(puzzles.inputs_PL) > 0, axis=1)
    rows[:, 43:45] = puzzles.ratings_P.astype("<u2")[:, None].view(np.uint8)
    rows[:, 45] = [SOURCES.index(source) for source in puzzles.sources]
    return rows


def _unpacked(rows: np.ndarray) -> PuzzleSet:
    game, count = Sudoku(9), len(rows)
    square = np.stack([rows[:, :32] >> 4, rows[:, :32] & 15], axis=2).reshape(count, 8, 8)
    last_col = 45 - square.sum(axis=2, keepdims=True)
    wide = np.concatenate([square, last_col], axis=2)  # what is no digit is found below
    answers = np.concatenate([wide, 45 - wide.sum(axis=1, keepdims=True)], axis=1)
    answers = np.where((answers > 0) & (answers < 10), answers, 0).astype(np.uint8)
    answers_PL = answers.reshape(count, 81)
    shown = np.unpackbits(rows[:, 32:43], axis=1)
    puzzles_PL = np.where(shown[:, :81] > 0, answers_PL, 0).astype(np.uint8)
    wrong = ~game.solved(puzzles_PL, answers_PL) | shown[:, 81:].any(axis=1)
    wrong |= rows[:, 45] >= len(SOURCES)
    if wrong.any():
        raise Unfit(f"row {int(wrong.argmax()) + 1} (counted from 0) is no solved 9x9 Sudoku")
    ratings_P = np.ascontiguousarray(rows[:, 43:45]).view("<u2")[:, 0].astype(np.int32)
    sources = tuple(SOURCES[number] for number in rows[:, 45].tolist())
    return PuzzleSet(
        game.task, game.tokens(puzzles_PL), game.tokens(answers_PL), ratings_P, sources
    )
