"""Frames made by hand, and what is to be seen on their boards."""

from typing import Any

import numpy as np

from hrm_rl.envs.boards import palette
from hrm_rl.envs.frame import Frame
from hrm_rl.envs.render import draw
from hrm_rl.puzzles import Task

GIVENS = {
    4: "1000003004000002",
    6: "100004020000003060060000000200040001",
    9: "530070000600195000098000060800060003400803001700020006060000280000419005000080079",
}
SOLVED = {
    4: "1324423124133142",
    6: "135624624135513462462513351246246351",
    9: "534678912672195348198342567859761423426853791713924856961537284287419635345286179",
}


def frame(**changes: Any) -> Frame:
    """Segment 1 of 8, or segment 2 if there is a prediction before, and nothing decided yet."""
    fields: dict[str, Any] = dict(
        previous_L=None,
        segment=1 if changes.get("previous_L") is None else 2,
        max_segments=8,
        q_halt=0.25,
        q_continue=0.75,
        decision="",
        correct=None,
    )
    return Frame(**(fields | changes))


def digits(text: str) -> np.ndarray:
    return np.array([int(c) for c in text])


def sudoku(size: int = 9, **changes: Any) -> Frame:
    """A solved Sudoku in segment 3 of 16, which nothing was changed in."""
    fields = {name: digits(SOLVED[size]) for name in ("cells_L", "previous_L")}
    fields |= {"segment": 3, "max_segments": 16, "decision": "continue", "correct": True}
    return frame(**({"givens_L": digits(GIVENS[size])} | fields | changes))


def crop(image: np.ndarray, box: palette.Box, rim: int = 0) -> np.ndarray:
    """The pixels of a box, without its outermost `rim` ones."""
    scale = image.shape[1] / palette.WIDTH
    left, top, width, height = box
    top, bottom, left, right = (
        round(edge * scale) for edge in (top, top + height, left, left + width)
    )
    return image[top + rim : bottom - rim, left + rim : right - rim]


def cells_with(image: np.ndarray, rules: Task, colour: palette.Colour, rim: int = 0) -> set[int]:
    """The cells in which some pixel has just this colour."""
    crops = [crop(image, palette.cell_box(i, rules), rim) for i in range(rules.length)]
    return {i for i, pixels in enumerate(crops) if (pixels == colour).all(-1).any()}


def seen(shown: Frame, colour: palette.Colour) -> set[int]:
    """The cells of a frame that show a colour within their rims."""
    return cells_with(draw(shown), shown.rules, colour, rim=2)
