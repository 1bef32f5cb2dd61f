"""The runs of scripts/systems.py: what a system costs, and what a run of equal FLOPs comes to.

Shapes: M segments, P puzzles.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import torch

from hrm_rl import loop
from hrm_rl.agents.ablation.budgets import step_cost
from hrm_rl.agents.ablation.member import steps_done
from hrm_rl.agents.rules import rule
from hrm_rl.banks.bank import Bank, log_bank, play
from hrm_rl.loop import batch_of
from hrm_rl.models import AnyConfig, build
from hrm_rl.models.blocks import Block
from hrm_rl.models.checkpoint import load_model, write_atomically
from hrm_rl.models.universal import UniversalConfig
from hrm_rl.puzzles.source import for_model
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.joint import inference_rule
from hrm_rl.training.run import refuse_another, run

SYSTEMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "hrm6": "HRM",
        "trm6": "TRM",
        "recurrent6": "recurrent Transformer",
        "universal6": "Universal Transformer",
        "direct6": "direct prediction",
    }
)
"""Preset -> what it is called."""
SEGMENTS = 16
"""Segments that every run is scored at, whatever it was trained with."""
WITHIN = 8
"""Limit of the halting rule that goes with a run, as in training."""
QUARTERS = 4
"""Times that a run is looked at on its way, quickly."""
GLANCE = 250
"""Puzzles of such a look,"""
JUDGED = 0
"""and of the last one; 0: all there are."""


# --- what a system costs --------------------------------------------------------------------------


@dataclass(frozen=True)
class Size:
    """What is counted of an architecture."""

    parameters: int
    layers: int
    """Blocks that a segment evaluates,"""
    with_gradients: int
    """and those of them that backward goes through."""


def size(config: AnyConfig) -> Size:
    """Counted on the meta device."""
    ran: list[bool] = []
    with torch.device("meta"):
        model = build(config)
        for module in model.modules():
            if isinstance(module, Block):
                module.register_forward_hook(lambda *_: ran.append(torch.is_grad_enabled()))
        x_BT = torch.zeros(1, config.length, dtype=torch.long)
        loop.advance(model, loop.fresh(model, loop.Batch(x_BT, x_BT, x_BT[:, 0])))
    parameters = sum(p.numel() for p in model.parameters())
    return Size(parameters, len(ran), sum(ran))


def flops_of(config: TrainConfig) -> int:
    """Of a training step."""
    return _flops_of(replace(config, steps=1, log_every=1, save_every=1, seed=0))


@cache
def _flops_of(config: TrainConfig) -> int:
    return step_cost(config).flops


def budgeted(config: TrainConfig, flops: float) -> TrainConfig:
    """The run with as many steps as the FLOPs allow, of which it saves every quarter."""
    quarter = max(1, round(flops / flops_of(config) / QUARTERS))
    return replace(config, steps=quarter * QUARTERS, log_every=quarter, save_every=quarter)


# --- one run --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scores:
    """What one run came to."""

    steps: int
    flops: float
    train_M: list[float]
    """Accuracy after each segment on the puzzles it was trained on (as they are, not augmented),"""
    test_M: list[float]
    """and on others."""
    own: list[float]
    """Accuracy on the others and mean segments by its own halting rule, with at most 8 segments."""
    ever: float
    """Share of the others that are right after some segment of the 16."""
    ponder: float
    """Mean N + R of a Universal Transformer's positions in segment 1; 0 for other systems."""
    way: list[list[float]]
    """At each quarter: steps, accuracy after 8 segments on puzzles trained on, and on others."""


def scored(config: TrainConfig, folder: Path, others: str = "test") -> Scores:
    """Train and score a run, or what is left of it; `others` is the split not trained on.

    Raises:
        ValueError: the folder holds another run.
    """
    refuse_another(config, folder / "config.json")
    path, seen = folder / "scores.json", folder / "way.json"
    if path.exists():
        return Scores(**json.loads(path.read_text()))
    way = json.loads(seen.read_text()) if seen.exists() else []
    torch.compiler.reset()  # runs before this one in the process count against its cache
    if steps_done(folder) > len(way) * config.save_every:  # broken off between a save and its look
        _glance(config, folder, way, others)
    for _ in run(config, folder):
        _glance(config, folder, way, others)
    if steps_done(folder) < config.steps:
        raise KeyboardInterrupt  # it was saved, and is not to be judged yet
    train, test = (_bank(config, folder, split, SEGMENTS, JUDGED) for split in ("train", others))
    halted = play(test.first(WITHIN), rule(inference_rule(config.halting)))
    scores = Scores(
        config.steps,
        float(config.steps * flops_of(config)),
        _accuracy_M(train),
        _accuracy_M(test),
        [float(x.double().mean()) for x in (halted.correct_P, halted.segment_P)],
        float(test.correct_MP.any(0).double().mean()),
        ponder(config, folder),
        way,
    )
    write_atomically(path, json.dumps(asdict(scores), indent=1).encode())
    return scores


def _glance(config: TrainConfig, folder: Path, way: list[list[float]], others: str) -> None:
    """Add how far the run is, and write it down."""
    banks = [_bank(config, folder, split, WITHIN, GLANCE) for split in ("train", others)]
    way.append([float(steps_done(folder)), *(_accuracy_M(bank)[-1] for bank in banks)])
    write_atomically(folder / "way.json", json.dumps(way).encode())


def _bank(config: TrainConfig, folder: Path, split: str, segments: int, limit: int) -> Bank:
    """Every segment of the puzzles, with the averaged weights that lie in the folder."""
    model, _ = load_model(folder)
    return log_bank(model, for_model(config.model, config.data[0][0], split, limit), segments)


def _accuracy_M(bank: Bank) -> list[float]:
    return bank.correct_MP.double().mean(1).tolist()


@torch.no_grad()
def ponder(config: TrainConfig, folder: Path) -> float:
    """Mean N + R of the positions of a Universal Transformer in segment 1; 0 for other systems."""
    if not isinstance(config.model, UniversalConfig) or not config.model.ponder_cost:
        return 0.0
    model, _ = load_model(folder)
    puzzles = for_model(config.model, config.data[0][0], "test", GLANCE)
    batch = batch_of(puzzles, torch.arange(len(puzzles)), torch.device("cpu"))
    _, output = loop.advance(model, loop.fresh(model, batch))
    assert output.cost_B is not None
    return float(output.cost_B.mean()) / config.model.ponder_cost
