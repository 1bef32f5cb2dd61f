"""`hrm-rl bank`: all segments of many puzzles, logged."""

from pathlib import Path
from typing import Literal

import tyro

from hrm_rl.checks.numbers import whole
from hrm_rl.cli.arguments import Device, bring, given


def bank(  # long: its options, each with what it is for
    checkpoint: tyro.conf.Positional[str] = "sudoku9",
    puzzles: str = "",
    split: str = "fit",
    limit: int = 0,
    max_segments: int = 16,
    tier: Literal["lite", "head", "pool", "full"] = "lite",
    half_states: bool = False,
    batch_size: int = 256,
    out: Path | None = None,
    device: Device = "auto",
    task: str = "",
    copies: int = 1,
    noise: float | None = None,
    H_cycles: int | None = None,
) -> None:
    """Log all segments of many puzzles once, so that any halting policy can be scored exactly.

    One segment more than asked for is logged: the paper's continue target looks there. A command
    that was broken off goes on where it was.

    Args:
        checkpoint: a shipped one, a .safetensors or official .pt file, or a run folder
        puzzles: a shipped set or an official CSV; the checkpoint's own task if left out
        split: which split of a shipped set or a folder: train, fit, test
        limit: take only so many puzzles, evenly spread over the set (0: all)
        max_segments: the longest horizon that the bank is for
        tier: lite: scalars; head: and z_H; pool: and its mean; full: and both states whole
        half_states: states in float16
        batch_size: puzzles side by side
        out: folder; banks/<checkpoint>-<split> if left out
        device: where
        task: what the checkpoint was trained on ("maze30"), where its files leave that open
        copies: so many of each puzzle: from other starts or, of a model that draws none, of each Sudoku with
            digits and lines exchanged. What restarts are worth is studied on them (docs/restarts.md)
        noise: deviation of the noise on the states before each segment, if not the checkpoint's own; a bank
            holds one draw of it for each puzzle
        H_cycles: cycles of a segment, if not the checkpoint's own: with 4, one does the updates of two with 2
    """
    from hrm_rl.banks.files import log_to
    from hrm_rl.checks.lock import try_folder
    from hrm_rl.device import resolve_device
    from hrm_rl.halting import MOST
    from hrm_rl.models.checkpoint import load_model
    from hrm_rl.puzzles import doubts
    from hrm_rl.puzzles.source import for_model

    whole("--limit", limit, low=0, cure="0 takes all")
    whole("--max-segments", max_segments, low=1, high=MOST - 1)
    whole("--batch-size", batch_size, low=1)
    whole("--copies", copies, low=1)
    out = out or Path("banks") / f"{Path(checkpoint).stem}-{split}"
    try_folder(out)
    bring(puzzles)
    own = given(noise=noise, H_cycles=H_cycles)
    model, said = load_model(checkpoint, resolve_device(device), task=task, **own)
    chosen = for_model(model.config, puzzles, split, limit)
    doubts.warn_of(puzzles, chosen, doubts.taught(said))
    header = log_to(
        out, model, chosen, max_segments + 1, tier=tier, batch_size=batch_size, split=split, copies=copies,
        states="float16" if half_states else "float32", name=puzzles or chosen.task, progress=True,
    )  # fmt: skip
    of_each = f"{copies} copies each of " if copies > 1 else ""
    print(
        f"{out}: {of_each}{header.count // copies} puzzles, segments 1 to {header.max_segments}, "
        f"tier {tier}, {header.size / 2**20:.1f} MiB ({header.size / header.count / 2**10:.2f} KiB a puzzle)"
    )
    print(
        f"logged again one by one, {header.mismatch_rate:.2%} of the segments differ in `correct`"
    )
