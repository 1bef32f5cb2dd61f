"""One run of the ablation: an ordinary run folder, scored at a few steps along the way.

`scores.json` in the folder holds what was found at each. A run that was broken off goes on from its
last checkpoint, and ends with the same scores as one that was not.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from hrm_rl.agents.ablation import budgets
from hrm_rl.agents.ablation.lengths import drift, training_lengths
from hrm_rl.agents.ablation.scoring import score
from hrm_rl.agents.ablation.variants import SAVES
from hrm_rl.banks.bank import Bank, log_bank
from hrm_rl.checks.files import read_json
from hrm_rl.checks.lock import sole
from hrm_rl.compiling import compile_segment
from hrm_rl.models import AnyConfig, build
from hrm_rl.models.checkpoint import CheckpointError, load_model, write_atomically
from hrm_rl.puzzles import PuzzleSet
from hrm_rl.puzzles.source import for_model
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.joint import inference_rule
from hrm_rl.training.memory import keep_freed_memory
from hrm_rl.training.monitor import Diverged
from hrm_rl.training.run import refuse_another, run, steps_done
from hrm_rl.training.signals import interruptible
from hrm_rl.training.snapshot import read_state

BATCH = 100
"""Puzzles side by side; a compiled model wants batches of one size."""
_FIELDS = {
    "step", "forwards", "flops", "samples", "halted_after", "training_segments", "own_rule", "rules",
    "beyond", "accuracy_at", "areas", "curve", "frozen", "ever",
}  # fmt: skip
BEYOND = 16
"""Segments up to which the last checkpoint is scored, at least; and twice what it was trained with."""


@dataclass(frozen=True)
class Held:
    """The puzzles that runs are scored on."""

    puzzles: str = ""
    """A set or file (`puzzles.source`); "" is the shipped one of the model's size."""
    split: str = "test"
    limit: int = 0
    """Take so many, evenly spread; 0: all."""

    def load(self, model: AnyConfig) -> PuzzleSet:
        """The puzzles, for a model of this config."""
        return for_model(model, self.puzzles, self.split, self.limit)


TEST_SET = Held()


class Result(NamedTuple):
    """What came of a run."""

    points: list[dict[str, Any]]
    """What was found at each step where it was scored (`_point`)."""
    lengths: list[list[int]]
    """How often it halted after 1, 2, ... segments in training, in each of `variants.SAVES` equal parts."""
    failed: str
    """Why it ended early: the message of `Diverged`; "" if it did not."""
    finished: bool
    """False: it was interrupted, and the same call goes on."""


def train_member(folder: Path, config: TrainConfig, held: Held) -> Result:
    """Train and score a run, or what is left of it, on one torch thread.

    Raises:
        ValueError: the folder holds another run, or one that was scored on other puzzles.
    """
    keep_freed_memory()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # small tensors: two runs side by side are faster than two threads
    try:
        return _train(folder, config, held)
    finally:
        torch.set_num_threads(threads)


def _train(folder: Path, config: TrainConfig, held: Held) -> Result:
    refuse_another(config, folder / "config.json")  # a finished run is not handed to `run`
    found, wanted = _Scores.read(folder, held), budgets.points(config)
    if lost := found.lost(folder, config):
        warnings.warn(f"{folder} is trained again from step 1: {lost}", stacklevel=2)
        _begin_again(folder)
        found = _Scores([], held)
    with interruptible(passes_on=False):
        if not found.failed and len(found.points) < len(wanted):
            _go_on(folder, config, found)
    lengths = drift(folder, config.max_segments, config.steps, SAVES)
    finished = bool(found.failed) or len(found.points) == len(wanted)
    return Result(found.points, lengths, found.failed, finished)


def _go_on(folder: Path, config: TrainConfig, found: _Scores) -> None:
    """Train what is left of a run, and score it where that is due."""
    wanted = budgets.points(config)
    torch.compiler.reset()  # runs before this one in the process count against its cache
    cost, judge = budgets.step_cost(config), Judge(config, found.held)
    if steps_done(folder) in wanted:
        found.add(folder, judge, cost)  # where it was broken off between a save and its score
    try:
        for line in run(config, folder):
            if int(line["step"]) in wanted:
                found.add(folder, judge, cost)
    except Diverged as error:
        found.failed = str(error)
        found.write(folder)


def _begin_again(folder: Path) -> None:
    """Remove what a run has come to: it will come to the same again."""
    with sole(folder, "trained", "--out"):
        for pattern in ("scores.json", "state.safetensors", "weights.*", "events.out.tfevents.*"):
            for path in folder.glob(pattern):
                path.unlink()


@dataclass
class _Scores:
    """What `scores.json` holds."""

    points: list[dict[str, Any]]
    held: Held
    failed: str = ""
    damage: str = ""
    """Why there are no points although there is a file; "" where there are, or no file is."""

    @staticmethod
    def read(folder: Path, held: Held) -> _Scores:
        path = folder / "scores.json"
        if not path.exists():
            return _Scores([], held)
        try:
            there = read_json(path)
            scored = Held(**there["held"])
            found = _Scores(list(there["points"]), held, str(there["failed"]))
            whole = all(point.keys() >= _FIELDS for point in found.points)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OSError):
            return _Scores([], held, damage="its scores.json is damaged, or of another version")
        if not whole:
            return _Scores([], held, damage="its scores.json is of another version")
        if scored != held:
            raise ValueError(
                f"{folder} was scored on {scored}, not on {held}; choose another folder"
            )
        return found

    def lost(self, folder: Path, config: TrainConfig) -> str:
        """What is missing of the past of the run, in words; "" if nothing is."""
        if self.damage:
            return self.damage
        try:
            step = steps_done(folder)
        except CheckpointError:
            return "its state.safetensors is damaged"
        wanted, there = budgets.points(config), [point["step"] for point in self.points]
        due = [at for at in wanted if at < step or (self.failed and at <= step)]
        if there[: len(due)] != due or there != wanted[: len(there)]:
            return "its scores.json is missing, or older than its state.safetensors"
        if self.points and step >= there[-1]:
            halts = sum(training_lengths(folder, config.max_segments))
            if halts < self.points[-1]["samples"] - config.slots:
                return "its TensorBoard events are incomplete"
        return ""

    def add(self, folder: Path, judge: Judge, cost: budgets.StepCost) -> None:
        """Score the checkpoint that lies in the folder, unless it was."""
        step, last = steps_done(folder), self.points[-1] if self.points else None
        if last and last["step"] >= step:
            return
        self.points.append(_point(folder, judge, cost, last))
        self.write(folder)

    def write(self, folder: Path) -> None:
        content = {"held": vars(self.held), "failed": self.failed, "points": self.points}
        write_atomically(folder / "scores.json", (json.dumps(content, indent=1) + "\n").encode())


def _point(
    folder: Path, judge: Judge, cost: budgets.StepCost, last: dict[str, Any] | None
) -> dict[str, Any]:
    """Budgets spent so far, what was halted in training, and scores.

    `halted_after` is the number of segments of all puzzles that have halted, `training_segments`
    their mean since the last point (`max_segments` if none did). At the end there are more segments,
    and what has to be chosen on the fit split.
    """
    config = judge.config
    step, saved = read_state(folder / "state.safetensors")
    M, ends = config.max_segments, step == config.steps
    bank = judge.log(folder, max(2 * M, BEYOND) if ends else M, judge.puzzles)
    fit_bank = judge.log(folder, M, judge.fit()) if ends else None
    samples = int(saved["dealt"])
    halted_after = config.slots * step - int(saved["slots.m_B"].sum())
    before = last or {"samples": config.slots, "halted_after": 0}
    halts = samples - before["samples"]  # a puzzle is dealt for each that halts
    mean = (halted_after - before["halted_after"]) / halts if halts else float(M)
    return {
        "step": step,
        "forwards": step * cost.forwards,
        "flops": step * cost.flops,
        "samples": samples,
        "halted_after": halted_after,
        "training_segments": mean,
        "own_rule": inference_rule(config.halting),
        **score(bank, inference_rule(config.halting), M, fit_bank),
    }


class Judge:
    """Logs a run's checkpoints on held-out puzzles; its model is compiled once, as in training."""

    def __init__(self, config: TrainConfig, held: Held) -> None:
        self.config, self.held = config, held
        self.puzzles = held.load(config.model)
        self.model = build(config.model).eval().requires_grad_(False)
        if config.compile:
            compile_segment(self.model)

    def fit(self) -> PuzzleSet:
        """The puzzles that what has to be chosen is chosen on."""
        return replace(self.held, split="fit").load(self.config.model)

    def log(self, folder: Path, segments: int, puzzles: PuzzleSet) -> Bank:
        """Puzzles for so many segments, with the (averaged) weights that lie in the folder."""
        self.model.load_state_dict(load_model(folder)[0].state_dict())
        return log_bank(self.model, puzzles, segments, batch_size=BATCH)
