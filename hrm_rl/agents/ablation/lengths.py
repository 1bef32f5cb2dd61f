"""How long a run's puzzles were thought about while it was trained, from its TensorBoard events."""

from __future__ import annotations

from collections import Counter
from math import floor
from pathlib import Path


def training_lengths(folder: Path, max_segments: int) -> list[int]:
    """How often the run in `folder` halted after 1, 2, ... `max_segments` segments."""
    return [sum(counts) for counts in zip(*drift(folder, max_segments, 1, 1), strict=True)]


def drift(folder: Path, max_segments: int, steps: int, parts: int) -> list[list[int]]:
    """The same for each of so many equal parts of a run of `steps` steps.

    The events are the record that survives a kill: what is logged after the last checkpoint is
    logged again by the run that goes on, and counts once.
    """
    from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
        EventAccumulator,
    )

    events = EventAccumulator(str(folder), size_guidance={"histograms": 0})
    events.Reload()
    counts = [Counter[int]() for _ in range(parts)]
    if "train/halting_segment" in events.Tags()["histograms"]:
        for event in events.Histograms("train/halting_segment"):
            part = min((event.step - 1) * parts // steps, parts - 1)
            histogram = event.histogram_value
            for right, count in zip(histogram.bucket_limit, histogram.bucket, strict=True):
                # Bins are narrower than 1, so that one with counts holds one whole number.
                counts[part][floor(right + 1e-9)] += round(count)
    return [[found[m] for m in range(1, max_segments + 1)] for found in counts]
