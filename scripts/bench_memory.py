"""Section "memory" of the benchmark: what backward keeps, and peaks of whole processes.

Peaks are measured in processes of their own, which run this file with the work as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bench_setup import Bench, Rows
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from hrm_rl import loop
from hrm_rl.agents.rules.basic import FixedSegments
from hrm_rl.device import autocast, resolve_dtype
from hrm_rl.evaluate import evaluate
from hrm_rl.loop import batch_of
from hrm_rl.models.hrm import GRADIENTS, HRM, HRMConfig
from hrm_rl.puzzles import load
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.train import TrainState, train

CYCLES = ((1, 1), (2, 2), (4, 4))
SEGMENTS = (4, 16, 64)


def memory(b: Bench) -> Rows:
    """Bytes per slot against N x T and against segments: neither may make them grow.

    And against how far back the gradient goes, at the paper's N = T = 2: that makes them grow.
    """
    found: Rows = {}
    for n, t in CYCLES:
        config = replace(b.model.config, H_cycles=n, L_cycles=t)
        kept = saved_bytes(b, config, segments=1)
        found[f"kept for backward, KiB/slot, N x T = {n} x {t}"] = kept / 1024
    for m in SEGMENTS[:2]:
        kept = saved_bytes(b, b.model.config, segments=m)
        found[f"kept for backward, KiB/slot, segment {m}"] = kept / 1024
    for n, t in CYCLES:
        config = replace(b.model.config, H_cycles=n, L_cycles=t)
        peak = peak_of_process(b, "train", config, 4)
        found[f"peak of training, KiB/slot, N x T = {n} x {t}"] = peak / 1024
    for gradient in GRADIENTS:
        config = replace(b.model.config, H_cycles=2, L_cycles=2, gradient=gradient)
        kept = saved_bytes(b, config, segments=1)
        found[f"kept for backward, KiB/slot, gradient {gradient}"] = kept / 1024
        peak = peak_of_process(b, "train", config, 4)
        found[f"peak of training, KiB/slot, gradient {gradient}"] = peak / 1024
    for m in SEGMENTS:
        peak = peak_of_process(b, "evaluate", b.model.config, m)
        found[f"peak of evaluation, KiB/slot, {m} segments"] = peak / 1024
    return found


def saved_bytes(b: Bench, config: HRMConfig, segments: int) -> float:
    """What backward keeps per slot of the last of some segments, weights not counted."""
    model = HRM(config).to(b.device)
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    index = torch.arange(b.config.slots) % len(b.puzzles)
    slots = loop.fresh(model, batch_of(b.puzzles, index, b.device))
    for _ in range(segments):
        kept.clear()
        hooks = saved_tensors_hooks(pack, lambda tensor: tensor)
        with hooks, autocast(resolve_dtype(b.config.dtype, b.device), b.device):
            slots, output = loop.advance(model, slots)
        del output
    return sum(kept.values()) / b.config.slots


def peak_of_process(b: Bench, work: str, config: HRMConfig, segments: int) -> float:
    """Bytes per slot that a fresh process needs for the work beyond what it held before."""
    job = {
        "work": work,
        "model": asdict(config),
        "slots": b.config.slots,
        "segments": segments,
        "data": b.config.data[0][0],
        "device": b.device.type,
    }
    command = [sys.executable, __file__, json.dumps(job)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(out.splitlines()[-1]) / b.config.slots


def child(job: dict[str, Any]) -> None:
    """In a process of its own: do the work and print the bytes by which the peak rose."""
    model, slots, segments = HRMConfig(**job["model"]), job["slots"], job["segments"]
    device = torch.device(job["device"])
    puzzles = load(job["data"], "test")
    puzzles = puzzles.take(np.arange(slots) % len(puzzles))
    config = TrainConfig(model, ((job["data"], 1.0),), slots=slots, device=job["device"])
    state = TrainState.create(config)
    before = peak_memory(device)
    if job["work"] == "train":
        for _ in zip(range(segments), train(state), strict=False):
            pass
    else:
        frozen = state.model.eval().requires_grad_(False)
        evaluate(frozen, puzzles, FixedSegments(segments), segments, batch_size=slots)
    print(peak_memory(device) - before)


def peak_memory(device: torch.device) -> int:
    """Bytes: the most that this process has held so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    if status.exists():  # Linux, where getrusage counts what the parent held too
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS


if __name__ == "__main__":
    child(json.loads(sys.argv[1]))
