"""A bank of eight puzzles that is logged to a folder."""

from pathlib import Path
from typing import Any

from scripted import PUZZLES, tiny_hrm

from hrm_rl.banks.files import log_to

M = 4
MODEL = tiny_hrm()


def log(folder: Path, **changes: Any) -> Path:
    """Eight puzzles in batches of three, the last of two."""
    arguments: dict[str, Any] = {"max_segments": M, "batch_size": 3, "name": "mine", "split": "fit"}
    log_to(folder, **{"model": MODEL, "puzzles": PUZZLES, **arguments, **changes})
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}
