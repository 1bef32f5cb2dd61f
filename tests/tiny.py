"""Models and runs on 4x4 Sudoku that are small enough to train inside a test."""

from dataclasses import replace
from typing import Any

import torch

from hrm_rl.loop import Batch
from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.puzzles import load
from hrm_rl.training.config import TrainConfig

ATTENTION = HRMConfig(vocab=6, length=16, width=32, heads=2, H_layers=1, L_layers=1, expansion=2.0)
MLP = replace(ATTENTION, token_mixer="mlp", positions="none")


def tiny_run(**changes: Any) -> TrainConfig:
    """A run of a few steps with every part switched on, checkpointed every fourth."""
    config = TrainConfig(
        model=ATTENTION,
        data=(("sudoku4", 1.0),),
        slots=4,
        steps=12,
        max_segments=3,
        explore_probability=0.5,
        lr=1e-2,
        warmup=4,
        ema=0.9,
        device="cpu",
        dtype="float32",
        log_every=2,
        save_every=4,
    )
    return replace(config, **changes)


def talkative(config: HRMConfig = ATTENTION, seed: int = 0) -> HRM:
    """An untrained model whose Q and puzzle embedding are not the same everywhere, in eval mode."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = HRM(config)
        torch.nn.init.normal_(model.q_head.weight, std=0.5)
        model.puzzle_emb.weights.normal_()
    return model.eval().requires_grad_(False)


def batch(size: int, device: str = "cpu") -> Batch:
    """The first puzzles of the shipped 4x4 training set."""
    puzzles = load("sudoku4", "train").take(range(size))
    x_BT, y_BT = (
        torch.from_numpy(tokens).long().to(device)
        for tokens in (puzzles.inputs_PL, puzzles.solutions_PL)
    )
    return Batch(x_BT, y_BT, torch.zeros(size, dtype=torch.long, device=device))
