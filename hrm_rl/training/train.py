"""Training in the joint regime: deep supervision and a halting learner over the segment loop.

`for sums in train(state)`: the loop yields after every step; logging, saving and stopping are its
callers' business (`run.py`).

Shapes: B slots, T tokens, E puzzle-embedding width, M segments, W parameters (tensors).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl import halting, loop
from hrm_rl.device import autocast, compile_segment, resolve_dtype
from hrm_rl.features import relative_change
from hrm_rl.models import Carry, Model, Output, build, config_to
from hrm_rl.models.checkpoint import load_model
from hrm_rl.puzzles import task_for, verdicts
from hrm_rl.training import losses, optim
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.data import Sampler
from hrm_rl.training.joint import JointLearner, Memory, Seen, Segment, joint_learner
from hrm_rl.training.parallel import ALONE, Average, World, same

__all__ = ["Thought", "TrainConfig", "TrainState", "settle", "think", "train"]


@dataclass
class TrainState:
    """A run between two steps: all that the next step depends on."""

    config: TrainConfig
    model: Model
    learner: JointLearner
    memory: Memory
    """What the learner remembers."""
    optimizer: optim.AdamAtan2
    ema: list[Tensor]
    """Averaged weights in the order of `model.parameters()`; empty without EMA."""
    sample: Callable[[], loop.Batch]
    """The next puzzles, one for each slot; its position is that of `generator`."""
    generator: torch.Generator | None
    slots: loop.Slots
    min_B: Tensor
    """Minimum segments of each slot (`explore="episode"`)."""
    dealt: Int[Tensor, ""]
    """Puzzles dealt so far, here; the sum over the processes of `world` counts."""
    dtype: torch.dtype
    step: int = 0
    world: World = ALONE
    """The processes that share the slots out among them; tensors here hold this one's."""
    averaging: Average = same
    """To apply to the loss, so that gradients are those of all slots."""

    @staticmethod
    def create(config: TrainConfig, world: World = ALONE) -> TrainState:
        """A run before its first step, on the device that the config asks for."""
        world.share(config.slots)  # refuses before it costs anything
        device = world.device(config.device)
        torch.manual_seed(config.seed)
        model = build(config.model)
        if config.init:
            model.load_state_dict(_weights(config))
        else:
            model.q_head.bias.data.copy_(torch.tensor(joint_learner(config).bias))
        model = model.to(device).train()
        generator = torch.Generator(device).manual_seed(config.seed)
        sample = Sampler.create(
            config.data, config.slots, config.augment, device, generator, config.model.task
        )
        task, c = sample.task, config.model
        if (task.vocab, task.length) != (c.vocab, c.length):
            raise ValueError(
                f"the puzzles have {task.length} tokens of a vocabulary of {task.vocab}, the "
                f"model {c.length} of {c.vocab}; set the model's vocab and length to theirs"
            )
        if task_for(c) != task:
            raise ValueError(
                f"the puzzles are {task.task}, the model's are {task_for(c).task}; set the model's "
                f'task to "{task.task}"'
            )
        known = model.puzzle_emb.weights.shape[0]
        if c.prefix and sample.identifiers > known:
            raise ValueError(
                f"the puzzles have {sample.identifiers} identifiers, the model has embeddings for "
                f"{known}; set the model's puzzle_ids to {sample.identifiers}"
            )
        if config.compile:
            compile_segment(model)
        dtype = resolve_dtype(config.dtype, device)
        return TrainState.assemble(config, model, sample, generator, dtype, world)

    @staticmethod
    def assemble(
        config: TrainConfig,
        model: Model,
        sample: Callable[[], loop.Batch],
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
        world: World = ALONE,
    ) -> TrainState:
        """A run before its first step around a given model and source of puzzles for all slots."""
        averaging, params = world.averaging(model), list(model.parameters())
        own, share = lambda: world.own(sample()), world.share(config.slots)
        batch = own()
        slots = loop.fresh(model, batch)
        # Laid out as every later carry is: a compiled segment would otherwise compile twice.
        carry = Carry(*(z_BLD.contiguous() for z_BLD in slots.carry))
        learner, device = joint_learner(config), batch.x_BT.device
        state = TrainState(
            config=config,
            model=model,
            learner=learner,
            memory=learner.begin(share, config.model.width, device, model.q_head.weight.dtype),
            optimizer=optim.AdamAtan2(params, config.lr, config.betas, config.weight_decay),
            ema=[p.detach().clone() for p in params] if config.ema else [],
            sample=own,
            generator=generator,
            slots=slots._replace(carry=carry),
            min_B=torch.ones_like(slots.m_B),
            dealt=torch.full((), share, device=device),
            dtype=dtype,
            world=world,
            averaging=averaging,
        )
        state.min_B = _draw_min(state, device)
        return state


def _weights(config: TrainConfig) -> dict[str, Tensor]:
    """The weights to start from, of the same architecture; only cycles, which have none, may differ."""
    model, _ = load_model(config.init)
    cycles = dict.fromkeys(("H_cycles", "L_cycles"))
    if config_to(model.config) | cycles != config_to(config.model) | cycles:
        raise ValueError(
            f"{config.init} has another architecture ({model.config}); start from one like "
            f"{config.model}"
        )
    return model.state_dict()


def train(state: TrainState) -> Iterator[dict[str, Tensor]]:
    """Take optimiser steps for ever, one per segment; yield each step's sums, still on the device.

    Yields:
        0-d tensors: mean losses over the slots (`loss`, and each of its terms), and sums over the
        slots that halted (`halted, exact, cells, segments, q_halt_right`). `histogram` (M,) counts
        halts by m; `weight_norms` and `gradient_norms` (W,) are those that the step began with.
    """
    while True:
        thought = think(state)
        wants_B, state.memory = state.learner.decide(
            state.memory, thought.seen, lambda: _draw(state)
        )
        yield settle(state, thought, wants_B)


def _draw(state: TrainState) -> Float[Tensor, " B"]:
    slots, device = state.config.slots, state.slots.m_B.device
    return state.world.own(torch.rand(slots, generator=state.generator, device=device))


class Thought(NamedTuple):
    """A segment of all slots that was run, and neither decided on nor learned from."""

    slots: loop.Slots
    """After it."""
    rows_BE: Float[Tensor, "B E"]
    """The puzzle embeddings, a leaf whose gradient is wanted."""
    output: Output
    correct_B: Bool[Tensor, " B"]
    seen: Seen


def think(state: TrainState) -> Thought:
    """The first half of a training step: one segment. Changes nothing."""
    before, model = state.slots, state.model
    rows_BE = model.puzzle_rows(before.batch.id_B).requires_grad_()
    with autocast(state.dtype, rows_BE.device):
        slots, output = loop.advance(model, before, rows_BE)
    task, answers = task_for(model.config), state.config.answers
    slots = slots._replace(batch=losses.answered(slots.batch, output.logits, task, answers))
    correct_B = verdicts.correct(output.logits, slots.batch.y_BT)
    z_BD = model.read(slots.carry.z_H)

    def residual() -> Float[Tensor, " B"]:
        return relative_change(before.carry.z_H, slots.carry.z_H)

    seen = Seen(output.q.detach(), z_BD, slots.m_B, residual)
    return Thought(slots, rows_BE, output, correct_B, seen)


def settle(state: TrainState, thought: Thought, wants_B: Bool[Tensor, " B"]) -> dict[str, Tensor]:
    """The second half: halt who wants to and may, learn, update the weights, deal new puzzles."""
    c, model, output = state.config, state.model, thought.output
    state.step += 1
    if c.explore == "segment":
        state.min_B = _draw_min(state, wants_B.device)
    halted_B = halting.halts(wants_B, thought.slots.m_B, state.min_B, c.max_segments)
    wanted_BT = losses.wanted(thought.slots.batch, c.loss_on)
    lm_B = losses.sequence_loss(output.logits, wanted_BT, c.loss)
    with autocast(state.dtype, wants_B.device):
        q_B2 = output.q if c.attach else model.head(thought.seen.z_BD)

    def head(z_BD: Float[Tensor, "*B D"]) -> Float[Tensor, "*B 2"]:
        with autocast(state.dtype, z_BD.device):
            return model.head(z_BD)

    segment = Segment(
        seen=thought.seen,
        q_B2=q_B2,
        last_z_BD=model.read(state.slots.carry.z_H),
        correct_B=thought.correct_B,
        lm_B=lm_B.detach(),
        halted_B=halted_B,
        head=head,
        peek=lambda: _peek(state, thought.slots),
    )
    q_terms, state.memory = state.learner.learn(state.memory, segment)
    loss_B = lm_B + c.q_weight * sum(q_terms.values(), torch.zeros_like(lm_B))
    loss = (loss_B if output.cost_B is None else loss_B + output.cost_B).mean()
    state.averaging(loss).backward()

    norms, state.slots = optim.norms(model.parameters()), thought.slots
    _update(state, thought.rows_BE)

    terms = {"loss": loss, "lm_loss": lm_B} | {f"{k}_loss": v for k, v in q_terms.items()}
    sums = {name: term.detach().mean() for name, term in terms.items()}
    sums |= _halts(output, thought.correct_B, halted_B, state.slots, c.max_segments) | norms
    state.slots = loop.deal(model, state.slots, state.sample(), halted_B)
    state.dealt = state.dealt + halted_B.sum()
    if c.explore == "episode":
        state.min_B = torch.where(halted_B, _draw_min(state, wants_B.device), state.min_B)
    return sums


def _draw_min(state: TrainState, device: torch.device) -> Int[Tensor, " B"]:
    c = state.config
    probability = c.explore_probability if state.learner.explores else 0.0
    min_B = halting.draw_min_segments(c.slots, c.max_segments, probability, state.generator, device)
    return state.world.own(min_B)


def _peek(state: TrainState, slots: loop.Slots) -> Float[Tensor, "B 2"]:
    """Q logits one segment further, with the same weights and without gradients."""
    with torch.no_grad(), autocast(state.dtype, slots.m_B.device):
        return loop.advance(state.model, slots)[1].q


def _update(state: TrainState, rows_BE: Float[Tensor, "B E"]) -> None:
    """Sign-SGD on the puzzle embeddings, Adam-atan2 on the rest, then the average."""
    c = state.config
    lr_scale = optim.learning_rate(state.step, 1.0, c.warmup, c.steps, c.lr_min_ratio)
    if rows_BE.grad is not None and rows_BE.shape[1]:
        # Of all processes, so that all take the same step; a sign does not mind a loss's divisor.
        id_B, grad_BE = map(state.world.whole, (state.slots.batch.id_B, rows_BE.grad))
        table_NE, lr = state.model.puzzle_emb.weights, c.puzzle_lr * lr_scale
        optim.sign_sgd_rows_(table_NE, id_B, grad_BE, lr, c.puzzle_weight_decay)
    for group in state.optimizer.param_groups:
        group["lr"] = c.lr * lr_scale
    state.optimizer.step()
    state.optimizer.zero_grad()
    if state.ema:
        optim.update_ema_(state.ema, list(state.model.parameters()), c.ema)


@torch.no_grad()
def _halts(
    output: Output,
    correct_B: Bool[Tensor, " B"],
    halted_B: Bool[Tensor, " B"],
    slots: loop.Slots,
    max_segments: int,
) -> dict[str, Tensor]:
    """Sums over the slots that halted; nothing here waits for the device."""
    cells_B = verdicts.token_accuracy(output.logits.argmax(-1), slots.batch.y_BT)
    at_M = torch.arange(1, max_segments + 1, device=halted_B.device)
    return {
        "halted": halted_B.sum(),
        "exact": (correct_B & halted_B).sum(),
        "cells": torch.where(halted_B, cells_B, 0).sum(),
        "segments": torch.where(halted_B, slots.m_B, 0).sum(),
        "q_halt_right": (((output.q[:, 0] >= 0) == correct_B) & halted_B).sum(),
        "histogram": ((slots.m_B[:, None] == at_M) & halted_B[:, None]).sum(0),
    }
