"""What the 27M model costs on Sudoku, Maze and ARC shapes, and what GPUs may be expected to do.

    python scripts/scaling.py

Prints the tables of docs/scaling.md. Nothing is computed: FLOPs are counted by torch's counter on
the meta device, bytes on fake tensors, both over a training step as `hrm_rl.training.train` makes it.

Shapes: B slots, T tokens, L positions, D width, N heads, I inner width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.models.layers import Attention, inner_width
from hrm_rl.puzzles import Sudoku
from hrm_rl.training.data import Sampler
from hrm_rl.training.presets import official
from hrm_rl.training.train import TrainState, train

MIB = 2**20
UTILISATION = (0.15, 0.35)
"""Share of the peak that matrix products are expected to reach, from and to; docs/scaling.md says why."""
GPUS = {"A100": (312e12, 2.04e12, 300e9), "H100": (989e12, 3.35e12, 450e9)}
"""Data sheets of the SXM modules with 80 GB: bf16 FLOP/s without sparsity, bytes/s of memory, and
bytes/s that NVLink sends in one direction."""
PORT = 50e9
"""Bytes/s that an InfiniBand port of 400 Gb/s sends."""


SLOTS = 96
"""For each of eight GPUs, as the public code's runs have them (768 in all)."""


@dataclass(frozen=True)
class Task:
    """A shape, and the public code's run on eight GPUs: so many steps in about so many hours."""

    name: str
    model: HRMConfig
    steps: int
    hours: float


def tasks() -> list[Task]:
    """The public code's three tasks; ARC with the puzzle identifiers of its 1,000 augmentations."""
    sudoku = official().model
    return [
        Task("Sudoku 9x9", sudoku, 26_041, 1 / 6),
        Task("Maze 30x30", replace(sudoku, vocab=6, length=900), 26_041, 1.0),
        Task("ARC 30x30", replace(sudoku, vocab=12, length=900, puzzle_ids=876_406), 414_456, 24.0),
    ]


# --- counting -------------------------------------------------------------------------------------


def first_step(
    config: HRMConfig, slots: int, bootstrap: str, device: str, dtype: torch.dtype
) -> TrainState:
    """A run before its first step."""
    with torch.device(device):
        model = HRM(config)
        tokens_PT, id_P = torch.zeros(1, config.length, dtype=torch.uint8), torch.zeros(1).long()
        sample = Sampler(tokens_PT, tokens_PT, id_P, torch.ones(1), slots, Sudoku(9), False)
    run = replace(official(), model=config, slots=slots, bootstrap=bootstrap, compile=False)
    return TrainState.assemble(run, model, sample, dtype=dtype)


def flops(config: HRMConfig, slots: int, bootstrap: str) -> int:
    """Of the matrix products of a training step, as torch's counter has it."""
    training = train(first_step(config, slots, bootstrap, "meta", torch.float32))
    with FlopCounterMode(display=False) as counter:
        next(training)
    return counter.get_total_flops()


def flops_by_hand(config: HRMConfig, slots: int, bootstrap: str) -> int:
    """The same in closed form: 2 for a multiplication and an addition, backward twice forward."""
    c, L, D = config, config.prefix + config.length, config.width
    inner = inner_width(D, c.expansion, c.inner_multiple)
    block = 8 * L * D**2 + 4 * L**2 * D + 6 * L * D * inner  # q k v o; scores and mix; SwiGLU
    heads = 2 * L * D * c.vocab + 4 * D
    forward = c.H_cycles * (c.H_layers + c.L_cycles * c.L_layers) * block + heads
    slow, fast = {
        "one-step": (1, 1),
        "last-cycle": (1, c.L_cycles),
        "segment": (c.H_cycles, c.H_cycles * c.L_cycles),
    }[c.gradient]
    backward = 2 * ((slow * c.H_layers + fast * c.L_layers) * block + heads)
    # Delayed: the Q-head again on detached vectors, forward and the gradient of its weight.
    extra = forward if bootstrap == "extra" else 8 * D
    puzzle_width = D if c.puzzle_width is None else c.puzzle_width
    sign_sgd = 2 * slots**2 * puzzle_width  # gradients of equal puzzle ids, summed by a product
    return slots * (forward + backward + extra) + sign_sgd


class Bytes(TorchDispatchMode):
    """Sums what every operation that is not a view reads and writes."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if not func.is_view and "prim" not in func.namespace:
            tensors = [x for x in tree_leaves((args, kwargs, out)) if isinstance(x, Tensor)]
            self.moved += sum(x.numel() * x.element_size() for x in tensors)
        return out


@contextmanager
def fused_attention() -> Iterator[None]:
    """Attention as a GPU runs it, without a matrix of scores, on fake tensors that say "cpu"."""

    def forward(self: Attention, x_BLD: Tensor, rotary: tuple[Tensor, Tensor] | None) -> Tensor:
        q, k, v = (t.transpose(1, 2) for t in self.by_head(x_BLD, rotary))
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.o_proj(mixed.transpose(1, 2).reshape(x_BLD.shape))

    # Drawing weights looks at them, which fake tensors do not allow.
    empty = patch("torch.nn.init.trunc_normal_", lambda tensor, **_: tensor)
    with empty, patch.object(Attention, "forward", forward):
        yield


@dataclass(frozen=True)
class Traffic:
    """Bytes of a training step in bfloat16."""

    moved: int
    """Read and written, every operation by itself."""
    kept: int
    """Kept for backward, parameters not counted."""
    carry: int


def traffic(config: HRMConfig, slots: int) -> Traffic:
    """Of a step with `bootstrap="delayed"`."""
    kept: dict[int, int] = {}
    with FakeTensorMode(), fused_attention():
        # Not on the meta device, which has no autocast.
        state = first_step(config, slots, "delayed", "cpu", torch.bfloat16)
        own = {x.untyped_storage()._cdata for x in state.model.state_dict().values()}

        def pack(x: Tensor) -> Tensor:
            storage = x.untyped_storage()
            if storage._cdata not in own:
                kept[storage._cdata] = storage.nbytes()
            return x

        training = train(state)
        next(training)  # the first step reads the initial carry, which is one vector
        with saved_tensors_hooks(pack, lambda x: x), Bytes() as counted:
            next(training)
        carry = sum(z.numel() * z.element_size() for z in state.slots.carry)
    return Traffic(counted.moved, sum(kept.values()), carry)


def per_slot(config: HRMConfig) -> tuple[Traffic, Traffic]:
    """What each slot costs, and what a step costs beside that."""
    two, four = (traffic(config, slots) for slots in (2, 4))
    slope = Traffic(*((b - a) // 2 for a, b in zip(values(two), values(four), strict=True)))
    rest = (a - 2 * s for a, s in zip(values(two), values(slope), strict=True))
    return slope, Traffic(*rest)


def values(of: Traffic) -> tuple[int, int, int]:
    return of.moved, of.kept, of.carry


# --- tables ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """A task with what was counted for it, per slot where not said otherwise."""

    task: Task
    parameters: int
    flops: dict[str, float]
    """Of a step, by bootstrap."""
    slot: Traffic
    rest: Traffic


def cost(task: Task) -> Cost:
    c = task.model
    with torch.device("meta"):
        parameters = sum(p.numel() for p in HRM(c).parameters())
    slot, rest = per_slot(replace(c, puzzle_ids=1))
    counted = {name: float(flops(c, 1, name)) for name in ("extra", "delayed")}
    return Cost(task, parameters, counted, slot, rest)


def table(head: str, rows: list[str]) -> list[str]:
    return [f"| {head} |", "|" + " --- |" * (head.count("|") + 1), *(f"| {r} |" for r in rows), ""]


def work(costs: list[Cost]) -> list[str]:
    """FLOPs and bytes of a step."""
    rows = []
    for c in costs:
        forward = c.flops["extra"] - c.flops["delayed"]
        attention = 4 * (c.task.model.length + c.task.model.prefix) ** 2 * c.task.model.width
        bound = [memory / c.slot.moved for _, memory, _ in GPUS.values()]
        rows.append(
            f"{c.task.name} | {c.task.model.length + c.task.model.prefix} | {c.parameters:,} | "
            f"{forward / 1e9:.1f} | {c.flops['delayed'] / 1e9:.1f} | {c.flops['extra'] / 1e9:.1f} | "
            f"{24 * attention / forward:.0%} | {c.slot.moved / 1e9:.2f} | "
            f"{c.flops['delayed'] / c.slot.moved:.0f} | {bound[0]:,.0f} | {bound[1]:,.0f}"
        )
    head = "task | positions | parameters | forward, GFLOP | step, delayed | step, extra"
    head += " | attention's share | bytes moved, GB | FLOP per byte"
    return table(head + " | A100, slots/s at most | H100, slots/s at most", rows)


def memory(costs: list[Cost]) -> list[str]:
    """What a slot and what a run holds."""
    rows = []
    for c in costs:
        fixed = 16 * c.parameters + c.rest.kept  # weights, gradients and two moments in fp32
        ids = 4 * c.task.model.puzzle_ids * c.task.model.width
        slot = c.slot.kept + c.slot.carry
        fit = (0.8 * 80e9 - fixed - ids) / slot
        rows.append(
            f"{c.task.name} | {c.slot.kept / MIB:.1f} | {c.slot.carry / MIB:.2f} | "
            f"{fixed / MIB:.0f} | {4 * c.parameters / MIB:.0f} | {ids / MIB:,.2f} | {int(fit):,}"
        )
    head = "task | kept for backward, MiB/slot | carry, MiB/slot | weights, gradients, moments"
    return table(
        head + " and casts, MiB | averaged weights, MiB | puzzle embeddings, MiB | slots in 80 GB",
        rows,
    )


def expected(costs: list[Cost]) -> list[str]:
    """Slots per second and GPU between the utilisations assumed, and those of reported hours."""
    rows = []
    for c in costs:
        speeds = [
            " to ".join(f"{share * gpu[0] / c.flops[name]:,.0f}" for share in UTILISATION)
            for gpu in GPUS.values()
            for name in ("delayed", "extra")
        ]
        done = c.task.steps * SLOTS / (c.task.hours * 3600)
        share = done * c.flops["extra"] / GPUS["H100"][0]
        rows.append(f"{c.task.name} | {' | '.join(speeds)} | {done:,.0f} | {share:.0%}")
    names = [f"{gpu}, {name}" for gpu in GPUS for name in ("delayed", "extra")]
    return table(f"task | {' | '.join(names)} | public code, extra | of an H100's peak", rows)


def eight(costs: list[Cost]) -> list[str]:
    """Sending gradients against the shortest step expected of H100s."""
    peak, _, nvlink = GPUS["H100"]
    rows = []
    for c in costs:
        step = SLOTS * c.flops["delayed"] / (UTILISATION[1] * peak)
        sent = 4 * c.parameters * 2 * 7 / 8  # a ring of eight
        near, far = sent / nvlink, 4 * c.parameters * 2 * 15 / 16 / PORT
        rows.append(
            f"{c.task.name} | {1e3 * step:.1f} | {sent / 1e6:.0f} | {1e3 * near:.2f} | "
            f"{near / step:.1%} | {1e3 * far:.2f} | {far / step:.1%}"
        )
    head = "task | step, ms | sent by each of 8 GPUs, MB | over NVLink, ms | of the step"
    return table(head + " | two nodes over one port each, ms | of the step", rows)


def main() -> int:
    costs = [cost(task) for task in tasks()]
    for section in (work, memory, expected, eight):
        print("\n".join(section(costs)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
