"""Processes that train: two together on the CPU, as torchrun would start them, and one that is killed.

The two are started once and do job after job: a function of this file, called with the world.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from tiny import batch, talkative
from torch import Tensor

from hrm_rl.loop import Batch
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.parallel import World, joined
from hrm_rl.training.run import run
from hrm_rl.training.train import TrainState, train

Job = Callable[..., Any]


def forks() -> ForkServerContext:
    """Processes that start at once: a server that has imported torch, and run nothing, forks them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hrm_rl.training.run"])
    return context


def exit_code(job: Job, *args: Any) -> int | None:
    """What a process that does a job ends with."""
    process = forks().Process(target=job, args=args)
    process.start()
    process.join(120)
    return process.exitcode


class Together:
    """Processes that wait for jobs."""

    def __init__(self, pipes: list[Connection]) -> None:
        self.pipes = pipes

    def do(self, job: Job, *args: Any) -> list[Any]:
        """What the job returns, or the exception that it raises, in each process."""
        for pipe in self.pipes:
            pipe.send((job, args))
        for pipe in self.pipes:
            assert pipe.poll(120), "a process hangs"
        return [pipe.recv() for pipe in self.pipes]


@contextmanager
def together(size: int = 2) -> Iterator[Together]:
    """Start processes; they end with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = forks()
    pipes, started = [], []
    for rank in range(size):
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(there, rank, size, port), daemon=True)
        process.start()
        there.close()
        pipes.append(here)
        started.append(process)
    try:
        yield Together(pipes)
    finally:
        for pipe in pipes:
            pipe.close()
        for process in started:
            process.join(20)
            if process.is_alive():
                process.kill()


def _serve(pipe: Connection, rank: int, size: int, port: int) -> None:
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    with joined("cpu") as world:
        while True:
            try:
                job, args = pipe.recv()
            except EOFError:
                return
            try:
                pipe.send(job(world, *args))
            except Exception as error:
                pipe.send(error)


# --- jobs -----------------------------------------------------------------------------------------


@dataclass
class Told:
    """What some training steps of one process came to."""

    gradients: list[dict[str, Tensor]]
    """Of each step, by parameter; those that got none are left out."""
    puzzles: list[Tensor]
    """Tokens of its slots before each step."""
    carry: Tensor
    """z_H of its slots after the last."""
    sums: list[dict[str, Tensor]]
    """What training yielded, joined over the processes."""
    weights: dict[str, Tensor]
    dealt: int


@contextmanager
def in_fp64() -> Iterator[None]:
    """Models are made in fp64, where the order of a sum is no matter on any processor."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@in_fp64()
def steps(world: World, config: TrainConfig, count: int) -> Told:
    """Train from weights that know nothing, but whose Q differ from slot to slot."""
    state = TrainState.create(config, world)
    state.model.load_state_dict(talkative(config.model).state_dict())
    return _told(state, count)


def steps_compiled(world: World, config: TrainConfig, count: int) -> Told:
    """With a compiled segment: one graph backward, without generated code, which takes minutes."""
    compiled = partial(torch.compile, backend="aot_eager")
    with patch("torch.compile", compiled), warnings.catch_warnings():
        warnings.filterwarnings("error", "torch.compile failed")
        return steps(world, replace(config, compile=True), count)


def steps_with_ids(world: World, config: TrainConfig, count: int) -> Told:
    """The same puzzles at every deal, and a few puzzle embeddings that slots of all ranks share."""
    puzzles = batch(config.slots)
    id_B = torch.arange(config.slots) * 2 % config.model.puzzle_ids

    def sample() -> Batch:
        return puzzles._replace(id_B=id_B)

    model = talkative(config.model).train().requires_grad_()
    generator = torch.Generator().manual_seed(0)
    return _told(TrainState.assemble(config, model, sample, generator, world=world), count)


def _told(state: TrainState, count: int) -> Told:
    gradients: list[dict[str, Tensor]] = []
    puzzles: list[Tensor] = []

    def note(*_: Any) -> None:
        named = state.model.named_parameters()
        gradients.append({name: p.grad.clone() for name, p in named if p.grad is not None})

    state.optimizer.register_step_pre_hook(note)
    window = []
    training = train(state)
    for _ in range(count):
        puzzles.append(state.slots.batch.x_BT.clone())
        window.append(next(training))
    return Told(
        gradients=gradients,
        puzzles=puzzles,
        carry=state.slots.carry.z_H,
        sums=state.world.window(window),
        weights={name: value.clone() for name, value in state.model.state_dict().items()},
        dealt=int(state.world.total(state.dealt)),
    )


def run_folder(
    world: World, config: TrainConfig, folders: list[Path], stop: int | None = None
) -> list[dict[str, float]]:
    """Train in a folder of this process's own."""
    return [
        {name: value for name, value in metrics.items() if name != "steps_per_second"}
        for metrics in run(config, folders[world.rank], stop, world)
    ]


def run_interrupted(world: World, config: TrainConfig, folders: list[Path], at: int) -> list[float]:
    """The last process gets a Ctrl-C at a step; returns the steps that were told of."""
    told = []
    for metrics in run(config, folders[world.rank], world=world):
        told.append(metrics["step"])
        if metrics["step"] == at and world.rank == world.size - 1:
            signal.raise_signal(signal.SIGINT)
    return told


def run_killed(config: TrainConfig, folder: Path, at: int) -> None:
    """Alone, with a SIGKILL at a step."""
    for metrics in run(config, folder):
        if metrics["step"] == at:
            signal.raise_signal(signal.SIGKILL)


def run_spoilt(world: World, config: TrainConfig, folders: list[Path]) -> None:
    """A carry of the last process is spoilt after the second metrics."""
    from hrm_rl.training import run as run_module

    def spoilt(state: TrainState) -> Iterator[dict[str, Tensor]]:
        for sums in train(state):
            if state.step == 5 and world.rank == world.size - 1:
                state.slots.carry.z_L[0, 0, 0] = float("inf")
            yield sums

    run_module.train, before = spoilt, run_module.train  # type: ignore[assignment]
    try:
        list(run(config, folders[world.rank], world=world))
    finally:
        run_module.train = before


def exchanged(world: World) -> dict[str, Tensor]:
    """What `whole` makes of own rows of every kind that is saved."""
    kinds = (torch.float32, torch.bfloat16, torch.int64, torch.int32, torch.uint8, torch.bool)
    return {
        str(kind): world.whole(world.own(torch.arange(8).view(4, 2).remainder(3).to(kind)))
        for kind in kinds
    }
