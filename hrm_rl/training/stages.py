"""Runs that start from other presets: those are trained first, where they are not there yet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hrm_rl.training.config import TrainConfig
from hrm_rl.training.presets import PRESETS, preset
from hrm_rl.training.run import saved_config, steps_done


def stages(config: TrainConfig, folder: Path) -> list[tuple[TrainConfig, Path]]:
    """The runs that lead to `config` in `folder` and are not whole yet, in their order, and that itself.

    A run whose `init` is "runs/NAME", of a preset, starts from that: as it was begun there, or else as
    the preset has it, on the device, in the format and compiled or not as `config` says.

    Raises:
        ValueError, CheckpointError: what lies there is no run.
    """
    first = Path(config.init)
    begun = steps_done(folder) > 0  # what it started from is not looked at again
    if begun or first.parent != Path("runs") or first.name not in PRESETS:
        return [(config, folder)]
    saved = first / "config.json"
    if saved.exists():
        before = saved_config(saved)
    else:
        before = replace(
            preset(first.name), device=config.device, dtype=config.dtype, compile=config.compile
        )
    earlier = stages(before, first) if steps_done(first) < before.steps else []
    return [*earlier, (config, folder)]
