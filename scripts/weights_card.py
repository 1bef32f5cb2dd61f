"""The card of weights that ship: what each stage did, and what was measured, as lines of Markdown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from weights_recipes import Stage

from hrm_rl.agents.rules import rule
from hrm_rl.banks.bank import Bank, log_bank, play
from hrm_rl.models.checkpoint import load_model
from hrm_rl.models.hrm import HRM
from hrm_rl.puzzles import PuzzleSet, load
from hrm_rl.puzzles.kinds import task_of
from hrm_rl.puzzles.verdicts import VALID, valid_optimal
from hrm_rl.statistics.calibration import calibration
from hrm_rl.training.config import TrainConfig

SEGMENTS = 32
SHOWN = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)


def steps_done(folder: Path) -> int:
    card = folder / "weights.json"
    return int(json.loads(card.read_text())["step"]) if card.exists() else 0


def describe(config: TrainConfig, folder: Path) -> dict[str, Any]:
    """What a stage did: its data, its steps, its wall time as logged."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    speed = events.Scalars("train/steps_per_second")
    since = [0, *(event.step for event in speed)]
    seconds = sum((e.step - before) / e.value for e, before in zip(speed, since, strict=False))
    return {
        "data": [list(item) for item in config.data],
        "steps": steps_done(folder),
        "slots": config.slots,
        "max_segments": config.max_segments,
        "hours": round(seconds / 3600, 2),
    }


def header(model: HRM, card: dict[str, Any]) -> list[str]:
    c, count = model.config, sum(p.numel() for p in model.parameters())
    lines = [
        f"HRM of {count / 1e6:.2f} M parameters: width {c.width}, {c.H_layers} + {c.L_layers} layers, "
        f'N = {c.H_cycles}, T = {c.L_cycles}, token mixer "{c.token_mixer}".',
        f"Trained by `{card['command']}` with `--halting {card['halting']}`, both Q outputs.",
        "",
        "| stage | data | steps x slots | max segments | hours on one core |",
        "| --- | --- | --- | --- | --- |",
    ]
    for number, s in enumerate(card["stages"], start=1):
        data = ", ".join(f"{share:.0%} {name}" for name, share in s["data"])
        lines.append(
            f"| {number} | {data} | {s['steps']} x {s['slots']} | {s['max_segments']} "
            f"| {s['hours']} |"
        )
    return lines


def measured(title: str, puzzles: PuzzleSet, model: HRM) -> list[str]:
    """Accuracy per segment, halting by the Q-head, calibration: lines of Markdown."""
    bank = log_bank(model, puzzles, SEGMENTS, batch_size=64)
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
    return [*lines, "", *halting_lines(bank, verdicts)]


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


def progress(runs: list[tuple[Stage, Path]], names: list[str]) -> list[str]:
    """How far each stage came: exact after 16 segments on 100 puzzles of each set's fit split."""
    lines = ["", "After each stage, exact after 16 segments on 100 puzzles of the fit splits:", ""]
    lines += ["| stage | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
    for number, (_, folder) in enumerate(runs, start=1):
        model, _ = load_model(folder)
        banks = [log_bank(model, load(n, "fit").sample(100), 16) for n in names]
        shares = [f"{float(bank.correct_MP[-1].double().mean()):.1%}" for bank in banks]
        lines.append(f"| {number} | " + " | ".join(shares) + " |")
    return lines


def halting_lines(bank: Bank, verdicts: dict[str, torch.Tensor]) -> list[str]:
    """Halting rules, and how far Q_halt can be trusted, by each verdict (its name, Bool (M, P))."""
    heads = " | ".join(f"{name} at halting" for name in verdicts)
    lines = [
        f"| halting | limit | {heads} | mean segments |",
        "| --- |" + " --- |" * (2 + len(verdicts)),
    ]
    rules = {"q": "Q_halt > Q_continue", "trm": "Q_halt > 0.5", f"fixed-{SEGMENTS}": "never early"}
    for limit in (8, 16, 32):
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
