"""Section "profile" of the benchmark: where the time goes, by kind of operation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from bench_setup import Bench, Rows, wait
from torch.profiler import ProfilerActivity, profile

from hrm_rl import loop
from hrm_rl.loop import batch_of
from hrm_rl.training.train import TrainState, train

KINDS = {
    "matrix products": ("mm", "bmm", "addmm", "baddbmm", "linear", "matmul"),
    "optimiser": ("_foreach", "atan2", "lerp"),
    "copies and casts": ("copy_", "clone", "cat", "to", "contiguous", "fill_", "zero_", "pad"),
    "reductions": ("mean", "sum", "softmax", "norm", "max", "argmax", "all", "any", "topk"),
    "lookups": ("index", "gather", "embedding", "scatter", "searchsorted", "sort", "where"),
}
"""Kinds of operations by how the names of torch's operators begin; anything else is element-wise."""


def where_time_goes(b: Bench) -> Rows:
    """Shares of self time by kind of operation, of an eager training step and of a forward."""
    steps = train(TrainState.create(b.config))
    next(steps)
    index = torch.arange(b.slots) % len(b.puzzles)
    slots = loop.fresh(b.model, batch_of(b.puzzles, index, b.device))

    @torch.no_grad()
    def forward() -> None:
        loop.advance(b.model, slots)

    works = {"training step": lambda: next(steps), "forward": forward}
    found: Rows = {}
    for name, work in works.items():
        shares = shares_of(work, b)
        found |= {f"{name}: {kind}": share for kind, share in shares.items()}
    return found


def shares_of(work: Callable[[], object], b: Bench) -> dict[str, float]:
    """Share of each kind of operation in the self time of some calls, the largest first."""
    on_gpu = b.device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as recorded:
        for _ in range(b.rounds):
            work()
        wait(b.device)
    spent: dict[str, float] = {}
    for event in recorded.key_averages():
        if event.device_type.name != "CPU":
            continue  # a kernel, whose time its operator has too
        own = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        kind = kind_of(event.key)
        spent[kind] = spent.get(kind, 0.0) + own
    total = sum(spent.values())
    ordered = sorted(spent.items(), key=lambda item: -item[1])
    return {kind: time_ / total for kind, time_ in ordered}


def kind_of(name: str) -> str:
    """The kind of an operator, by its name."""
    plain = name.removeprefix("aten::").removeprefix("_")
    for kind, beginnings in KINDS.items():
        if plain.startswith(tuple(beginning.removeprefix("_") for beginning in beginnings)):
            return kind
    return "element-wise and the rest"
