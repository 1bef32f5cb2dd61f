"""Where the engine's tensors become what Gymnasium hands out: numpy arrays, spaces and pictures.

Shapes: N slots, T tokens, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import logger, spaces
from gymnasium.error import ResetNeeded
from torch import Tensor

from hrm_rl.envs import engine
from hrm_rl.envs.engine import Engine, Moment
from hrm_rl.envs.frame import DECISIONS, Frame
from hrm_rl.envs.render import draw
from hrm_rl.puzzles import PuzzleSet, sudoku_of


def array(tensor: Tensor) -> np.ndarray:
    """A copy that shares no memory with the engine."""
    return tensor.cpu().numpy().copy()


def infos(engine_: Engine, moment: Moment) -> dict[str, np.ndarray]:
    """`info` of all slots, in the dtypes that Gymnasium gives to Python's bool, int and float."""
    values = {key: array(value) for key, value in engine.info(moment, engine_.mdp).items()}
    values["cells"] = values["cells"].astype(np.float64)
    return values


def row(values: dict[str, np.ndarray], slot: int) -> dict[str, Any]:
    """`info` of one slot: Python numbers, and arrays of its own."""
    return {
        key: value[slot].copy() if value.ndim > 1 else value[slot].item()
        for key, value in values.items()
    }


def masks(engine_: Engine) -> np.ndarray:
    """bool (N, 2): which of continue and halt have an effect now.

    Raises:
        ResetNeeded: before the first reset.
    """
    return array(engine.info(_moment(engine_), engine_.mdp)["action_mask"]).astype(bool)


def observation_space(engine_: Engine) -> spaces.Box:
    low, high = engine_.segments.bounds(engine_.mdp.time_aware)
    return spaces.Box(np.array(low, np.float32), np.array(high, np.float32), dtype=np.float32)


def seed(engine_: Engine, generators: Sequence[np.random.Generator], where_N: np.ndarray) -> None:
    """Start the puzzle sequences of the marked slots anew, each keyed by its own generator."""
    keys = [
        int(generator.integers(2**63)) if marked else 0
        for generator, marked in zip(generators, where_N, strict=True)
    ]
    device = engine_.device
    engine_.seed(torch.tensor(keys, device=device), torch.from_numpy(where_N).to(device))


def frame(engine_: Engine, puzzles: PuzzleSet, slot: int) -> Frame:
    """The present moment of a slot, to be drawn. Whether it is right is told at the end."""
    moment = _moment(engine_)
    rules, look = sudoku_of(puzzles.task), moment.look
    segment, puzzle = int(look.m_B[slot]), int(look.puzzle_B[slot])
    q_halt, q_continue = look.q_B2[slot].sigmoid().tolist()
    return Frame(
        givens_L=rules.digits(puzzles.inputs_PL[puzzle]),
        cells_L=rules.digits(array(look.prediction_BT[slot])),
        previous_L=rules.digits(array(moment.previous_NT[slot])) if segment > 1 else None,
        segment=segment,
        max_segments=engine_.mdp.max_segments,
        q_halt=q_halt,
        q_continue=q_continue,
        decision=DECISIONS[int(moment.decision_N[slot])],
        correct=bool(moment.correct_N[slot]) if bool(moment.over_N[slot]) else None,
    )


def _moment(engine_: Engine) -> Moment:
    if engine_.moment is None:
        raise ResetNeeded("there is no episode yet; call reset() first")
    return engine_.moment


def render_mode(mode: str | None, known: Sequence[str], instead: str = "") -> str | None:
    """`mode`, if it is one of the `known` ones or None.

    Raises:
        ValueError: it is not.
    """
    if mode is not None and mode not in known:
        raise ValueError(f"render_mode must be None or one of {known}, got {mode!r}{instead}")
    return mode


def pictures(mode: str | None, frames: Sequence[Frame]) -> list[np.ndarray]:
    """The frames as RGB pictures (H, W, 3) uint8; none, and a warning, if there is no mode."""
    if mode is None:
        logger.warn('render() draws nothing without a mode; make it with render_mode="rgb_array"')
    return [draw(f) for f in frames] if mode == "rgb_array" else []
