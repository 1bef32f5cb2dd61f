"""Training in the joint regime: deep supervision and a halting learner over the segment loop.

`for sums in train(state)`: the loop yields after every step; logging, saving and stopping are its
callers' business (`run.py`).

Shapes: B slots, T tokens, E puzzle-embedding width, M segments, W parameters (tensors).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hrm_rl import halting, loop
from hrm_rl.device import autocast, shelter
from hrm_rl.features import relative_change
from hrm_rl.models import Output
from hrm_rl.puzzles import task_for, verdicts
from hrm_rl.training import losses, optim
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.joint import Seen, Segment, pays
from hrm_rl.training.state import TrainState

__all__ = ["Thought", "TrainConfig", "TrainState", "settle", "think", "train"]


def train(state: TrainState) -> Iterator[dict[str, Tensor]]:
    """Take optimiser steps for ever, one per segment; yield each step's sums, still on the device.

    Yields:
        0-d tensors: mean losses over the slots (`loss`, and each of its terms), and sums over the
        slots that halted (`halted, exact, cells, segments, q_halt_right`). `histogram` (M,) counts
        halts by m; `weight_norms` and `gradient_norms` (W,) are those that the step began with, as is
        `price`, of learners that pay one.
    """
    while True:
        with shelter(gradients=True):
            thought = think(state)
            wants_B, state.memory = state.learner.decide(
                state.memory, thought.seen, lambda: _draw(state)
            )
            sums = settle(state, thought, wants_B)
        yield sums


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
    """The first half of a training step: one segment, of the cycles that are due. Changes nothing."""
    before, model = state.slots, state.model
    model.config = state.config.model_at(state.step + 1)
    rows_BE = model.puzzle_rows(before.batch.id_B).requires_grad_()
    with autocast(state.dtype, rows_BE.device):
        slots, output = loop.advance(model, before, rows_BE)
    if state.config.answers == "nearest":
        task = task_for(model.config)
        slots = slots._replace(batch=losses.answered(slots.batch, output.logits, task))
    correct_B = verdicts.correct(output.logits, slots.batch.y_BT)
    z_BD = model.read(slots.carry.z_H)

    def residual() -> Float[Tensor, " B"]:
        return relative_change(before.carry.z_H, slots.carry.z_H)

    seen = Seen(output.q.detach(), z_BD, slots.m_B, residual)
    return Thought(slots, rows_BE, output, correct_B, seen)


def settle(state: TrainState, thought: Thought, wants_B: Bool[Tensor, " B"]) -> dict[str, Tensor]:
    """The second half: halt who wants to and may, learn, update the weights, deal new puzzles."""
    c, model, output, price = state.config, state.model, thought.output, state.price
    state.step += 1
    if c.explore == "segment":
        state.min_B = state.draw_min(state.step)
    most = c.segments_at(state.step)
    halted_B = halting.halts(wants_B, thought.slots.m_B, state.min_B, most)
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
        free_B=halting.free(thought.slots.m_B, state.min_B, most),
        max_segments=most,
        head=head,
        peek=lambda: _peek(state, thought.slots),
        price=price,
        total=state.world.total,
    )
    q_terms, state.memory = state.learner.learn(state.memory, segment)
    weighed_B = losses.weighed(lm_B, thought.slots.m_B, c.segment_decay)
    loss_B = weighed_B + c.q_weight * sum(q_terms.values(), torch.zeros_like(lm_B))
    if c.auxiliary and output.z_BD is not None:
        q_terms["correct"] = losses.correctness_loss(output.z_BD, thought.correct_B)
        loss_B = loss_B + c.auxiliary * q_terms["correct"]
    loss = (loss_B if output.cost_B is None else loss_B + output.cost_B).mean()
    state.averaging(loss).backward()

    norms, state.slots = optim.norms(model.parameters()), thought.slots
    _update(state, thought.rows_BE)

    terms = {"loss": loss, "lm_loss": lm_B} | {f"{k}_loss": v for k, v in q_terms.items()}
    sums = {name: term.detach().mean() for name, term in terms.items()}
    sums |= _halts(output, thought.correct_B, halted_B, state.slots, c.max_segments) | norms
    if pays(c.halting):
        sums["price"] = torch.as_tensor(price, dtype=torch.float32, device=loss.device)
    state.reprice(sums)
    state.deal(halted_B)
    state.dealt = state.dealt + halted_B.sum()
    if c.explore == "episode":
        state.min_B = torch.where(halted_B, state.draw_min(state.step + 1), state.min_B)
    return sums


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
    torch.clear_autocast_cache()  # inside a caller's autocast, torch would keep casts of the old weights
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
