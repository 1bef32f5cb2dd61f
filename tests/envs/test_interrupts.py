"""A step or reset that is broken off did not happen: Ctrl-C at every point, and too little memory."""

import sys
from collections.abc import Callable
from itertools import count
from types import FrameType
from typing import Any

import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError
from gymnasium.utils.env_checker import data_equivalence
from scripted import PUZZLES, Scripted
from tiny import tiny_run
from torch import Tensor

from hrm_rl.banks.bank import log_bank
from hrm_rl.envs.engine import AUTORESETS
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.training import TrainingVectorEnv
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.models.checkpoint import load_model


class Interrupted(Scripted):
    """Raises at the `at`-th call of its methods."""

    calls = 0
    at = -1
    error: BaseException = KeyboardInterrupt()

    def called(self) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise self.error

    def initial(self, slots: int) -> Any:
        self.called()
        return super().initial(slots)

    def segment(self, carry: Any, x_BT: Tensor, rows_BE: Tensor) -> Any:
        self.called()
        returned = super().segment(carry, x_BT, rows_BE)
        self.called()  # before anybody sees it
        return returned


BANK = log_bank(Scripted(), PUZZLES, 4)
WAYS = ["single", *AUTORESETS]


def make(way: str, **arguments: Any) -> Any:
    arguments |= {"max_segments": 4, "step_cost": 0.5}
    if way == "single":
        return HaltingEnv(**arguments)
    return HaltingVectorEnv(4, autoreset_mode=way, **arguments)


def moves(env: Any, way: str) -> list[Callable[[], Any]]:
    """Calls to compare: steps, and resets of each kind."""
    if way == "single":
        halves = [lambda: env.step(0), lambda: env.step(1)]
        return [lambda: env.reset(seed=3), *halves, lambda: env.reset(options={"puzzle": 2}),
                lambda: env.step(0), lambda: env.reset(), lambda: env.step(0)]  # fmt: skip
    steps = [lambda a=a: env.step(np.array(a)) for a in ([0, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1])]
    if way == "Disabled":
        steps = [lambda: env.step(np.array([0, 1, 0, 0]))]
        mask = np.array([False, True, False, False])
        steps += [
            lambda: env.reset(options={"reset_mask": mask}),
            lambda: env.step(np.zeros(4, int)),
        ]
    return [lambda: env.reset(seed=3), *steps, lambda: env.reset(), *steps,
            lambda: env.reset(seed=[1, None, 2, None], options={"puzzle": 5}), *steps]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_at_any_call_of_the_model_leaves_the_environment_as_it_was(way: str) -> None:
    model = Interrupted()
    env, smooth = (
        make(way, model=model, puzzles=PUZZLES),
        make(way, model=Scripted(), puzzles=PUZZLES),
    )
    broken = 0
    for move, undisturbed in zip(moves(env, way), moves(smooth, way), strict=True):
        for at in count(1):
            model.calls, model.at = 0, at
            try:
                found = move()
                break
            except KeyboardInterrupt:
                broken += 1
        assert data_equivalence(found, undisturbed(), exact=True)
    assert broken >= 2 * len(moves(env, way))


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_at_any_line_leaves_an_environment_on_a_bank_as_it_was(way: str) -> None:
    """Every line of this package that a step runs, but those that put things back."""
    env, smooth = make(way, bank=BANK), make(way, bank=BANK)
    for move, undisturbed in list(zip(moves(env, way), moves(smooth, way), strict=True))[:4]:
        for at in count(1, 5):
            try:
                found = _broken_off(move, at)
                break
            except KeyboardInterrupt:
                continue
        assert at > 50 and data_equivalence(found, undisturbed(), exact=True)


def _broken_off(move: Callable[[], Any], at: int) -> Any:
    """Run it, with a KeyboardInterrupt at the `at`-th line."""
    seen = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        ours = "hrm_rl" in frame.f_code.co_filename and frame.f_code.co_name not in GUARD
        if not ours:
            return trace if frame.f_code.co_name in GUARD else None
        if event == "line":
            seen += 1
            if seen == at:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return move()
    finally:
        sys.settrace(before)


GUARD = {"call", "kept", "bring_back", "lighten", "shelter"}


@pytest.mark.parametrize("way", WAYS)
def test_too_little_memory_in_a_step_says_what_to_lower_and_changes_nothing(way: str) -> None:
    model = Interrupted()
    model.error = RuntimeError(
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 B"
    )
    env, smooth = (
        make(way, model=model, puzzles=PUZZLES),
        make(way, model=Scripted(), puzzles=PUZZLES),
    )
    for move, undisturbed in list(zip(moves(env, way), moves(smooth, way), strict=True))[:2]:
        model.calls, model.at = 0, 1
        with pytest.raises(ValueError, match=r"memory for this, 4 B at once; lower num_envs$"):
            move()
        model.at = -1
        assert data_equivalence(move(), undisturbed(), exact=True)


def test_a_generator_set_by_hand_is_not_drawn_from_in_vain() -> None:
    model = Interrupted()
    env, smooth = (make("single", model=m, puzzles=PUZZLES) for m in (model, Scripted()))
    env.np_random, smooth.np_random = np.random.default_rng(5), np.random.default_rng(5)
    model.calls, model.at = 0, 1
    with pytest.raises(KeyboardInterrupt):
        env.reset()
    assert data_equivalence(env.reset(), smooth.reset(), exact=True)


def test_an_update_that_was_broken_off_is_neither_saved_nor_gone_on_from(tmp_path: Any) -> None:
    arguments = {"device": "cpu", "dtype": "float32", "save_every": 2, "log_every": 2, "steps": 8}
    arguments |= {"model": tiny_run().model, "max_segments": 3}
    env = TrainingVectorEnv(4, run=tmp_path, **arguments)
    env.reset(seed=0)
    for _ in range(3):
        env.step(np.zeros(4, int))
    optimizer = env.engine.state.optimizer
    step, optimizer.step = optimizer.step, _interrupt  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        env.step(np.zeros(4, int))
    optimizer.step = step  # type: ignore[method-assign]
    for move in (lambda: env.step(np.zeros(4, int)), env.reset):
        with pytest.raises(ClosedEnvironmentError, match="broken off midway; make the environment"):
            move()
    env.close()
    assert load_model(tmp_path)[1]["step"] == 2
    again = TrainingVectorEnv(4, run=tmp_path, **arguments)
    assert again.engine.state.step == 2
    again.close()


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
