"""A run folder: config, checkpoint to resume from, weights to use, TensorBoard events.

`config.json` decides the run. `state.safetensors` is all that the next step depends on, in one
file, so that saving it is atomic and a resumed run goes on bit for bit (CPU) as one that never
stopped. `weights.safetensors` and its JSON are what `load_model(folder)` reads.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hrm_rl.models import Model
from hrm_rl.models.checkpoint import rebuild, save_model, save_tensors, write_atomically
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.monitor import Diverged, Window, log, not_finite, summarise
from hrm_rl.training.parallel import ALONE, World
from hrm_rl.training.snapshot import restore, snapshot
from hrm_rl.training.train import TrainState, train

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def run(
    config: TrainConfig, folder: str | Path, stop: int | None = None, world: World = ALONE
) -> Iterator[dict[str, float]]:
    """Train in a folder: resume what lies there, log, save; yields metrics every `log_every` steps.

    Ctrl-C ends the run after the step at hand, saved. So does leaving the loop over `run`.

    Args:
        stop: end at this step, saved, although the config (and its schedule) goes on.
        world: the processes that run this together (`parallel.joined`), all of which get the
            metrics; rank 0 alone needs the folder. Ctrl-C waits for the next metrics then.

    Raises:
        ValueError: the folder holds a run with another config, or cannot be read or written.
        Diverged: NaN or inf; the last checkpoint before it is kept.
    """
    folder = Path(folder)
    state = open_run(config, folder, world)
    end = min(config.steps, stop or config.steps)
    if state.step >= end:
        return
    with closing(Journal(state, folder)) as journal, interruptible() as interrupted:
        for sums in train(state):
            asked = world.size == 1 or state.step % config.log_every == 0
            last = state.step >= end or (asked and world.any(interrupted()))
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


class Journal:
    """Writes a run down as it goes: metrics every `log_every` steps, the state every `save_every`."""

    def __init__(self, state: TrainState, folder: Path | None) -> None:
        """Without a folder it only tells the metrics, and whether the run diverged."""
        self.state, self.folder = state, folder
        self.saved = state.step
        """The step that the folder holds."""
        self.window: Window = []
        """What came since the last metrics,"""
        self.since = time.perf_counter()
        """and when it began to come."""
        first = state.world.rank == 0
        self.writer = _writer(folder, state.step + 1) if folder and first else None

    def note(self, sums: dict[str, Tensor], last: bool = False) -> dict[str, float] | None:
        """What a step gave; metrics where some are due. The `last` is written down in any case.

        Raises:
            Diverged: NaN or inf; the last checkpoint before it is kept.
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
        """Metrics of the window, logged; the next window begins."""
        self.window = self.state.world.window(self.window)
        metrics = _summarise(self.state, self.window, self.folder)
        metrics["steps_per_second"] = len(self.window) / (time.perf_counter() - self.since)
        if self.writer is not None:
            log(self.writer, self.state.step, metrics, self.window)
        self.window, self.since = [], time.perf_counter()
        return metrics

    def save(self) -> None:
        """Save the run as it is, unless it is saved already."""
        if self.folder is None or self.saved == self.state.step:
            return
        if self.window:
            self._sum_up()
        if self.writer is not None:
            self.writer.flush()  # first, since what is logged before a checkpoint never comes again
        save(self.state, self.folder)
        self.saved = self.state.step

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


def _writer(folder: Path, first: int) -> SummaryWriter:
    """Events of a folder from step `first` on.

    A killed run has logged steps after its last checkpoint, which come again: they are purged.
    """
    from torch.utils.tensorboard import SummaryWriter

    _wait_for_the_next_second(folder)
    return SummaryWriter(str(folder), purge_step=first)


def _wait_for_the_next_second(folder: Path) -> None:
    """TensorBoard reads event files in the order of their names, which begin with the second."""
    seconds = [int(path.name.split(".")[3]) for path in folder.glob("events.out.tfevents.*")]
    if int(time.time()) in seconds:
        time.sleep(1 - time.time() % 1)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Within it the first Ctrl-C only sets a flag, which the function it gives reads.

    The second interrupts as ever.
    """
    hit = False

    def on_signal(number: int, frame: object) -> None:
        nonlocal hit
        if hit:
            raise KeyboardInterrupt
        hit = True

    try:
        before = signal.signal(signal.SIGINT, on_signal)
    except ValueError:  # not the main thread: signals are not ours to take
        yield lambda: False
        return
    try:
        yield lambda: hit
    finally:
        signal.signal(signal.SIGINT, before)


def averaged_model(state: TrainState) -> Model:
    """A copy of the model in eval mode, with the averaged weights where the run keeps them."""
    weights = dict(state.model.state_dict())
    if state.ema:
        names = [name for name, _ in state.model.named_parameters()]
        weights |= dict(zip(names, state.ema, strict=True))
    return rebuild(state.config.model, weights)


def save(state: TrainState, folder: Path) -> None:
    """Write the weights and then the checkpoint; never replaces a good one by one that diverged.

    Raises:
        Diverged: something to be saved is not finite; nothing was written.
    """
    tensors, world = snapshot(state), state.world
    if bad := [name for name, value in tensors.items() if not torch.isfinite(value).all()]:
        raise Diverged(f"step {state.step}: {not_finite(bad)}; {_cure(folder)}")
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
    save_tensors(folder / "state.safetensors", tensors, {"step": str(state.step)})


def _summarise(state: TrainState, window: Window, folder: Path | None) -> dict[str, float]:
    try:
        return summarise(state, window)
    except Diverged as error:
        raise Diverged(f"{error}; {_cure(folder)}") from None


def _cure(folder: Path | None) -> str:
    saved = folder is not None and (folder / "weights.safetensors").exists()
    start = f' from the weights saved before (init="{folder}")' if saved else ""
    return f"begin a new run{start} with a lower lr or q_weight"


def open_run(config: TrainConfig, folder: Path, world: World = ALONE) -> TrainState:
    """The run in `folder`, begun or resumed."""
    saved, checkpoint = folder / "config.json", folder / "state.safetensors"
    world.first(lambda: refuse_another(config, saved))
    state = TrainState.create(config, world)
    world.first(lambda: write_atomically(saved, config.to_json().encode()))
    if world.first(checkpoint.exists):
        restore(state, checkpoint)
    return state


def refuse_another(config: TrainConfig, saved: Path) -> None:
    """Raise if there is a config at `saved` and it is not `config`.

    Raises:
        ValueError: there is another, or what is there is none.
    """
    if not saved.exists():
        return
    try:
        there = asdict(TrainConfig.from_json(saved.read_text()))
    except (ValueError, OSError) as error:
        raise ValueError(f"{saved} cannot be read: {error}; choose another run folder") from error
    here = asdict(config)
    differing = [f"{k} {there[k]!r} there, {v!r} here" for k, v in here.items() if there[k] != v]
    if differing:
        raise ValueError(
            f"{saved.parent} holds a run with another config ({'; '.join(differing)}); "
            "choose another folder, or delete this one"
        )
