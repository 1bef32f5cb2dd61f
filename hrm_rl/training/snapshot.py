"""All that the next training step depends on, as one dictionary of tensors, and back.

Names: `model.*`, `m.*` and `v.*` (the optimiser's moments), `ema.*`, `slots.*`, `memory.*` (of the
halting learner), `price.*` (what its schedule remembers), `dealt`, `generator`.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from hrm_rl.checks.reading import Unfit, reason_of
from hrm_rl.loop import Batch, Slots
from hrm_rl.models.base import Carry
from hrm_rl.models.checkpoint import CheckpointError, misfit
from hrm_rl.models.tensorfile import read_sealed
from hrm_rl.training.train import TrainState

RUN, WINDOW = "run", "window."
"""What `journal` saves beside it: whose state this is, and what was told of in part.

Not as metadata: safetensors writes these in an order that changes from process to process.
"""


def snapshot(state: TrainState) -> dict[str, Tensor]:
    """Everything the next step depends on but the step number, under flat names.

    With the slots of all processes of a run, each of which must call this.
    """
    names = [name for name, _ in state.model.named_parameters()]
    moments = [state.optimizer.state[p] for p in state.model.parameters()]
    slots, whole = state.slots, state.world.whole
    tensors = {f"model.{k}": v for k, v in state.model.state_dict().items()}
    tensors |= {f"m.{n}": s["m"] for n, s in zip(names, moments, strict=True)}
    tensors |= {f"v.{n}": s["v"] for n, s in zip(names, moments, strict=True)}
    if state.ema:
        tensors |= {f"ema.{n}": average for n, average in zip(names, state.ema, strict=True)}
    rows = {f"slots.{k}": v for k, v in slots.carry._asdict().items()}
    rows |= {f"slots.{k}": v for k, v in slots.batch._asdict().items()}
    rows |= {"slots.m_B": slots.m_B, "slots.min_B": state.min_B}
    if slots.seed_B is not None:
        rows["slots.seed_B"] = slots.seed_B
    rows |= {f"memory.{k}": v for k, v in state.memory._asdict().items()}
    tensors |= {name: whole(part) for name, part in rows.items()}
    tensors |= {f"price.{k}": v for k, v in state.priced._asdict().items()}
    tensors["dealt"] = state.world.total(state.dealt)
    if state.generator is not None:
        tensors["generator"] = state.generator.get_state()
    return tensors


def restore(state: TrainState, path: Path) -> dict[str, Tensor]:
    """Put a freshly created run where the one saved at `path` was.

    Returns:
        What was saved of the line of metrics that it stopped in, steps as first axis.

    Raises:
        CheckpointError: the file is damaged, or belongs to another run.
    """
    step, saved = state.world.first(lambda: read_state(path))
    told = {k.removeprefix(WINDOW): saved.pop(k) for k in list(saved) if k.startswith(WINDOW)}
    saved.pop(RUN, None)
    if wrong := _misfit(snapshot(state), saved):
        raise unusable(path, wrong)
    wanted = step % state.config.log_every
    if any(not values.dim() or len(values) != wanted for values in told.values()):
        raise unusable(path, "its line of metrics is of another length")
    _put(state, step, saved)
    return told


def read_state(path: Path) -> tuple[int, dict[str, Tensor]]:
    """The step and the tensors of a saved state, held to their digest.

    Raises:
        CheckpointError: it cannot be read, is damaged, or says no step.
    """
    try:
        saved, metadata = read_sealed(path)
        step = metadata.get("step", "")
        if not re.fullmatch(r"[0-9]{1,15}", step):
            raise Unfit(f"its step must be a whole number, got {step[:40]!r}")
        return int(step), saved
    except (OSError, ValueError, MemoryError) as error:
        raise unusable(path, reason_of(error)) from error


def _misfit(expected: dict[str, Tensor], saved: dict[str, Tensor]) -> str:
    """The first thing in names, shapes or numbers that no such run saves, in words; "" if all is."""
    for name, tensor in expected.items():
        if name in saved and not _alike(saved[name].dtype, tensor.dtype, name):
            return f"{name} holds {saved[name].dtype}, not {tensor.dtype}"
    if wrong := misfit(expected, saved):
        return wrong
    if bad := [name for name, value in saved.items() if not torch.isfinite(value).all()]:
        return f"{bad[0]} holds NaN or inf"
    try:
        torch.Generator().set_state(saved.get("generator", torch.get_rng_state()))
    except RuntimeError:
        return "the state of its random numbers is none"
    return ""


def _alike(there: torch.dtype, wanted: torch.dtype, name: str) -> bool:
    """The same; or both floats in a learner's memory, whose costs are as wide as the loss was."""
    floats = there.is_floating_point and wanted.is_floating_point
    return there == wanted or (name.startswith("memory.") and floats)


def unusable(path: Path, why: str) -> CheckpointError:
    reason = why.strip().splitlines()[0]
    return CheckpointError(
        f"{path} cannot be resumed from ({reason}); delete it to begin again at step 1, or begin a "
        f'new run in another folder with init="{path.parent}"'
    )


def _put(state: TrainState, step: int, saved: dict[str, Tensor]) -> None:
    device, world = state.slots.m_B.device, state.world

    def part(prefix: str) -> dict[str, Tensor]:
        items = saved.items()
        return {k.removeprefix(prefix): v.to(device) for k, v in items if k.startswith(prefix)}

    def own(prefix: str) -> dict[str, Tensor]:
        return {k: world.own(v) for k, v in part(prefix).items()}

    m, v, ema, slots = part("m."), part("v."), part("ema."), own("slots.")
    names = [name for name, _ in state.model.named_parameters()]
    state.step = step
    state.model.load_state_dict(part("model."))
    for name, p in state.model.named_parameters():
        state.optimizer.state[p] = {"m": m[name], "v": v[name]}
    for group in state.optimizer.param_groups:
        group["t"] = step
    state.ema = [ema[name] for name in names] if ema else []
    carry = Carry(slots["z_H"], slots["z_L"])
    batch = Batch(slots["x_BT"], slots["y_BT"], slots["id_B"])
    state.slots = Slots(carry, batch, slots["m_B"], slots.get("seed_B"))
    state.min_B = slots["min_B"]
    state.dealt = saved["dealt"].to(device) * int(world.rank == 0)  # the sum is what counts
    state.memory = type(state.memory)(**own("memory."))
    state.priced = type(state.priced)(**part("price."))
    if state.generator is not None:
        state.generator.set_state(saved["generator"])
