"""A run folder: config, checkpoint to resume from, weights to use, TensorBoard events.

`config.json` decides the run. `state.safetensors` is all that the next step depends on, in one file,
so that saving it is atomic and a resumed run goes on bit for bit (CPU) as one that never stopped.
`weights.safetensors` and its JSON are what `load_model(folder)` reads.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from hrm_rl.checkpoint import save_model, save_tensors, write_atomically
from hrm_rl.loop import Batch, Slots
from hrm_rl.models.hrm import HRM, Carry
from hrm_rl.optim import learning_rate
from hrm_rl.train import TrainConfig, TrainState, train


class Diverged(ValueError):
    """A loss or a weight is no longer finite."""


def run(config: TrainConfig, folder: str | Path) -> Iterator[dict[str, float]]:
    """Train in a folder: resume what lies there, log, save; yields metrics every `log_every` steps.

    Ctrl-C ends the run after the step at hand, saved.

    Raises:
        ValueError: the folder holds a run with another config.
        Diverged: NaN or inf; the last checkpoint before it is kept.
    """
    from torch.utils.tensorboard import SummaryWriter

    folder = Path(folder)
    state = _open(config, folder)
    writer = SummaryWriter(str(folder), purge_step=state.step + 1)
    since, window = time.perf_counter(), []
    with interruptible() as interrupted:
        if state.step < config.steps:
            for sums in train(state):
                window.append(sums)
                last = state.step >= config.steps or interrupted()
                if last or state.step % config.log_every == 0:
                    metrics = _metrics(state, window)
                    metrics["steps_per_second"] = len(window) / (time.perf_counter() - since)
                    _log(writer, state.step, metrics, window)
                    since, window = time.perf_counter(), []
                    yield metrics
                if last or state.step % config.save_every == 0:
                    save(state, folder)
                if last:
                    break
    writer.close()


@contextmanager
def interruptible() -> Iterator[object]:
    """Within it the first Ctrl-C only sets a flag, which the yielded function reads; the second interrupts."""
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
    model = HRM(state.config.model)
    model.load_state_dict(state.model.state_dict())
    with torch.no_grad():
        for p, average in zip(model.parameters(), state.ema, strict=False):
            p.copy_(average)
    return model.eval().requires_grad_(False)


def save(state: TrainState, folder: Path) -> None:
    """Write the weights and then the checkpoint; refuses to replace a good one by one that diverged."""
    for name, tensor in state.model.state_dict().items():
        if not torch.isfinite(tensor).all():
            raise Diverged(f"step {state.step}: the weights {name} are not finite; {_cure(folder)}")
    card = {"step": state.step, "max_segments": state.config.max_segments, "learner": state.config.learner,
            "data": [list(item) for item in state.config.data]}  # fmt: skip
    save_model(folder / "weights", averaged_model(state), card)
    save_tensors(folder / "state.safetensors", state_tensors(state), {"step": str(state.step)})


def _cure(folder: Path) -> str:
    return f"the last checkpoint in {folder} is from before; lower lr or q_weight and resume"


def state_tensors(state: TrainState) -> dict[str, Tensor]:
    """Everything the next step depends on, under flat names."""
    names = [name for name, _ in state.model.named_parameters()]
    moments = [state.optimizer.state[p] for p in state.model.parameters()]
    tensors = {f"model.{k}": v for k, v in state.model.state_dict().items()}
    tensors |= {f"m.{n}": s["m"] for n, s in zip(names, moments, strict=True)}
    tensors |= {f"v.{n}": s["v"] for n, s in zip(names, moments, strict=True)}
    tensors |= {f"ema.{n}": average for n, average in zip(names, state.ema, strict=False)}
    tensors |= {f"slots.{k}": v for k, v in {**state.slots.carry._asdict(), **state.slots.batch._asdict()}.items()}
    tensors |= {"slots.m_B": state.slots.m_B, "slots.min_B": state.min_B}
    if state.generator is not None:
        tensors["generator"] = state.generator.get_state()
    return tensors


def restore(state: TrainState, path: Path) -> None:
    """Put a freshly created run where the checkpoint at `path` was."""
    device = state.slots.m_B.device
    with safe_open(path, "pt") as file:
        state.step = int(file.metadata()["step"])
        read = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118

    def part(prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v.to(device) for k, v in read.items() if k.startswith(prefix)}

    state.model.load_state_dict(part("model."))
    m, v, ema, slots = part("m."), part("v."), part("ema."), part("slots.")
    for name, p in state.model.named_parameters():
        state.optimizer.state[p] = {"m": m[name], "v": v[name]}
    for group in state.optimizer.param_groups:
        group["t"] = state.step
    state.ema = [ema[name] for name, _ in state.model.named_parameters()] if ema else []
    state.slots = Slots(
        Carry(slots["z_H"], slots["z_L"]), Batch(slots["x_BT"], slots["y_BT"], slots["id_B"]), slots["m_B"]
    )
    state.min_B = slots["min_B"]
    if state.generator is not None:
        state.generator.set_state(read["generator"])


def _open(config: TrainConfig, folder: Path) -> TrainState:
    """The run in `folder`, begun or resumed."""
    saved = folder / "config.json"
    if saved.exists() and TrainConfig.from_json(saved.read_text()) != config:
        raise ValueError(f"{folder} holds a run with another config; choose another folder, or delete it")
    state = TrainState.create(config)
    write_atomically(saved, config.to_json().encode())
    if (folder / "state.safetensors").exists():
        restore(state, folder / "state.safetensors")
    return state


def _metrics(state: TrainState, window: list[dict[str, Tensor]]) -> dict[str, float]:
    """Means over the window's steps (losses) and over the slots that halted in it (the rest)."""
    names = [name for name in window[0] if name != "histogram"]
    values = {name: torch.stack([sums[name].float() for sums in window]) for name in names}
    for name, value in values.items():
        if not torch.isfinite(value).all():
            first = int((~torch.isfinite(value)).nonzero()[0]) + state.step - len(window) + 1
            raise Diverged(f"step {first}: {name} is not finite; lower lr or q_weight and resume")
    total = {name: float(value.sum()) for name, value in values.items()}
    halted = max(total["halted"], 1.0)
    c = state.config
    metrics = {"step": float(state.step)}
    metrics |= {name: total[name] / len(window) for name in names if name.endswith("loss")}
    metrics |= {
        "exact_accuracy": total["exact"] / halted,
        "cell_accuracy": total["cells"] / halted,
        "mean_segments": total["segments"] / halted,
        "q_halt_accuracy": total["q_halt_right"] / halted,
        "halted": total["halted"],
        "lr": c.lr * learning_rate(state.step, 1.0, c.warmup, c.steps, c.lr_min_ratio),
    }
    return metrics


def _log(writer: object, step: int, metrics: dict[str, float], window: list[dict[str, Tensor]]) -> None:
    """One line of metrics, and the histogram of halts by segment, as TensorBoard events."""
    for name, value in metrics.items():
        if name != "step":
            writer.add_scalar(f"train/{name}", value, step)  # type: ignore[attr-defined]
    counts = torch.stack([sums["histogram"] for sums in window]).sum(0).cpu()
    at = torch.arange(1, len(counts) + 1).repeat_interleave(counts)
    if len(at):
        writer.add_histogram("train/halting_segment", at, step, bins=len(counts))  # type: ignore[attr-defined]
