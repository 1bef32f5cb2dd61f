"""Writes a run down as it goes: metrics, TensorBoard events, weights to use, the state to resume from.

Shapes: S steps of a window.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hrm_rl.checks.files import parse_json
from hrm_rl.models import Model
from hrm_rl.models.checkpoint import CheckpointError, rebuild, save_model, save_tensors
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.events import Events
from hrm_rl.training.monitor import Diverged, Window, not_finite, summarise
from hrm_rl.training.signals import unbroken
from hrm_rl.training.snapshot import RUN, WINDOW, snapshot
from hrm_rl.training.train import TrainState


class Journal:
    """Metrics every `log_every` steps, the state every `save_every`.

    Where a run stops between two lines of metrics, the part of the line that there is, is told and
    logged, and saved with the state: the run that goes on takes it back and tells the whole line. So
    stops leave no trace in the metrics.
    """

    def __init__(
        self,
        state: TrainState,
        folder: Path | None,
        told: Window | None = None,
        claim: ExitStack | None = None,
    ) -> None:
        """Without a folder it only tells the metrics, and whether the run diverged.

        Args:
            told: the steps since the last line, which a stopped run has told of.
            claim: what is to be given up when the journal is closed: the folder's lock.
        """
        self.state, self.folder = state, folder
        self.claim = claim or ExitStack()
        self.saved = state.step
        """The step that the folder holds."""
        self.told: Window = told or []
        """What came since the last line and was told of in part, of all processes,"""
        self.window: Window = []
        """and what came after that, here;"""
        self.since = time.perf_counter()
        """and when it began to come."""
        first = state.step - state.step % state.config.log_every + 1
        self.events = (
            Events(folder, first, state.config) if folder and state.world.rank == 0 else None
        )
        self.place = _identity(folder) if self.events else None

    def note(self, sums: dict[str, Tensor], last: bool = False) -> dict[str, float] | None:
        """What a step gave; metrics where some are due. The `last` is written down in any case.

        Raises:
            Diverged: NaN or inf; the last checkpoint before it is kept.
            CheckpointError: the folder is lost or full; likewise.
        """
        self.window.append(sums)
        step, c = self.state.step, self.state.config
        if not last and step % c.log_every:
            return None
        metrics = self._sum_up()
        if last or step % c.save_every == 0:
            self.save()
        return metrics

    def _sum_up(self) -> dict[str, float]:
        """Metrics of the line so far, logged; if it is whole the next one begins."""
        taken, step = len(self.window), self.state.step
        line = self.told + self.state.world.window(self.window)
        metrics = _summarise(self.state, line, self.folder)
        metrics["steps_per_second"] = taken / (time.perf_counter() - self.since)
        if self.folder is not None:
            self.state.world.first(lambda: self._log(metrics, line))
        self.told = line if step % self.state.config.log_every else []
        self.window, self.since = [], time.perf_counter()
        return metrics

    def _log(self, metrics: dict[str, float], line: Window) -> None:
        assert self.events is not None  # this is rank 0
        self._hold_on_to_the_folder()
        counts_M = torch.stack([sums["histogram"] for sums in line]).sum(0).cpu()
        self.events.line(self.state.step, metrics, counts_M)

    def save(self) -> None:
        """Save the run as it is, unless it is saved already; Ctrl-C waits for it.

        Raises:
            Diverged, CheckpointError: as `note` does.
        """
        if self.folder is None or self.saved == self.state.step:
            return
        with unbroken():
            if self.window:
                self._sum_up()  # first, since what is logged before a checkpoint never comes again
            self.state.world.first(self._hold_on_to_the_folder)
            save(self.state, self.folder, self.told)
            self.saved = self.state.step

    def _hold_on_to_the_folder(self) -> None:
        """Raise if the folder is not the one that it was: nothing is written into another's."""
        if self.folder is None or _identity(self.folder) == self.place:
            return
        raise CheckpointError(
            f"{self.folder} was moved, deleted or replaced while the run was on; put it back (it held "
            f"step {self.saved}), and the same command goes on from there"
        )

    def close(self) -> None:
        """Close the events and give up the folder; saves nothing."""
        if self.events is not None:
            self.events.close()
        self.claim.close()


def _identity(folder: Path | None) -> tuple[int, int] | None:
    """What tells a folder from another of its name; None where there is none."""
    try:
        found = os.stat(folder) if folder else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None


def averaged_model(state: TrainState) -> Model:
    """A copy of the model in eval mode, with the averaged weights where the run keeps them."""
    weights = dict(state.model.state_dict())
    if state.ema:
        names = [name for name, _ in state.model.named_parameters()]
        weights |= dict(zip(names, state.ema, strict=True))
    return rebuild(state.config.model, weights)


def save(state: TrainState, folder: Path, told: Window | None = None) -> None:
    """Write the weights and then the checkpoint; never replaces a good one by one that diverged.

    Args:
        told: the steps since the last line of metrics.

    Raises:
        Diverged: something to be saved is not finite; nothing was written.
    """
    tensors, world = snapshot(state), state.world
    if bad := [name for name, value in tensors.items() if not torch.isfinite(value).all()]:
        raise Diverged(f"step {state.step}: {not_finite(bad)}; {_cure(folder)}")
    for name in told[0] if told else ():
        tensors[WINDOW + name] = torch.stack([sums[name] for sums in told or ()])
    world.first(lambda: _write(state, tensors, folder))


def _write(state: TrainState, tensors: dict[str, Tensor], folder: Path) -> None:
    c = state.config
    card = {
        "step": state.step,
        "max_segments": c.max_segments,
        "halting": c.halting,
        "data": [list(item) for item in c.data],
    }
    save_model(folder / "weights", averaged_model(state), card)
    tensors[RUN] = torch.frombuffer(bytearray(run_of(c).encode()), dtype=torch.uint8)
    save_tensors(folder / "state.safetensors", tensors, {"step": str(state.step)})


def run_of(config: TrainConfig) -> str:
    """What tells whose a saved state is: the config but for `steps`, which may grow."""
    values: dict[str, Any] = parse_json(config.to_json())
    return json.dumps({name: value for name, value in values.items() if name != "steps"})


def _summarise(state: TrainState, line: Window, folder: Path | None) -> dict[str, float]:
    try:
        return summarise(state, line)
    except Diverged as error:
        raise Diverged(f"{error}; {_cure(folder)}") from None


def _cure(folder: Path | None) -> str:
    saved = folder is not None and (folder / "weights.safetensors").exists()
    start = f' from the weights saved before (init="{folder}")' if saved else ""
    return f"begin a new run{start} with a lower lr or q_weight"
