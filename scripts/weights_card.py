"""The card of weights that ship: what the run did, and what was measured, as lines of Markdown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from hrm_rl.agents.rules import rule
from hrm_rl.banks.bank import Bank, log_bank, play
from hrm_rl.compiling import compiled
from hrm_rl.models import Model
from hrm_rl.models.checkpoint import load_model
from hrm_rl.puzzles import PuzzleSet
from hrm_rl.puzzles.kinds import task_for, task_of
from hrm_rl.puzzles.verdicts import VALID, valid_optimal
from hrm_rl.statistics.calibration import calibration
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.train import TrainState, train

SEGMENTS = 64
SHOWN = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
TOLD = (
    "width",
    "heads",
    "layers",
    "H_layers",
    "L_layers",
    "H_cycles",
    "L_cycles",
    "token_mixer",
    "gradient",
    "positions",
)
"""Of a model's config."""


def cost(config: TrainConfig, folder: Path) -> dict[str, Any]:
    """What a run did and took: data, steps, wall time as logged, matrix products as counted.

    Of a run that starts from another's weights, hours and products are those of both; what those took
    that ship stands in their JSON.
    """
    seconds = sum(taken / value for taken, value in _speeds(folder))
    steps = int(json.loads((folder / "weights.json").read_text())["step"])
    before: dict[str, Any] = {"hours": 0.0, "pflop": 0.0}
    if config.init:
        first = Path(config.init)
        said = first / "config.json"
        before = (
            cost(TrainConfig.from_json(said.read_text()), first)
            if said.exists()
            else load_model(config.init)[1]
        )
    return {
        "data": [list(item) for item in config.data],
        "steps": steps,
        "slots": config.slots,
        "hours": round(before["hours"] + seconds / 3600, 2),
        "pflop": round(before["pflop"] + steps * flops_of_a_step(config) / 1e15, 3),
    }


def flops_of_a_step(config: TrainConfig) -> int:
    """Of matrix products, forward and backward, of one eager step, as counted."""
    task = task_for(config.model).task
    small = "sudoku9_easy" if task == "sudoku9" else task
    state = TrainState.create(
        replace(config, compile=False, device="cpu", data=((small, 1.0),), init="")
    )
    with FlopCounterMode(display=False) as counter:
        next(train(state))
    return int(counter.get_total_flops())


def _events(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return events


def _speeds(folder: Path) -> list[tuple[int, float]]:
    """Steps taken and steps per second of each line of the log, if there is one."""
    events = _events(folder)
    if "train/steps_per_second" not in events.Tags()["scalars"]:
        return []
    speed = events.Scalars("train/steps_per_second")
    since = [0, *(event.step for event in speed)]
    return [(e.step - before, e.value) for e, before in zip(speed, since, strict=False)]


def header(model: Model, config: TrainConfig, card: dict[str, Any]) -> list[str]:
    """What the weights are, and what made them."""
    count = sum(p.numel() for p in model.parameters())
    total = sum(share for _, share in card["data"])
    data = ", ".join(f"{share / total:.0%} {name}" for name, share in card["data"])
    return [
        f"{type(model).__name__} of {count / 1e6:.2f} M parameters: {told(model.config)}.",
        f"Trained by `{card['command']}`: {card['steps']} steps of {card['slots']} slots, at most "
        f"{card['max_segments']} segments, `--halting {card['halting']}`; {data}.",
        f"{card['hours']} hours of one core, {card['pflop']} PFLOP of matrix products.",
        "The weights ship in half precision; they are loaded in single precision.",
    ]


def told(config: Any) -> str:
    """The sizes of a model, as its config names them."""
    names = [name for name in TOLD if hasattr(config, name)]
    names += ["noise"] if getattr(config, "noise", 0.0) else []
    return ", ".join(f"{name} {getattr(config, name)}" for name in names)


def climbed(folder: Path) -> list[str]:
    """Of the puzzles that training halted, the share right along the run: ten lines."""
    exact = _events(folder).Scalars("train/exact_accuracy")
    if not exact:
        return []
    bounds = np.linspace(0, exact[-1].step, 11)[1:]
    lines = ["", "| steps | right when halted in training |", "| --- | --- |"]
    low = 0.0
    for high in bounds:
        values = [event.value for event in exact if low < event.step <= high]
        if values:
            lines.append(f"| {int(high)} | {np.mean(values):.1%} |")
        low = high
    return [*lines, ""]


def measured(title: str, puzzles: PuzzleSet, model: Model) -> list[str]:
    """Accuracy per segment, halting by the Q-head, calibration: lines of Markdown."""
    bank = log_bank(compiled(model), puzzles, SEGMENTS, batch_size=64)
    rating = float(np.mean(puzzles.ratings_P))
    lines = [
        "",
        f"## {title}: {len(puzzles)} puzzles, mean rating {rating:.1f}",
        "",
        "| exact after segment | " + " | ".join(map(str, SHOWN)) + " | ever |",
        "| --- |" + " --- |" * (len(SHOWN) + 1),
        curve("all", bank.correct_MP),
    ]
    verdicts = {"exact": bank.correct_MP}
    if task_of(puzzles.task).kind in VALID:
        verdicts["right by the rules"] = valid(bank, puzzles)
        lines.append(curve("right by the rules", verdicts["right by the rules"]))
    bands = {"0": (0, 0), "1 to 5": (1, 5), "6 to 20": (6, 20), "21 and more": (21, 10**9)}
    for name, (low, high) in bands.items():
        inside = (bank.rating_P >= low) & (bank.rating_P <= high)
        count = int(inside.sum())
        if 0 < count < len(puzzles) and model.config.length == 81:
            lines.append(curve(f"rating {name} ({count})", bank.correct_MP[:, inside]))
    lines += ["", *(f"{name.capitalize()}: {first_right(r)}" for name, r in verdicts.items()), ""]
    return [*lines, *halting_lines(bank, verdicts)]


def valid(bank: Bank, puzzles: PuzzleSet) -> torch.Tensor:
    """Bool (M, P): right by the rules after each segment, though perhaps not the stored answer."""
    x_PT, y_PT = (
        torch.from_numpy(part).long() for part in (puzzles.inputs_PL, puzzles.solutions_PL)
    )
    task = task_of(puzzles.task)
    return torch.stack(
        [valid_optimal(task, x_PT, part_PT.long(), y_PT) for part_PT in bank.predictions_MPT]
    )


def curve(name: str, correct_MP: torch.Tensor) -> str:
    """One line: share right after each segment of `SHOWN`, and ever."""
    shares = [correct_MP[m - 1].double().mean() for m in SHOWN] + [
        correct_MP.any(0).double().mean()
    ]
    return f"| {name} | " + " | ".join(f"{float(share):.1%}" for share in shares) + " |"


def first_right(correct_MP: torch.Tensor) -> str:
    """When puzzles come right, of those that ever do: one sentence."""
    solved_P = correct_MP.any(0)
    if not bool(solved_P.any()):
        return "none comes right."
    first = (correct_MP.int().argmax(0)[solved_P] + 1).numpy()
    quantiles = np.percentile(first, [10, 25, 50, 75, 90], method="inverted_cdf").astype(int)
    return (
        "first at segment "
        + " / ".join(map(str, quantiles))
        + " (10, 25, 50, 75, 90 % of those that ever are)."
    )


def halting_lines(bank: Bank, verdicts: dict[str, torch.Tensor]) -> list[str]:
    """Halting rules, and how far Q_halt can be trusted, by each verdict (its name, Bool (M, P))."""
    heads = " | ".join(f"{name} at halting" for name in verdicts)
    lines = [
        f"| halting | limit | {heads} | mean segments |",
        "| --- |" + " --- |" * (2 + len(verdicts)),
    ]
    rules = {"q": "Q_halt > Q_continue", "trm": "Q_halt > 0.5", f"fixed-{SEGMENTS}": "never early"}
    for limit in (8, 16, 32, 64):
        part = bank.first(limit)
        for name, title in rules.items():
            at_1P = play(part, rule(name)).segment_P[None]
            shares = [f"{share(r.gather(0, at_1P - 1)):.1%}" for r in verdicts.values()]
            mean = float(at_1P.double().mean())
            lines.append(f"| {title} | {limit} | {' | '.join(shares)} | {mean:.2f} |")
    for name, right_MP in verdicts.items():
        lines += [
            "",
            f"| Q_halt at segment, of {name} | AUROC | Brier | ECE |",
            "| --- | --- | --- | --- |",
        ]
        for m in (1, 4, 8, 16):
            q_P = bank.columns["scalars"][m - 1, :, 0].double().sigmoid().numpy()
            c = calibration(q_P, right_MP[m - 1].numpy())
            lines.append(f"| {m} | {c.auroc:.3f} | {c.brier:.3f} | {c.ece:.3f} |")
    return lines


def share(right: torch.Tensor) -> float:
    return float(right.double().mean())
