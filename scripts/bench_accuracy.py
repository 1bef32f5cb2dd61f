"""Core-seconds of training until a model solves most easy puzzles: presets beside each other.

Hours long, so it is run by `--only time-to-accuracy` alone. What a run found is kept in a JSON, and
a run that is there is not repeated: stop it, and the same command goes on with the next one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from bench_setup import Bench, Rows

from hrm_rl.agents.rules.basic import FixedSegments
from hrm_rl.evaluate import evaluate
from hrm_rl.models.checkpoint import write_atomically
from hrm_rl.puzzles import PuzzleSet, load
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.journal import averaged_model
from hrm_rl.training.presets import PRESETS
from hrm_rl.training.train import TrainState, train

BASELINE, NEW = "sudoku9-onestep", ("sudoku9", "sudoku9-trm")
TARGET, LIMIT, SEEDS = 0.9, 7200.0, 3
FOUND = Path("out/time-to-accuracy.json")


@dataclass(frozen=True)
class Reached:
    """How far a run came."""

    accuracy: float
    """Share of the puzzles right after the last segment, by the averaged weights."""
    core_seconds: float
    """CPU time of the process in training alone, compilation included."""
    steps: int


def climb(
    config: TrainConfig, puzzles: PuzzleSet, every: int, segments: int = 16
) -> Iterator[Reached]:
    """Train, and look every so many steps; looking is not counted."""
    start = time.process_time()
    state = TrainState.create(config)
    spent = time.process_time() - start
    steps = train(state)
    while state.step < config.steps:
        start = time.process_time()
        for _ in range(min(every, config.steps - state.step)):
            next(steps)
        spent += time.process_time() - start
        result = evaluate(averaged_model(state), puzzles, FixedSegments(segments), segments)
        yield Reached(float(result.correct_P.double().mean()), spent, state.step)


def until(climbing: Iterator[Reached], target: float, limit: float) -> tuple[Reached, bool]:
    """Where a run first reached the target, or where it stood when it ran out of time or steps."""
    reached = None
    for reached in climbing:
        if reached.accuracy >= target:
            return reached, True
        if reached.core_seconds >= limit:
            break
    if reached is None:
        raise ValueError("a run needs at least one step")
    return reached, False


def time_to_accuracy(b: Bench) -> Rows:
    """The presets in turns, seed after seed."""
    torch.set_num_threads(1)
    rows: Rows = {}
    puzzles = load("sudoku9_easy", "fit").sample(8 if b.quick else 200)
    limit, every, seeds = (1.0, 2, 1) if b.quick else (LIMIT, 50, SEEDS)
    there = FOUND.with_stem(f"{FOUND.stem}-quick") if b.quick else FOUND
    found = json.loads(there.read_text()) if there.exists() else {}
    for seed in range(seeds):
        for name in (BASELINE, *NEW):
            key = f"{name}, seed {seed}"
            if key not in found:
                config = replace(PRESETS[name](), seed=seed)
                if b.quick:
                    config = replace(config, slots=4, compile=False, data=(("sudoku9_easy", 1.0),))
                reached, there_yet = until(climb(config, puzzles, every), TARGET, limit)
                found[key] = [reached.accuracy, reached.core_seconds, reached.steps, there_yet]
                there.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(there, json.dumps(found, indent=1).encode())
            accuracy, seconds, steps, there_yet = found[key]
            print(
                f"  {key}: {accuracy:.1%} in {seconds:.0f} core-seconds, {steps} steps", flush=True
            )
            rows[f"{key}, core-seconds {'to' if there_yet else 'without'} {TARGET:.0%}"] = seconds
    for name in NEW:
        spent = {
            who: sum(found[f"{who}, seed {s}"][1] for s in range(seeds)) for who in (BASELINE, name)
        }
        rows[f"core-seconds, {BASELINE} over {name}"] = spent[BASELINE] / spent[name]
    return rows
