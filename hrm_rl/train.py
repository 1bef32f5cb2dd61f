"""Training in the joint regime: deep supervision and a halting learner over the one segment loop.

`for sums in train(state)`: the loop yields after every step; logging, saving and stopping are its callers'
business (`run.py`).

Shapes: B slots, T tokens, E puzzle-embedding width.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import count

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hrm_rl import halting, losses, loop, optim
from hrm_rl.checkpoint import load_model
from hrm_rl.data import Sampler
from hrm_rl.device import autocast, compile_segment, resolve_device, resolve_dtype
from hrm_rl.joint import LEARNERS, JointLearner, Segment
from hrm_rl.models.hrm import HRM, HRMConfig


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a run; saved as `config.json` in its folder."""

    model: HRMConfig
    """The architecture."""
    data: tuple[tuple[str, float], ...]
    """Puzzle sets (`puzzles.source`) with the share of the puzzles dealt that comes from each."""
    init: str = ""
    """Weights to start from (`load_model`); "" draws new ones."""
    augment: bool = True
    """Draw a random symmetry for every puzzle dealt."""
    slots: int = 128
    """B, puzzles solved side by side; one optimiser step per segment of all of them."""
    steps: int = 10_000
    """Optimiser steps."""
    max_segments: int = 16
    """Forced halt."""
    learner: str = "act_q"
    """Halting learner: "act_q" (the paper's Q-learning) or "halt_bce" (TRM's)."""
    edge: str = "exact"
    """Where the continue target stops taking a maximum: "exact" or "paper" (`losses.continue_target`)."""
    bootstrap: str = "extra"
    """Where the continue target comes from: "extra" or "delayed" (`joint.ActQ`)."""
    tie: str = "continue"
    """What to do at Q_halt = Q_continue: "continue" (the paper) or "halt"."""
    explore: str = "episode"
    """When the minimum number of segments is drawn: "episode" (paper) or "segment" (public code)."""
    explore_probability: float = 0.1
    """Epsilon, the probability of a minimum above 1."""
    loss: str = "stablemax"
    """Sequence loss: "stablemax" or "softmax"."""
    q_weight: float = 0.5
    """Weight of the halting learner's losses."""
    lr: float = 1e-4
    """Peak learning rate of Adam-atan2."""
    warmup: int = 2000
    """Steps of linear warm-up."""
    lr_min_ratio: float = 1.0
    """Last learning rate over the peak; 1.0 stays constant, below it a cosine."""
    betas: tuple[float, float] = (0.9, 0.95)
    """Adam-atan2."""
    weight_decay: float = 0.1
    """Decoupled, on every parameter."""
    puzzle_lr: float = 1e-2
    """Sign-SGD on the puzzle embeddings."""
    puzzle_weight_decay: float = 0.1
    """Decay of the puzzle embeddings that a batch used."""
    ema: float = 0.0
    """Decay of the averaged weights that are evaluated and shipped; 0 keeps none."""
    seed: int = 0
    """Weights, puzzles, augmentation, exploration."""
    device: str = "auto"
    """"auto", "cpu", "cuda", "mps"."""
    dtype: str = "auto"
    """Autocast: "float32", "bfloat16", or "auto": bfloat16 where the hardware multiplies it faster."""
    compile: bool = False
    """Compile the segment with torch.compile; falls back to eager, which gives the same numbers."""
    log_every: int = 20
    """Steps between two lines of metrics."""
    save_every: int = 200
    """Steps between two checkpoints."""

    def __post_init__(self) -> None:
        for name in ("slots", "steps", "max_segments", "log_every", "save_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1, got {getattr(self, name)}")
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        if not self.data or any(share <= 0 for _, share in self.data):
            raise ValueError(f"data must name at least one puzzle set, each with a share > 0, got {self.data!r}")
        if self.save_every % self.log_every:
            raise ValueError(f"save_every must be a multiple of log_every ({self.log_every}), got {self.save_every}")
        if not 0 <= self.explore_probability <= 1:
            raise ValueError(f"explore_probability must lie in [0, 1], got {self.explore_probability}")

    @staticmethod
    def from_json(text: str) -> TrainConfig:
        values = json.loads(text)
        values["model"] = HRMConfig(**values["model"])
        values["data"] = tuple((str(name), float(share)) for name, share in values["data"])
        values["betas"] = tuple(values["betas"])
        return TrainConfig(**values)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"


_CHOICES = {
    "learner": tuple(LEARNERS),
    "edge": ("exact", "paper"),
    "bootstrap": ("extra", "delayed"),
    "tie": ("continue", "halt"),
    "explore": ("episode", "segment"),
    "loss": ("stablemax", "softmax"),
    "dtype": ("auto", "float32", "bfloat16"),
}


@dataclass
class TrainState:
    """A run between two steps: all that the next step depends on."""

    config: TrainConfig
    model: HRM
    learner: JointLearner
    optimizer: optim.AdamAtan2
    ema: list[Tensor]
    """Averaged weights in the order of `model.parameters()`; empty without EMA."""
    sample: Callable[[], loop.Batch]
    """The next puzzles, one for each slot; its position is that of `generator`."""
    generator: torch.Generator | None
    slots: loop.Slots
    min_B: Tensor
    """Minimum segments of each slot (`explore="episode"`)."""
    dtype: torch.dtype
    step: int = 0

    @staticmethod
    def create(config: TrainConfig) -> TrainState:
        """A run before its first step, on the device that the config asks for."""
        device = resolve_device(config.device)
        torch.manual_seed(config.seed)
        model = HRM(config.model)
        if config.init:
            model.load_state_dict(_weights(config))
        model = model.to(device).train()
        generator = torch.Generator(device).manual_seed(config.seed)
        sample = Sampler.create(config.data, config.slots, config.augment, device, generator)
        if (sample.vocab, sample.length) != (config.model.vocab, config.model.length):
            raise ValueError(
                f"the puzzles have {sample.length} tokens of a vocabulary of {sample.vocab}, the model "
                f"{config.model.length} of {config.model.vocab}; set HRMConfig(vocab=, length=) to the puzzles'"
            )
        if config.compile:
            compile_segment(model)
        return TrainState.assemble(config, model, sample, generator, resolve_dtype(config.dtype, device))

    @staticmethod
    def assemble(
        config: TrainConfig,
        model: HRM,
        sample: Callable[[], loop.Batch],
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> TrainState:
        """A run before its first step around a given model and source of puzzles."""
        params = list(model.parameters())
        batch = sample()
        return TrainState(
            config=config,
            model=model,
            learner=LEARNERS[config.learner](config),
            optimizer=optim.AdamAtan2(params, config.lr, config.betas, config.weight_decay),
            ema=[p.detach().clone() for p in params] if config.ema else [],
            sample=sample,
            generator=generator,
            slots=loop.fresh(model, batch),
            min_B=_draw_min(config, generator, batch.x_BT.device),
            dtype=dtype,
        )


def _weights(config: TrainConfig) -> dict[str, Tensor]:
    """The weights to start from, of the same architecture."""
    model, _ = load_model(config.init)
    if model.config != config.model:
        raise ValueError(f"{config.init} has another architecture ({model.config}); start from one like {config.model}")
    return model.state_dict()


def _draw_min(config: TrainConfig, generator: torch.Generator | None, device: torch.device) -> Tensor:
    return halting.draw_min_segments(
        config.slots, config.max_segments, config.explore_probability, generator, device
    )


def train(state: TrainState) -> Iterator[dict[str, Tensor]]:
    """Take optimiser steps for ever, one per segment; yield each step's sums, still on the device.

    Yields:
        0-d tensors: summed `loss` terms over the slots, and counts over the slots that halted
        (`halted, exact, cells, segments, q_halt_right`); `histogram` (max_segments,) counts halts by m.
    """
    for state.step in count(state.step + 1):
        c, slots = state.config, state.slots
        rows_BE = state.model.puzzle_rows(slots.batch.id_B).requires_grad_()
        last_z_H = slots.carry.z_H

        with autocast(state.dtype, rows_BE.device):
            state.slots, output = loop.advance(state.model, slots, rows_BE)
            last_q_B2 = state.model.q(last_z_H)
        correct_B = losses.correct(output.logits, slots.batch.y_BT)

        if c.explore == "segment":
            state.min_B = _draw_min(c, state.generator, rows_BE.device)
        wants_B = state.learner.decide(output.q.detach())
        halted_B = halting.halts(wants_B, state.slots.m_B, state.min_B, c.max_segments)

        segment = Segment(output.q, correct_B, state.slots.m_B, last_q_B2, lambda: _peek(state))
        terms = {"lm": losses.sequence_loss(output.logits, slots.batch.y_BT, c.loss)}
        terms |= state.learner.losses(segment)
        loss = sum((1.0 if k == "lm" else c.q_weight) * v.sum() for k, v in terms.items()) / c.slots
        loss.backward()

        lr_scale = optim.learning_rate(state.step, 1.0, c.warmup, c.steps, c.lr_min_ratio)
        _update(state, rows_BE, lr_scale)

        sums = _sums(terms, loss, output.logits, output.q, correct_B, halted_B, state.slots, c.max_segments)
        state.slots = loop.deal(state.model, state.slots, state.sample(), halted_B)
        if c.explore == "episode":
            state.min_B = torch.where(halted_B, _draw_min(c, state.generator, rows_BE.device), state.min_B)
        yield sums


def _peek(state: TrainState) -> Float[Tensor, "B 2"]:
    """Q logits one segment further, with the same weights and without gradients."""
    rows_BE = state.model.puzzle_rows(state.slots.batch.id_B)
    with torch.no_grad(), autocast(state.dtype, rows_BE.device):
        return loop.advance(state.model, state.slots, rows_BE)[1].q


def _update(state: TrainState, rows_BE: Tensor, lr_scale: float) -> None:
    """Sign-SGD on the puzzle embeddings, Adam-atan2 on the rest, then the average."""
    c = state.config
    if rows_BE.shape[1]:
        optim.sign_sgd_rows_(
            state.model.puzzle_emb.weights, state.slots.batch.id_B, rows_BE.grad,
            c.puzzle_lr * lr_scale, c.puzzle_weight_decay,
        )  # fmt: skip
    for group in state.optimizer.param_groups:
        group["lr"] = c.lr * lr_scale
    state.optimizer.step()
    state.optimizer.zero_grad()
    if state.ema:
        optim.update_ema_(state.ema, list(state.model.parameters()), c.ema)


@torch.no_grad()
def _sums(
    terms: dict[str, Tensor],
    loss: Tensor,
    logits_BTV: Tensor,
    q_B2: Tensor,
    correct_B: Bool[Tensor, " B"],
    halted_B: Bool[Tensor, " B"],
    slots: loop.Slots,
    max_segments: int,
) -> dict[str, Tensor]:
    """What metrics are made of, summed over slots; nothing here waits for the device."""
    y_BT = slots.batch.y_BT
    cells_B = losses.cells_right(logits_BTV, y_BT).sum(-1) / (y_BT != losses.PAD).sum(-1).clamp(min=1)
    at = torch.arange(1, max_segments + 1, device=halted_B.device)
    return {
        "loss": loss.detach(),
        **{f"{name}_loss": term.detach().mean() for name, term in terms.items()},
        "halted": halted_B.sum(),
        "exact": (correct_B & halted_B).sum(),
        "cells": torch.where(halted_B, cells_B, 0).sum(),
        "segments": torch.where(halted_B, slots.m_B, 0).sum(),
        "q_halt_right": (((q_B2[:, 0] >= 0) == correct_B) & halted_B).sum(),
        "histogram": ((slots.m_B[:, None] == at) & halted_B[:, None]).sum(0),
    }
