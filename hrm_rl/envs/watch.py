"""Watch one puzzle being solved, in a window or as a GIF; the viewer may be the one who halts."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from hrm_rl.envs.frame import Frame, frame_at
from hrm_rl.envs.render import Window
from hrm_rl.evaluate import solve
from hrm_rl.halting import Policy
from hrm_rl.models import Model
from hrm_rl.puzzles import PuzzleSet, task_of
from hrm_rl.puzzles.verdicts import valid_optimal

SECONDS_PER_SEGMENT = 0.8


class Shown(NamedTuple):
    """What is to be seen of a puzzle at one moment of its solve."""

    segment: int
    prediction_L: Tensor
    q_2: Tensor
    """Logits of halting and of continuing."""
    decision: str


def solve_frames(
    model: Model, puzzle: PuzzleSet, policy: Policy, max_segments: int
) -> Iterator[Frame]:
    """One frame for each segment that the policy runs; the last one halts.

    Args:
        puzzle: a set of one; only the verdict looks at its solution.
    """
    x_T = torch.from_numpy(puzzle.inputs_PL[0])
    moments = (
        Shown(
            at.segment,
            at.prediction_T,
            at.q_2,
            "forced" if at.forced else "halt" if at.action else "continue",
        )
        for at in solve(model, x_T, policy, max_segments, int(puzzle.ids_P[0]))
    )
    yield from frames_of(puzzle, moments, max_segments)


def frames_of(puzzle: PuzzleSet, moments: Iterable[Shown], max_segments: int) -> Iterator[Frame]:
    """A frame for each moment; changes are shaded against the one before.

    Args:
        puzzle: as for `solve_frames`.
    """
    rules, previous_L = task_of(puzzle.task), None
    x_BT, y_BT = torch.from_numpy(puzzle.inputs_PL), torch.from_numpy(puzzle.solutions_PL)
    for at in moments:
        prediction_L = at.prediction_L.cpu()
        yield frame_at(
            puzzle,
            0,
            prediction_L=prediction_L.numpy(),
            previous_L=previous_L,
            q_2=at.q_2.sigmoid().tolist(),
            segment=at.segment,
            max_segments=max_segments,
            decision=at.decision,
            correct=bool(valid_optimal(rules, x_BT, prediction_L[None], y_BT)),
        )
        previous_L = prediction_L.numpy()


def watch(frames: Iterator[Frame], window: Window) -> None:
    """Show a solve as it comes; q, escape or closing the window ends it early."""
    for frame in frames:
        window.show(frame)
        until = time.monotonic() + SECONDS_PER_SEGMENT
        while time.monotonic() < until:
            if window.poll() == "quit":
                return
            time.sleep(0.02)


def halt_by_hand(frames: Iterator[Frame], window: Window) -> Frame | None:
    """Let the person at the window decide: space continues, enter halts, q quits.

    Args:
        frames: a solve that never halts by itself. The verdict is kept back until the person halts.

    Returns:
        The frame at which they halted, or None if they quit.
    """
    for frame in frames:
        decision = "forced"
        if frame.decision != "forced":
            window.show(dataclasses.replace(frame, decision="", correct=None))
            decision = window.wait()
        if decision == "quit":
            return None
        if decision != "continue":
            halted = dataclasses.replace(frame, decision=decision)
            window.show(halted)
            return halted
    return None


def show(frames: Iterator[Frame], title: str, *, by_hand: bool) -> Frame | None:
    """Open a window for a solve and keep it open at the end until a key is pressed.

    Returns:
        The frame at which the person halted, if they were to (`halt_by_hand`).

    Raises:
        ValueError: no window can be opened.
    """
    window = Window(title)
    try:
        if not by_hand:
            watch(frames, window)
            window.wait()
            return None
        halted = halt_by_hand(frames, window)
        if halted:
            window.wait()
        return halted
    finally:
        window.close()
