"""Frames made by hand, and what is to be seen on their boards."""

from typing import Any

import numpy as np

from hrm_rl.envs.boards import palette
from hrm_rl.envs.frame import Frame
from hrm_rl.envs.render import draw
from hrm_rl.puzzles import Task


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
