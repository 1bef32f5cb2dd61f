"""A model as the page holds it: its config, and its weights in half precision as one block of base64."""

from __future__ import annotations

import base64
from typing import Any, Final

import numpy as np

from hrm_rl.models import Model
from hrm_rl.models.blocks import Level
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.models.trm import TRMConfig
from hrm_rl.models.units import UNITS, boxes_of
from hrm_rl.puzzles.kinds import task_for
from hrm_rl.puzzles.sudoku.rules import Sudoku

MIXERS: Final = ("attention", *UNITS)
"""Token mixers that `files/model.js` computes."""


def packed(model: Model) -> dict[str, Any]:
    """Config and weights of a model, for `files/model.js`.

    Returns:
        config: what the forward pass reads; shapes: name and shape of each tensor, one after the
        other in half, the base64 of their numbers in half precision, little endian.

    Raises:
        ValueError: `model.js` does not compute it (`check_playable`), or a weight is too large for
            half precision.
    """
    config = check_playable(model)
    shapes, parts = [], []
    for name, tensor in model.state_dict().items():
        shapes.append((name, list(tensor.shape)))
        parts.append(tensor.detach().cpu().half().numpy().astype("<f2").tobytes())
        if not np.isfinite(np.frombuffer(parts[-1], "<f2")).all():
            raise ValueError(
                f"{name} has a weight beyond 65504, the largest number of half precision, in which a "
                "page holds them; train with more weight decay, or another checkpoint"
            )
    game = task_for(config)
    units = config.token_mixer in UNITS
    rows, boxes = boxes_of(config.token_mixer, game) if units else (0, ())
    layers = {
        name: len(part.layers) for name, part in model.named_children() if isinstance(part, Level)
    }
    return {
        "config": {
            "width": config.width,
            "heads": config.heads,
            "prefix": config.prefix,
            "cells": config.cells,
            "positions": config.positions,
            "H_cycles": config.H_cycles,
            "L_cycles": config.L_cycles,
            "slow": "H_level" if "H_level" in layers else "L_level",  # TRM has one for both
            "layers": layers,
            "rows": rows,
            "boxes": [list(box) for box in boxes],
        },
        "shapes": shapes,
        "half": base64.b64encode(b"".join(parts)).decode("ascii"),
    }


def check_playable(model: Model) -> HRMConfig | TRMConfig:
    """The config of a model that a page can run.

    Raises:
        ValueError: another architecture, token mixer or start, or puzzles that are no Sudoku.
    """
    config, cure = model.config, 'take another checkpoint, such as "sudoku9"'
    if not isinstance(config, (HRMConfig, TRMConfig)):
        kind = type(model).__name__
        raise ValueError(f"a page runs an HRM or a TRM, got the architecture {kind}; {cure}")
    if config.token_mixer not in MIXERS:
        raise ValueError(
            f"a page runs models with token_mixer {', '.join(MIXERS)}, got "
            f'"{config.token_mixer}"; {cure}'
        )
    if config.start != "fixed" or config.noise:
        raise ValueError(
            "a page runs models whose states are not drawn, got one with "
            f'start "{config.start}" and noise {config.noise:g}; {cure}'
        )
    game = task_for(config)
    if not isinstance(game, Sudoku):
        raise ValueError(f"a page shows Sudoku, and this model reads {game.task}; {cure}")
    return config
