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

import torch

from hrm_rl.checkpoint import rebuild, save_model, save_tensors, write_atomically
from hrm_rl.config import TrainConfig
from hrm_rl.models.hrm import HRM
from hrm_rl.monitor import Diverged, Window, log, not_finite, summarise
from hrm_rl.snapshot import restore, snapshot
from hrm_rl.train import TrainState, train


def run(
    config: TrainConfig, folder: str | Path, stop: int | None = None
) -> Iterator[dict[str, float]]:
    """Train in a folder: resume what lies there, log, save; yields metrics every `log_every` steps.

    Ctrl-C ends the run after the step at hand, saved. So does leaving the loop over `run`.

    Args:
        stop: end at this step, saved, although the config (and its schedule) goes on.

    Raises:
        ValueError: the folder holds a run with another config, or cannot be read or written.
        Diverged: NaN or inf; the last checkpoint before it is kept.
    """
    from torch.utils.tensorboard import SummaryWriter

    folder = Path(folder)
    state = _open(config, folder)
    end = min(config.steps, stop or config.steps)
    if state.step >= end:
        return
    _wait_for_the_next_second(folder)
    # purge_step: a killed run has logged steps after its last checkpoint, which come again.
    with (
        closing(SummaryWriter(str(folder), purge_step=state.step + 1)) as writer,
        interruptible() as interrupted,
    ):
        window: Window = []
        since = time.perf_counter()
        for sums in train(state):
            window.append(sums)
            last = state.step >= end or interrupted()
            if not last and state.step % config.log_every:
                continue
            metrics = _summarise(state, window, folder)
            metrics["steps_per_second"] = len(window) / (time.perf_counter() - since)
            log(writer, state.step, metrics, window)
            due = last or state.step % config.save_every == 0
            if due:
                writer.flush()  # first, since what is logged before a checkpoint never comes again
                save(state, folder)
            try:
                yield metrics
            except GeneratorExit:
                if not due:
                    save(state, folder)
                raise
            if last:
                return
            since, window = time.perf_counter(), []


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


def averaged_model(state: TrainState) -> HRM:
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
    tensors = snapshot(state)
    if bad := [name for name, value in tensors.items() if not torch.isfinite(value).all()]:
        raise Diverged(f"step {state.step}: {not_finite(bad)}; {_cure(folder)}")
    c = state.config
    card = {
        "step": state.step,
        "max_segments": c.max_segments,
        "learner": c.learner,
        "data": [list(item) for item in c.data],
    }
    save_model(folder / "weights", averaged_model(state), card)
    save_tensors(folder / "state.safetensors", tensors, {"step": str(state.step)})


def _summarise(state: TrainState, window: Window, folder: Path) -> dict[str, float]:
    try:
        return summarise(state, window)
    except Diverged as error:
        raise Diverged(f"{error}; {_cure(folder)}") from None


def _cure(folder: Path) -> str:
    saved = (folder / "weights.safetensors").exists()
    start = f' from the weights saved before (init="{folder}")' if saved else ""
    return f"begin a new run{start} with a lower lr or q_weight"


def _open(config: TrainConfig, folder: Path) -> TrainState:
    """The run in `folder`, begun or resumed."""
    saved = folder / "config.json"
    if saved.exists():
        _refuse_another(config, saved)
    state = TrainState.create(config)
    write_atomically(saved, config.to_json().encode())
    if (folder / "state.safetensors").exists():
        restore(state, folder / "state.safetensors")
    return state


def _refuse_another(config: TrainConfig, saved: Path) -> None:
    """Raise if the config at `saved` is not `config`."""
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
