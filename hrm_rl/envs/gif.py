"""A solve as one picture: its frames as a GIF, or side by side on a contact sheet.

Shapes: H and W pixels, C colours, K colours kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from gymnasium.error import DependencyNotInstalled
from jaxtyping import UInt8

from hrm_rl.envs.boards.palette import PAPER, WIDTH
from hrm_rl.envs.frame import Frame
from hrm_rl.envs.render import draw


def contact_sheet(
    frames: Iterable[Frame], columns: int, side: int = WIDTH
) -> UInt8[np.ndarray, "H W 3"]:
    """Lay frames side by side in rows of `columns`, each `side` pixels wide.

    Raises:
        ValueError: there are no frames, or less than one column.
    """
    pictures = [draw(frame, side) for frame in frames]
    if not pictures or columns < 1:
        raise ValueError(
            f"a contact sheet needs >= 1 frame and >= 1 column, got {len(pictures)} and {columns}"
        )
    columns = min(columns, len(pictures))
    blank = np.broadcast_to(np.array(PAPER, np.uint8), pictures[0].shape)
    pictures += [blank] * (-len(pictures) % columns)
    rows = [np.hstack(pictures[i : i + columns]) for i in range(0, len(pictures), columns)]
    return np.vstack(rows)


def save_gif(
    frames: Iterable[Frame], path: str | Path, seconds_per_frame: float = 0.8, side: int = WIDTH
) -> Path:
    """Write an endless GIF that holds its last frame four times as long; return its path.

    Raises:
        ValueError: there are no frames, or a frame's time is below the 0.02 s that viewers keep.
    """
    return save_pictures((draw(frame, side) for frame in frames), path, seconds_per_frame)


def save_pictures(
    pictures: Iterable[UInt8[np.ndarray, "H W 3"]], path: str | Path, seconds_per_frame: float = 0.8
) -> Path:
    """`save_gif` of what was drawn before, a contact sheet a frame, say.

    It is written beside `path` and then put in its place, so a reader never finds half a file.

    Raises:
        ValueError: there are no pictures, or a frame's time is below the 0.02 s that viewers keep.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise DependencyNotInstalled("GIFs need Pillow; run `pip install Pillow`") from error
    if not seconds_per_frame >= 0.02:
        raise ValueError(f"seconds_per_frame must be >= 0.02, got {seconds_per_frame}")
    drawn = list(pictures)
    if not drawn:
        raise ValueError("a GIF needs at least one frame, got none")
    indexed, palette = _indexed(drawn)
    images = [Image.fromarray(picture) for picture in indexed]
    for image in images:
        image.putpalette(palette)
    milliseconds = [round(1000 * seconds_per_frame)] * len(images)
    milliseconds[-1] *= 4
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        images[0].save(
            partial, "GIF", save_all=True, append_images=images[1:], duration=milliseconds, loop=0
        )
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _indexed(pictures: list[np.ndarray]) -> tuple[list[np.ndarray], bytes]:
    """Pictures (H, W) uint8 as indices into one palette, and that palette.

    It holds the 256 most common colours, so that flat areas keep theirs exactly and only the edges
    of letters are rounded; and one palette for all, or the background would flicker.
    """
    packed = [picture @ np.array([1 << 16, 1 << 8, 1], np.uint32) for picture in pictures]
    colours, counts = np.unique(np.concatenate(packed), return_counts=True)
    kept = colours[np.argsort(-counts, kind="stable")[:256]]
    all_C3, kept_K3 = (np.stack([c >> 16, c >> 8 & 255, c & 255], 1) for c in (colours, kept))
    distances_CK = sum((all_C3[:, None, i].astype(int) - kept_K3[:, i]) ** 2 for i in range(3))
    nearest_C = np.argmin(distances_CK, 1).astype(np.uint8)
    indexed = [nearest_C[np.searchsorted(colours, picture)] for picture in packed]
    return indexed, kept_K3.astype(np.uint8).tobytes()
