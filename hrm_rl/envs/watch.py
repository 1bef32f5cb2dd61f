"""Watch one puzzle being solved, in a window or as a GIF; the viewer may be the one who halts."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

import torch

from hrm_rl.envs.frame import Frame
from hrm_rl.envs.render import Window
from hrm_rl.evaluate import solve
from hrm_rl.halting import Policy
from hrm_rl.models import Model
from hrm_rl.puzzles import PuzzleSet, task_of
from hrm_rl.puzzles.verdicts import valid_optimal

SECONDS_PER_SEGMENT = 0.8


def solve_frames(
    model: Model, puzzle: PuzzleSet, policy: Policy, max_segments: int
) -> Iterator[Frame]:
    """One frame for each segment that the policy runs; the last one halts.

    Args:
        puzzle: a set of one; only the verdict looks at its solution.
    """
    game, previous_L = task_of(puzzle.task), None
    x_BT, y_BT = torch.from_numpy(puzzle.inputs_PL), torch.from_numpy(puzzle.solutions_PL)
    for at in solve(model, x_BT[0], policy, max_segments, int(puzzle.ids_P[0])):
        cells_L = game.values(at.prediction_T.numpy())
        q_halt, q_continue = at.q_2.sigmoid().tolist()
        yield Frame(
            givens_L=game.values(puzzle.inputs_PL[0]),
            cells_L=cells_L,
            previous_L=previous_L,
            segment=at.segment,
            max_segments=max_segments,
            q_halt=q_halt,
            q_continue=q_continue,
            decision="forced" if at.forced else "halt" if at.action else "continue",
            correct=bool(valid_optimal(game, x_BT, at.prediction_T[None], y_BT)),
            title=game.task,
            task=game.task,
            demonstrations=puzzle.shown.get(int(puzzle.ids_P[0]), ()),
        )
        previous_L = cells_L


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
