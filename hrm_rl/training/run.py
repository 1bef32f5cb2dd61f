"""A run folder: config, checkpoint to resume from, weights to use, TensorBoard events.

`config.json` decides the run. `state.safetensors` is all that the next step depends on, in one
file, so that saving it is atomic and a resumed run goes on bit for bit (CPU) as one that never
stopped. `weights.safetensors` and its JSON are what `load_model(folder)` reads. One process at a
time works in a folder.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from hrm_rl.checks import reading
from hrm_rl.checks.files import parse_json
from hrm_rl.checks.lock import sole, try_folder
from hrm_rl.checks.numbers import whole
from hrm_rl.models.checkpoint import CheckpointError, write_atomically
from hrm_rl.models.tensorfile import sweep_temporary
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.journal import Journal, averaged_model, save
from hrm_rl.training.monitor import Window
from hrm_rl.training.parallel import ALONE, World
from hrm_rl.training.signals import interruptible
from hrm_rl.training.snapshot import RUN, read_state, restore, unusable
from hrm_rl.training.train import TrainState, train

__all__ = [
    "Journal",
    "averaged_model",
    "going_on",
    "interruptible",
    "open_run",
    "opened",
    "refuse_another",
    "run",
    "save",
    "saved_config",
    "steps_done",
]


def run(
    config: TrainConfig, folder: str | Path, stop: int | None = None, world: World = ALONE
) -> Iterator[dict[str, float]]:
    """Train in a folder: resume what lies there, log, save; yields metrics every `log_every` steps.

    Ctrl-C ends the run after the step at hand, saved; so do SIGTERM and SIGHUP, which then end the
    program too. So does leaving the loop over `run`.

    Args:
        stop: end at this step, saved, although the config (and its schedule) goes on.
        world: the processes that run this together (`parallel.joined`), all of which get the
            metrics; rank 0 alone needs the folder. Ctrl-C waits for the next metrics then.

    Raises:
        ValueError: the folder holds a run with another config (but for fewer `steps`), another
            process works in it, or it cannot be read or written.
        Diverged: NaN or inf; the last checkpoint before it is kept.
    """
    stop = None if stop is None else whole("stop", stop, low=1)
    patient = world.size > 1  # torchrun sends its children a Ctrl-C after the terminal's
    with interruptible(patient) as interrupted, closing(opened(config, folder, world)) as journal:
        yield from going_on(journal, interrupted, stop)


def going_on(
    journal: Journal, interrupted: Callable[[], int], stop: int | None = None
) -> Iterator[dict[str, float]]:
    """`run`, in a folder that is open, until `interrupted` gives a number other than 0."""
    state, world = journal.state, journal.state.world
    c = state.config
    end = min(c.steps, stop or c.steps)
    if state.step >= end or world.any(bool(interrupted())):
        return
    for sums in train(state):
        asked = world.size == 1 or state.step % c.log_every == 0
        last = state.step >= end or (asked and world.any(bool(interrupted())))
        metrics = journal.note(sums, last)
        if metrics is None:
            continue
        try:
            yield metrics
        except GeneratorExit:
            journal.save()
            raise
        if last:
            return
        journal.since = time.perf_counter()


def opened(config: TrainConfig, folder: str | Path, world: World = ALONE) -> Journal:
    """The run in `folder`, begun or resumed, and nobody else's until the journal is closed."""
    folder = reading.place("folder", folder)
    if not isinstance(config, TrainConfig):
        raise ValueError(
            f"a TrainConfig is wanted, got {config!r:.60}; hrm_rl.training.presets.PRESETS has some"
        )
    with ExitStack() as claim:
        # Nothing to send to the other ranks: the lock stays with the first.
        world.first(lambda: _claim(claim, folder))
        state, told = open_run(config, folder, world)
        return Journal(state, folder, told, claim.pop_all())


def _claim(claim: ExitStack, folder: Path) -> None:
    claim.enter_context(sole(folder, "trained", "--run"))
    sweep_temporary(folder)


def open_run(config: TrainConfig, folder: Path, world: World = ALONE) -> tuple[TrainState, Window]:
    """The run in `folder`, and what it has told of of the line of metrics that it stopped in."""
    saved, checkpoint = folder / "config.json", folder / "state.safetensors"
    world.first(lambda: refuse_another(config, saved, longer=True))
    told: Window = []
    if not world.first(saved.exists):
        world.first(lambda: _try(folder))
    resumes = world.first(checkpoint.exists)
    state = TrainState.create(config, world, resumes)
    world.first(lambda: _write_config(config, saved))
    if resumes:
        world.first(lambda: _refuse_state(config, checkpoint))
        told = _steps(restore(state, checkpoint), state)
        if state.step < config.steps:  # a finished run may be read-only
            world.first(lambda: _try(folder))
    return state, told


def _try(folder: Path) -> None:
    """Raises CheckpointError: nothing can be written in the folder; before the first step, not after."""
    try:
        try_folder(folder)
    except OSError as error:
        raise CheckpointError(str(error)) from error


def _write_config(config: TrainConfig, saved: Path) -> None:
    content = config.to_json().encode()
    if not saved.exists() or saved.read_bytes() != content:  # a finished run may be read-only
        write_atomically(saved, content)


def _steps(told: dict[str, Tensor], state: TrainState) -> Window:
    """What was saved of a window, step by step, where training goes on."""
    device, count = state.slots.m_B.device, len(next(iter(told.values()), ()))
    return [{name: values[i].to(device) for name, values in told.items()} for i in range(count)]


def steps_done(folder: Path) -> int:
    """The step of the checkpoint in a run folder; 0 if there is none.

    Raises:
        CheckpointError: there is a file that is none.
    """
    path = folder / "state.safetensors"
    return _whose(path)[0] if path.exists() else 0


def _whose(path: Path) -> tuple[int, dict[str, Any]]:
    """Of a saved state, its step and the config of its run; no config in those of older versions."""
    step, saved = read_state(path)
    try:
        return step, parse_json(saved[RUN].numpy().tobytes() if RUN in saved else b"{}")
    except ValueError as error:
        raise unusable(path, str(error)) from error


def _refuse_state(config: TrainConfig, checkpoint: Path) -> None:
    """Raise if the state was saved by a run with another config."""
    step, there = _whose(checkpoint)
    if step > config.steps:
        raise unusable(checkpoint, f"it is of step {step}, the run has {config.steps}")
    if not there:
        return
    try:  # an older version had fewer fields
        then = TrainConfig.from_json(json.dumps(there | {"steps": config.steps}))
    except ValueError as error:
        raise unusable(checkpoint, str(error)) from error
    if differing := _differing(asdict(then), asdict(config)):
        raise unusable(checkpoint, f"it is of another run: {'; '.join(differing)}")


def refuse_another(config: TrainConfig, saved: Path, longer: bool = False) -> None:
    """Raise if there is a config at `saved` and it is not `config`.

    Args:
        longer: `config` may have more steps.

    Raises:
        ValueError: there is another, or what is there is none.
    """
    if not saved.exists():
        return
    there, here = asdict(saved_config(saved)), asdict(config)
    grown = longer and there["steps"] < here["steps"]
    differing = _differing(there, here, ["steps"] if grown else [])
    if differing:
        raise ValueError(
            f"{saved.parent} holds a run with another config ({'; '.join(differing)}); "
            "choose another folder, or delete this one"
        )


def saved_config(path: Path) -> TrainConfig:
    """The config that a run folder holds.

    Raises:
        ValueError: what is there is none.
    """
    try:
        with reading.opened(path) as file:
            return TrainConfig.from_json(file.read().decode())
    except (ValueError, OSError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read: {error}; choose another run folder") from error


def _differing(
    there: dict[str, Any], here: dict[str, Any], but: list[str] | None = None
) -> list[str]:
    """What differs between two configs, in words."""
    return [
        f"{name} {there.get(name)!r} there, {value!r} here"
        for name, value in here.items()
        if name not in (but or ()) and there.get(name) != value
    ]
