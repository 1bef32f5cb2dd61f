"""9x9 puzzles in the proportions of Sudoku-Extreme, distinct up to symmetry, made to order.

    forum     like forum_hardest_1905, 48 %      sparse    19 or 20 clues, in place of 17_clue, 1.2 %
    file1     like 01_file1, 24 %                eleven    like forum_hardest_1905_11+, 1.2 %
    extreme   these, and `generate.minimal` (23.2 %) and `generate.easy` (2.4 %, for kaggle)

Hard puzzles come in *families* of 24, the members of one random walk (`walk`) from a puzzle that is
climbed to on a random grid; no puzzle of other people is in it. How hard a family is, in guesses of the
proof (`rating`), is drawn from the band of its kind; its members lie around that. What the bands
rest on:

- measured here with `rating`, 1st, 5th, 10th, 25th, 50th, 75th, 90th, 95th, 99th percentile of the
  proof: magictour_top1465 (mean 8.9) 0 0 1 3 6 11 18 24 51; forum_hardest_1106 (mean 110.6) 32 44 51
  68 100 141 178 216 329; forum_hardest_1905_11+ has mean 61.7;
- published for forum_hardest_1905: mean 55.0 (tdoku's own count);
- inferred: forum_hardest_1905 and 11+ are spread like forum_hardest_1106, scaled to their means; 01_file1
  is like magictour_top1465, as a public count calls it. If the mean rating of the whole, published as
  22, is one of guesses to the first solution, 01_file1 must be harder than that: see `FILE1`;
- not reached: 17 clues. Of those only some 49,000 are there, and no walk finds them.

Puzzle i depends on the kind, the seed, the split and i alone, as long as none before it is left out.
That happens to copies of earlier puzzles, and of those that ship for fitting and testing.
"""

from collections.abc import Iterator
from functools import cache
from types import MappingProxyType
from typing import Final

import numpy as np

from hrm_rl.checks.progress import bar
from hrm_rl.puzzles.files import DATA, load
from hrm_rl.puzzles.rng import below, stream
from hrm_rl.puzzles.sets import PuzzleSet, concat
from hrm_rl.puzzles.streams import STREAMS, check_order
from hrm_rl.puzzles.sudoku import generate, packed
from hrm_rl.puzzles.sudoku.bands import WORDS
from hrm_rl.puzzles.sudoku.classes import canonical9
from hrm_rl.puzzles.sudoku.rating import DEPTH
from hrm_rl.puzzles.sudoku.rules import Sudoku
from hrm_rl.puzzles.sudoku.walk import family

MEMBERS: Final = 24
"""Puzzles of a family."""
PERCENT: Final = (1, 5, 10, 25, 50, 75, 90, 95, 99)
FORUM_1106: Final = (32, 44, 51, 68, 100, 141, 178, 216, 329)
FILE1: Final = (0, 0, 1, 3, 6, 11, 18, 24, 51)
"""Those of magictour_top1465. A mean rating of 22 over all of Sudoku-Extreme asks for one of about 28
in 01_file1, where these have 6."""
LEVELS: Final = MappingProxyType(
    {
        "forum": tuple(proof * 55.0 / 110.6 for proof in FORUM_1106),
        "file1": FILE1,
        "eleven": tuple(proof * 61.7 / 110.6 for proof in FORUM_1106),
    }
)
"""Kind -> guesses of the proof at `PERCENT`."""
FEWEST, MOST = 17, 20
"""Clues of sparse puzzles."""
FAMILIES: Final = MappingProxyType({"forum": 512, "file1": 528, "sparse": 544, "eleven": 560})
"""Kind -> its stream of random numbers, to which the split's is added."""
BLOCKS: Final = MappingProxyType(
    {
        "extreme": {
            "forum": 960, "file1": 480, "minimal": 464, "easy": 48, "sparse": 24, "eleven": 24
        },
        **{kind: {kind: 5 * MEMBERS} for kind in FAMILIES},
    }
)  # fmt: skip
"""Name -> puzzles of each kind in a block, the piece in which they are made."""
KEPT: Final = DATA / "extreme.npy"
"""The first 100,000 of "extreme" with `KEPT_SEED`, which `scripts/make_extreme.py` takes two hours for."""
KEPT_SEED: Final = 2
KEPT_BLOCKS: Final = 51
"""Blocks that they are from, of the last one a part."""


def make(name: str, count: int, seed: int, split: str = "train") -> PuzzleSet:
    """`count` distinct puzzles, "extreme" or of one kind.

    Raises:
        PuzzleError: no such split, or a seed or number out of range.
    """
    check_order(count, seed, split)
    distinct, puzzles, number = Distinct(), generate.easy(0, seed), 0
    if (name, seed, split) == ("extreme", KEPT_SEED, "train"):
        puzzles, number = packed.read(KEPT), KEPT_BLOCKS - 1
        if count <= len(puzzles):
            return puzzles.take(range(count))
        distinct.new(puzzles)  # what is not to come again
    with bar(total=count, desc=name, unit="puzzle", leave=False) as progress:
        while len(puzzles) < count:
            puzzles = concat([puzzles, distinct.new(block(name, number, seed, split))])
            progress.update(min(count, len(puzzles)) - progress.n)
            number += 1
    return puzzles.take(range(count))


def block(name: str, number: int, seed: int, split: str = "train") -> PuzzleSet:
    """Block `number` of a name, kinds evenly mixed, before copies are left out."""
    sets, places = [], []
    for kind, count in BLOCKS[name].items():
        if kind in FAMILIES:
            first = number * count // MEMBERS
            kin = (_family(kind, first + k, seed, split) for k in range(count // MEMBERS))
            sets.append(concat(list(kin)))
        else:
            sets.append(getattr(generate, kind)(count, seed, split, number * count))
        places.append((np.arange(count) + 0.5) / count)
    return concat(sets).take(np.argsort(np.concatenate(places), kind="stable"))


def _family(kind: str, number: int, seed: int, split: str) -> PuzzleSet:
    rng = stream(seed, FAMILIES[kind] + STREAMS[split], number)
    low, high = window(kind, below(rng, 1 << 20) / (1 << 20))
    puzzles_PL = np.zeros((MEMBERS, 81), dtype=np.uint8)
    answers_PL = np.zeros((MEMBERS, 81), dtype=np.uint8)
    ratings_P = np.zeros(MEMBERS, dtype=np.int32)
    stack = np.zeros((DEPTH, WORDS), dtype=np.int64)
    family(rng, stack, low, high, kind == "sparse", puzzles_PL, answers_PL, ratings_P)
    game = Sudoku(9)
    return PuzzleSet(
        game.task,
        game.tokens(puzzles_PL),
        game.tokens(answers_PL),
        ratings_P,
        (f"hrm_rl_{kind}",) * MEMBERS,
    )


def window(kind: str, share: float) -> tuple[int, int]:
    """Least and most guesses of the proof in the family at this share (0 to 1) of a kind's band.

    Blank cells for "sparse". Walks stay near the lower end, where there are more puzzles.
    """
    if kind == "sparse":
        return 81 - MOST, 81 - FEWEST
    level = float(np.interp(100 * share, PERCENT, LEVELS[kind]))
    return round(0.9 * level), round(1.4 * level) + 1


class Distinct:
    """Lets a puzzle through once, whatever copy of it comes, and never one that is held out."""

    def __init__(self) -> None:
        self._seen = set(held_out())

    def new(self, puzzles: PuzzleSet) -> PuzzleSet:
        """Those of 9x9 puzzles that are new, in their order."""
        fresh = []
        for index, form in enumerate(_forms(puzzles)):
            if form not in self._seen:
                self._seen.add(form)
                fresh.append(index)
        return puzzles.take(fresh)


@cache
def held_out() -> frozenset[bytes]:
    """Canonical forms of the 9x9 puzzles that ship for fitting and testing."""
    return frozenset(form for split in ("fit", "test") for form in _forms(load("sudoku9", split)))


def _forms(puzzles: PuzzleSet) -> Iterator[bytes]:
    game = Sudoku(9)
    forms_PL = canonical9(game.values(puzzles.inputs_PL), game.values(puzzles.solutions_PL))
    return (form_L.tobytes() for form_L in forms_PL)
