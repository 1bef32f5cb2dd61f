"""Data-parallel training under torchrun: which rows are this process's, and what processes share.

Every process draws the batch of all slots from the same generator and keeps its own rows. So a run
of W processes is the run of one, up to the order in which floating-point numbers are added, and it
can be resumed with another W. Drawing is indexing; what it costs is in docs/scaling.md.

Shapes: B slots of all processes, S steps of a window.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn

from hrm_rl.device import resolve_device
from hrm_rl.loop import Rows, each

T = TypeVar("T")
Average = Callable[[Float[Tensor, ""]], Float[Tensor, ""]]

SAME_EVERYWHERE = ("weight_norms", "gradient_norms", "price")
"""Of what a training step yields: weights are equal in all processes, averaged gradients too, and what
follows from the puzzles of all of them."""


@dataclass(frozen=True)
class World:
    """The processes of a run, and which of them this is. Alone, every method leaves things be.

    All processes must call the methods that gather, add or ask, in the same order.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    """Rank on this machine, hence which GPU."""

    def device(self, name: str) -> torch.device:
        """Where this process computes: a GPU of its own, or the CPU.

        Raises:
            ValueError: as `resolve_device` does, or the machine has fewer GPUs than processes.
        """
        if self.size == 1:
            return resolve_device(name)
        if name == "auto" and not torch.cuda.is_available():
            return torch.device("cpu")  # no backend of torch.distributed computes on mps
        device = resolve_device(name)
        if device.type == "mps" or device.index is not None:
            raise ValueError(
                f'device must be "auto", "cpu" or "cuda" under torchrun, which gives each process '
                f'a GPU of its own, got "{name}"'
            )
        count = torch.cuda.device_count()
        if device.type == "cuda" and self.local_rank >= count:
            raise ValueError(
                f"torchrun started more processes on this machine than it has GPUs ({count}); "
                f"use --nproc-per-node {count}, or the option --device cpu"
            )
        return torch.device("cuda", self.local_rank) if device.type == "cuda" else device

    def share(self, slots: int) -> int:
        """How many of all slots are this process's.

        Raises:
            ValueError: they cannot be shared out evenly.
        """
        if slots % self.size:
            down = slots // self.size * self.size
            cure = f"{down} or {down + self.size}" if down else f"{self.size}"
            raise ValueError(
                f"slots must be a multiple of the number of processes, got {slots} slots and "
                f"{self.size} processes; use {cure}"
            )
        return slots // self.size

    def own(self, tree: Rows) -> Rows:
        """This process's rows of tensors that hold those of all; 0-d tensors as they are."""

        def part(x: Tensor) -> Tensor:
            return x.tensor_split(self.size)[self.rank] if x.dim() else x

        return tree if self.size == 1 else each(part, tree)

    def whole(self, x: Tensor) -> Tensor:
        """The rows of all processes in the order of their ranks; the inverse of `own`."""
        if self.size == 1 or not x.dim():
            return x
        x = x.contiguous()
        parts = [torch.empty_like(x) for _ in range(self.size)]
        dist.all_gather(parts, x)
        return torch.cat(parts)

    def total(self, x: Tensor) -> Tensor:
        """The sum over the processes."""
        if self.size == 1:
            return x
        x = x.clone()
        dist.all_reduce(x)
        return x

    def window(self, window: list[dict[str, Tensor]]) -> list[dict[str, Tensor]]:
        """What training would have yielded for the whole batch: losses averaged, counts added.

        One reduction for all steps of the window.
        """
        if self.size == 1 or not window:
            return window
        names = [name for name in window[0] if name not in SAME_EVERYWHERE]
        parts = [sums[name].double() for sums in window for name in names]
        sums_of_all = self.total(torch.cat([part.flatten() for part in parts]))
        summed = iter(sums_of_all.split([part.numel() for part in parts]))

        def joined(name: str, own: Tensor) -> Tensor:
            if name in SAME_EVERYWHERE:
                return own
            value = next(summed).view(own.shape)
            return (value / self.size if name.endswith("loss") else value).to(own.dtype)

        return [{name: joined(name, own) for name, own in sums.items()} for sums in window]

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        return bool(self.total(torch.tensor(int(flag))))

    def first(self, work: Callable[[], T]) -> T:
        """Do on rank 0 alone; every process returns what it returned, or raises what it raised."""
        if self.size == 1:
            return work()
        outcome: list[tuple[T | None, Exception | None] | None] = [None]
        if self.rank == 0:
            try:
                outcome = [(work(), None)]
            except Exception as raised:
                outcome = [(None, raised)]
        dist.broadcast_object_list(outcome, src=0, device=torch.device("cpu"))
        assert outcome[0] is not None
        value, error = outcome[0]
        if error is not None:
            raise error
        return value  # type: ignore[return-value]

    def averaging(self, model: nn.Module) -> Average:
        """The identity on a loss, whose backward averages the model's gradients over the processes.

        Also makes the weights those of rank 0, once.
        """
        if self.size == 1:
            return same
        # Which parameters a loss depends on is a matter of the halting learner, and stays as it is
        # from step to step: a learner decides nothing by what it would have to read.
        return nn.parallel.DistributedDataParallel(_Loss(model), static_graph=True)


class _Loss(nn.Module):
    """The last operation of a training step's graph, for DistributedDataParallel to wrap.

    A step reads the model in several ways: a segment, the head again on older vectors, a look
    ahead without gradients; and the loss may leave the Q-head out. To wrap a forward of the model
    would miss the former and stumble over the latter. DDP's hooks sit on the parameters: from here
    they average every gradient, whatever way it came, while backward goes on.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        # Not the model: DDP would send its buffers around at every step, the puzzle embeddings too.
        self.weights = nn.ParameterList(model.parameters())

    def forward(self, loss: Float[Tensor, ""]) -> Float[Tensor, ""]:
        return loss


def same(loss: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """The identity."""
    return loss


ALONE = World()


@contextmanager
def joined(device: str = "auto") -> Iterator[World]:
    """The processes that torchrun started, while they work together; without torchrun, one.

    gloo carries what lies on the CPU and nccl what lies on GPUs.

    Raises:
        ValueError: as `World.device` does.
    """
    rank, size, local_rank = (
        int(os.environ.get(name, default))
        for name, default in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))
    )
    world = World(rank, size, local_rank)
    if size == 1:
        yield world
        return
    where = world.device(device)
    if where.type == "cuda":
        torch.cuda.set_device(where)
    dist.init_process_group("cpu:gloo,cuda:nccl" if where.type == "cuda" else "gloo")
    try:
        yield world
    finally:
        dist.destroy_process_group()
