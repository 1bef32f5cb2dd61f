"""How `hrm-rl solve` shows a grid: the question, then the rows in which something changed.

In a terminal with colours givens are bold, changes green and conflicts red; elsewhere, and under
NO_COLOR, a mark stands behind the cell.

Suffixes: L cells, read row by row.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hrm_rl.puzzles import Task

STYLES = {"given": ("'", "1"), "changed": ("*", "32"), "conflict": ("!", "31")}
"""What a cell is -> its mark, and its colour as a terminal has it (SGR)."""


def coloured() -> bool:
    """Whether what is printed goes to a terminal that has colours, and nobody asked for none."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "") in ("", "dumb")
    return sys.stdout.isatty() and not plain


@dataclass(frozen=True)
class Sheet:
    """A puzzle, and what its answers are shown against."""

    game: Task
    givens_L: np.ndarray
    kept_L: np.ndarray
    """bool: cells that the puzzle gives and an answer must keep."""
    colour: bool

    @staticmethod
    def of(game: Task, givens_L: np.ndarray, solution_L: np.ndarray, colour: bool) -> Sheet:
        """Givens are marked where the solution keeps all of them: not in a maze, whose cells all are."""
        given_L = givens_L != 0
        keeps = bool((solution_L == givens_L)[given_L].all()) and not given_L.all()
        return Sheet(game, givens_L, given_L & keeps, colour)

    def legend(self) -> str:
        """What the marks mean; "" in colour, and where there is nothing to mark."""
        kinds = [kind for kind in STYLES if kind != "given" or self.kept_L.any()]
        said = {"given": "given", "changed": "changed", "conflict": "breaks a rule"}
        return "" if self.colour else ", ".join(f"{STYLES[k][0]} {said[k]}" for k in kinds)

    def question(self) -> list[str]:
        """The lines of the question."""
        return self._lines(self.givens_L, self.givens_L, range(self.game.rows))

    def changes(self, before_L: np.ndarray, cells_L: np.ndarray) -> list[str]:
        """The rows in which an answer differs from the one before; all, if they cannot be told apart."""
        changed_L = before_L != cells_L
        rows = np.flatnonzero(changed_L.reshape(self.game.rows, -1).any(1)).tolist()
        return self._lines(before_L, cells_L, rows)

    def summary(self, before_L: np.ndarray, cells_L: np.ndarray) -> str:
        """How many cells were filled or changed, and how many break a rule."""
        filled = int(((before_L != cells_L) & (before_L == 0)).sum())
        counts = {
            "filled": filled,
            "changed": int((before_L != cells_L).sum()) - filled,
            "in conflict": int(self._broken(cells_L).sum()),
        }
        found = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        return (
            found if filled or counts["changed"] else f"nothing changed{', ' * bool(found)}{found}"
        )

    def _broken(self, cells_L: np.ndarray) -> np.ndarray:
        return np.asarray(self.game.broken(self.givens_L, cells_L), bool)

    def _lines(self, before_L: np.ndarray, cells_L: np.ndarray, rows: Sequence[int]) -> list[str]:
        letters = self.game.format(cells_L)
        if len(letters) != len(cells_L):  # more than a letter a cell, as demonstrations have
            return self.game.pretty(cells_L).splitlines() if rows else []
        kinds_L = np.where(self.kept_L, "given", "").astype(object)  # whole words, however long
        kinds_L[(before_L != cells_L) & (before_L != 0)] = "changed"
        kinds_L[self._broken(cells_L)] = "conflict"
        cells = [self._cell(letter, kind) for letter, kind in zip(letters, kinds_L, strict=True)]
        width = self.game.columns
        box_rows = getattr(self.game, "box_rows", self.game.rows)
        box = getattr(self.game, "box_cols", width)
        lines = []
        for i, row in enumerate(rows):
            parts = cells[row * width : (row + 1) * width]
            if i and row // box_rows != rows[i - 1] // box_rows:
                lines.append("    " + "+".join(["-" * (3 * box + 1)] * (width // box)))
            boxes = ("".join(parts[j : j + box]) for j in range(0, width, box))
            lines.append(f"{row + 1:>3} {' |'.join(boxes)}".rstrip())
        return lines

    def _cell(self, letter: str, kind: str) -> str:
        mark, colour = STYLES.get(kind, (" ", ""))
        if self.colour:
            return f" \x1b[{colour}m{letter}\x1b[0m " if colour else f" {letter} "
        return f" {letter}{mark}"
