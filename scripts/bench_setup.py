"""What the sections of the benchmark share: what is measured, and how things take turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from hrm_rl.device import resolve_device
from hrm_rl.models.checkpoint import CheckpointError, load_model
from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.puzzles import PuzzleSet, load
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.presets import PRESETS

Rows = dict[str, float | str]
"""What a section found: a line of the table each."""


PAPER = TrainConfig(
    model=HRMConfig(vocab=11, length=81, width=128, heads=4, H_layers=2, L_layers=2),
    data=(("sudoku9_easy", 1.0),),
    slots=32,
    edge="paper",
    bootstrap="extra",
    explore="segment",
)
"""The paper's regime, one-step gradients and the public code's targets, at a width for a CPU."""


@dataclass(frozen=True)
class Bench:
    """What is measured, and how thoroughly."""

    model: HRM
    weights: str
    """What the weights are, in words."""
    config: TrainConfig
    """A training run of that architecture."""
    puzzles: PuzzleSet
    device: torch.device
    slots: int
    sync_slots: int
    """Single envs in the SyncVectorEnv, which is slow."""
    rounds: int
    max_segments: int = 16
    quick: bool = False
    """Whether it is only tried if all of this runs."""

    @staticmethod
    def create(checkpoint: str, device_name: str, quick: bool) -> Bench:
        """With the preset's architecture, weights drawn at random, where there is no checkpoint."""
        device = resolve_device(device_name)
        named = {**PRESETS, "paper-128": lambda: PAPER}
        preset = named.get(checkpoint, PRESETS["sudoku9"])()
        try:
            model, _ = load_model(checkpoint, device)
            weights = f"checkpoint {checkpoint}"
        except CheckpointError:
            torch.manual_seed(0)
            model = HRM(preset.model).to(device).eval().requires_grad_(False)
            weights = f"RANDOM WEIGHTS of the preset's architecture: there is no {checkpoint} here"
        task = "sudoku4" if model.config.length == 16 else "sudoku9_easy"
        config = replace(
            preset, model=model.config, data=((task, 1.0),), device=device_name, compile=False
        )
        return Bench(
            model=model,
            weights=weights,
            config=replace(config, slots=8) if quick else config,
            puzzles=load(task, "test").sample(32 if quick else 1000 if task == "sudoku4" else 320),
            device=device,
            slots=16 if quick else 256,
            sync_slots=4 if quick else 256,
            rounds=2 if quick else 7,
            max_segments=4 if quick else 16,
            quick=quick,
        )


def take_turns(
    sides: dict[str, Callable[[], float]], rounds: int, device: torch.device
) -> dict[str, float]:
    """Median work per second of each side; a side returns how much work one call did.

    On a CPU a second is one of this process, of all its threads together: others that share the
    machine take wall time and not that. With one thread (OMP_NUM_THREADS=1) it is a second of work.
    The first round warms up and is not counted.
    """
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for lap in range(rounds + 1):
        for name, work in sides.items():
            wait(device)
            start = clock()
            done = work()
            wait(device)
            if lap:
                rates[name].append(done / (clock() - start))
    return {name: statistics.median(values) for name, values in rates.items()}


def wait(device: torch.device) -> None:
    """Let the device finish what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
