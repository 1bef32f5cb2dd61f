"""Where the engine's tensors become what Gymnasium hands out: numpy arrays, spaces and pictures.

Shapes: N slots, T tokens, F features.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import torch
from gymnasium import logger, spaces
from gymnasium.error import InvalidAction, ResetNeeded
from torch import Tensor

from hrm_rl.checks.numbers import choice, whole
from hrm_rl.device import lighten, shelter
from hrm_rl.envs.arguments import refuse_unknown
from hrm_rl.envs.engine import Moment
from hrm_rl.envs.engines import HaltingEngine, SlotEngine
from hrm_rl.envs.frame import Frame, frame_at
from hrm_rl.envs.masks import masked
from hrm_rl.envs.render import draw
from hrm_rl.envs.reward import succeeded
from hrm_rl.loop import take
from hrm_rl.puzzles import PuzzleSet

F = TypeVar("F", bound=Callable[..., Any])


def array(found: Tensor | np.ndarray) -> np.ndarray:
    """As numpy, of what the engine keeps no part of (as of `Engine.show`)."""
    return found if isinstance(found, np.ndarray) else found.cpu().numpy()


def tensor(found: Tensor | np.ndarray) -> Tensor:
    """The same in torch."""
    return torch.from_numpy(found) if isinstance(found, np.ndarray) else found


def tensors(engine: SlotEngine, moment: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Observation and `info` in torch, on the engine's device."""
    obs_NF, info = engine.show(moment)
    return tensor(obs_NF), {key: tensor(value) for key, value in info.items()}


def show(engine: SlotEngine, moment: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Observation and `info` in numpy."""
    obs_NF, info = engine.show(moment)
    return array(obs_NF), plain(info)


def plain(info: dict[str, Any]) -> dict[str, np.ndarray]:
    """In the dtypes that Gymnasium gives to Python's bool, int and float."""
    values = info
    if not isinstance(info["cells"], np.ndarray):
        values = {key: array(value) for key, value in info.items()}
    values["cells"] = values["cells"].astype(np.float64)
    return values


def row(values: dict[str, np.ndarray], slot: int) -> dict[str, Any]:
    """`info` of one slot: Python numbers, and arrays of its own."""
    return {
        key: value[slot].copy() if value.ndim > 1 else value[slot].item()
        for key, value in values.items()
    }


def actions(given: Any, rows: int, count: int = 2) -> np.ndarray:
    """int64 (rows,): one of `count` actions for each.

    From whole numbers or booleans of Python, numpy or torch. Floats are refused, whole or not: they
    are scores or probabilities that nobody chose among.

    Raises:
        InvalidAction: not such numbers, or not one for each row; without an axis only if `rows` is 1.
    """
    try:
        array = np.asarray(given.cpu() if isinstance(given, Tensor) else given)
    except (TypeError, ValueError, RuntimeError):  # ragged, or a tensor that has a gradient
        array = np.array(None)
    fits = array.shape == (rows,) or (rows == 1 and array.shape == ())
    whole_N = (
        array.astype(np.int64)
        if array.dtype.kind in "biu" and fits
        else np.array([count], np.int64)
    )
    if whole_N.view(np.uint64).max() >= count:  # below 0 they are the largest of all
        what = (
            "action must be a whole number,"
            if rows == 1
            else f"actions must be {rows} whole numbers,"
        )
        raise InvalidAction(f"{what} {named(count)}, got {given!r}")
    return whole_N.reshape(rows)


def named(count: int) -> str:
    """The first so many actions, in words."""
    return "0 (continue) or 1 (halt)" if count == 2 else "0 (continue), 1 (halt) or 2 (restart)"


def masks(engine: SlotEngine) -> np.ndarray:
    """bool (N, A): which of the actions have an effect now.

    Raises:
        ResetNeeded: before the first reset.
    """
    with shelter():
        look = moment_of(engine).look
        return array(masked(engine.mask_MA, look)).astype(bool)


def observation_space(bounds: tuple[list[float], list[float]]) -> spaces.Box:
    low, high = bounds
    return spaces.Box(np.array(low, np.float32), np.array(high, np.float32), dtype=np.float32)


def seed(
    engine: HaltingEngine, generators: Sequence[np.random.Generator], where_N: np.ndarray
) -> None:
    """Start the puzzle sequences of the marked slots anew, each keyed by its own generator."""
    keys = [
        int(generator.integers(2**63)) if marked else 0
        for generator, marked in zip(generators, where_N, strict=True)
    ]
    engine.seed(engine.given(np.array(keys)), engine.given(where_N))


class Keeps(Protocol):
    """An environment that can go back to where it was."""

    engine: HaltingEngine

    def kept(self) -> Callable[[], None]:
        """What brings back the present state of the environment."""


def whole_or_not_at_all(method: F) -> F:
    """A reset or step that raises, be it by Ctrl-C or for want of memory, did not happen.

    What it shows does not depend on torch's defaults.
    """

    @functools.wraps(method)
    def call(env: Keeps, *args: Any, **kwargs: Any) -> Any:
        bring_back = env.kept()
        try:
            with env.engine.surroundings():
                return method(env, *args, **kwargs)
        except BaseException:
            bring_back()
            with lighten("num_envs"):
                raise

    return cast(F, call)


def dealt(options: Any, puzzles: int, rows: np.ndarray, known: Sequence[str]) -> np.ndarray | None:
    """The puzzles that a reset's `options` ask for in the marked rows; None leaves it to the seed.

    Raises:
        ValueError: there is no such option or puzzle.
    """
    if options is None:
        return None
    if not isinstance(options, Mapping):
        raise ValueError(f"options must be a dict or None, got {options!r}")
    refuse_unknown(map(str, options), known, "option of reset")
    asked = options.get("puzzle")
    if asked is None:
        return None
    numbers = np.zeros(len(rows), np.int64)
    for row in np.flatnonzero(rows).tolist():
        one, name = asked, 'options["puzzle"]'
        if "reset_mask" in known and np.ndim(
            asked
        ):  # the vector environment's may be one for each row
            one, name = _of_row(asked, row, len(rows)), f"{name}[{row}]"
        numbers[row] = whole(name, one, low=0, high=puzzles - 1, cure="it is an index in the set")
    return numbers


def _of_row(asked: Any, row: int, rows: int) -> Any:
    if np.shape(asked) != (rows,):
        raise ValueError(
            f'options["puzzle"] must be one index or one for each of {rows} rows, got shape '
            f"{np.shape(asked)}"
        )
    return asked[row]


def frame(engine: HaltingEngine, puzzles: PuzzleSet | None, slot: int) -> Frame:
    """The present moment of a slot, to be drawn. Whether it is right is told at the end.

    Raises:
        ValueError: there are no puzzles to draw.
    """
    if puzzles is None:
        raise ValueError("a synthetic bank has no puzzles to draw; leave out render_mode")
    with shelter():
        return _frame(engine, puzzles, take(moment_of(engine), slice(slot, slot + 1)))


def _frame(engine: HaltingEngine, puzzles: PuzzleSet, moment: Moment) -> Frame:
    look, restarts = moment.look, engine.mdp.restarts
    if restarts and moment.over_N:
        look = look._replace(look=look.answer)  # what was given, whenever it was seen
    shown, segment = engine.segments.pictured(look), int(look.m_B)
    own = int(look.look.m_B) if restarts else segment
    copy = int(look.copy_B) if restarts else 0
    start = "" if segment == 1 else "restart" if own == 1 and copy else "continue"
    return frame_at(
        puzzles,
        int(look.puzzle_B),
        prediction_L=array(shown.prediction_BT[0]),
        previous_L=array(shown.previous_BT[0]) if own > 1 else None,
        q_2=shown.q_B2[0].sigmoid().tolist(),
        segment=segment,
        max_segments=engine.mdp.max_segments,
        decision="halt" if moment.halted_N else "forced" if moment.forced_N else start,
        correct=_right(engine, moment) if moment.over_N else None,
        copy=copy,
        restarts=restarts,
    )


def _right(engine: HaltingEngine, moment: Moment) -> bool:
    return bool(succeeded(moment.outcome, engine.mdp.reward))


def moment_of(engine: SlotEngine) -> Moment:
    """Where every slot is.

    Raises:
        ResetNeeded: before the first reset.
    """
    if engine.moment is None:
        raise ResetNeeded("there is no episode yet; call reset() first")
    return engine.moment


def render_mode(
    mode: str | None, known: Sequence[str], drawable: bool = True, instead: str = ""
) -> str | None:
    """`mode`, if it is one of the `known` ones or None. `instead` is a cure.

    Raises:
        ValueError: it is not, or there are no puzzles to draw.
    """
    if mode is not None and mode not in known:
        choice("render_mode", mode, ["None", *known], cure=instead)
    if mode is not None and not drawable:
        raise ValueError(
            f"render_mode must be None with a synthetic bank, which has no puzzles to draw, "
            f"got {mode!r}"
        )
    return mode


def batched(values: dict[str, np.ndarray], where_N: np.ndarray) -> dict[str, Any]:
    """`info` as Gymnasium batches it: beside each key `_key`, for where it is said."""
    infos: dict[str, Any] = {}
    for key, value in values.items():
        infos[key], infos["_" + key] = value, where_N.copy()
    return infos


def pictures(mode: str | None, frames: Callable[[], Sequence[Frame]]) -> list[np.ndarray]:
    """The frames as RGB pictures (H, W, 3) uint8; none, and a warning, if there is no mode."""
    if mode is None:
        logger.warn('render() draws nothing without a mode; make it with render_mode="rgb_array"')
    return [draw(f) for f in frames()] if mode == "rgb_array" else []
