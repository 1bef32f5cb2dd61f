"""Section "inference" of the benchmark: a segment without gradients, eager and in cheaper forms.

Each is a copy of the model: compiled, in blocks of rows (`compiling.compiled`), in bfloat16 by autocast,
with its linear layers in int8 (`torch.ao.quantization.quantize_dynamic`). Beside the speed: where the
paper's rule halts, and whether it is right there, on test puzzles of all bands, against the eager
model in float32.

Shapes: N slots.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import NamedTuple

import torch
from bench_setup import Bench, Rows, take_turns
from torch import Tensor, nn

from hrm_rl import loop
from hrm_rl.agents.rules.basic import QGreedy
from hrm_rl.compiling import compiled
from hrm_rl.device import autocast
from hrm_rl.evaluate import Answered, evaluate
from hrm_rl.models import Model
from hrm_rl.models.layers import Linear
from hrm_rl.puzzles import PuzzleSet, load, task_for, verdicts

SEGMENTS = 2
PUZZLES = 300


class Way(NamedTuple):
    """A model, and what it runs in."""

    model: Model
    context: Callable[[], AbstractContextManager[object]] = nullcontext


def inference(b: Bench) -> Rows:
    """Puzzle-segments per second of each way over the eager one, and what it changes."""
    ways = {"float32": Way(b.model), "compiled": Way(compiled(b.model))}
    ways["bfloat16"] = Way(b.model, lambda: autocast(torch.bfloat16, b.device))
    ways["compiled, bfloat16"] = Way(compiled(b.model), ways["bfloat16"].context)
    if b.device.type == "cpu":
        ways["int8"] = Way(_quantised(b.model))
    rates = take_turns(
        {name: partial(_forwards, b, way) for name, way in ways.items()}, b.rounds, b.device
    )
    puzzles = _test(b)
    puzzles = puzzles.sample(min(PUZZLES, len(puzzles)))
    found: Rows = {f"float32, puzzle-segments/s at N = {b.slots}": rates["float32"]}
    plain_P = None
    for name, way in ways.items():
        halts_P, right_P = _halts(b, way, puzzles)
        found[f"{name}, right where it halts"] = float(right_P.double().mean())
        if plain_P is None:
            plain_P = halts_P
            continue
        found[f"{name}, halts where float32 does"] = float((halts_P == plain_P).double().mean())
        found[f"{name} over float32"] = rates[name] / rates["float32"]
    return found


def evaluated(b: Bench) -> Rows:
    """`evaluate` of all test puzzles, at the benchmark's number of slots, compiled and as it is."""
    ways = {"eager": b.model, "compiled": compiled(b.model)}
    puzzles, found = _test(b), dict[str, Answered]()

    def run(name: str) -> float:
        found[name] = evaluate(ways[name], puzzles, QGreedy(), b.max_segments, batch_size=b.slots)
        return float(found[name].segment_P.sum())

    rounds = max(2, b.rounds // 3)
    rates = take_turns({name: partial(run, name) for name in ways}, rounds, b.device)
    eager, fast = found["eager"], found["compiled"]
    alike_P = (fast.segment_P == eager.segment_P) & (fast.correct_P == eager.correct_P)
    return {
        f"{len(puzzles)} test puzzles, puzzle-segments/s at N = {b.slots}": rates["eager"],
        "the same compiled over eager": rates["compiled"] / rates["eager"],
        "... halting at the same segments with the same verdicts": float(alike_P.double().mean()),
    }


def _test(b: Bench) -> PuzzleSet:
    """The shipped test puzzles of the model's task."""
    puzzles = load(task_for(b.model.config).task, "test")
    return puzzles.sample(len(b.puzzles)) if b.quick else puzzles


@torch.inference_mode()
def _halts(b: Bench, way: Way, puzzles: PuzzleSet) -> tuple[Tensor, Tensor]:
    """The segment after which the paper's rule halts on each puzzle, and whether it is right there.

    All in one batch of one shape: `evaluate` computes in float32, and shrinks its batch.
    """
    batch = loop.batch_of(puzzles, torch.arange(len(puzzles)), b.device)
    slots = loop.fresh(way.model, batch)
    halts_P = torch.zeros(len(puzzles), dtype=torch.long, device=b.device)
    right_P = torch.zeros_like(halts_P, dtype=torch.bool)
    for m in range(1, b.max_segments + 1):
        with way.context():
            slots, output = loop.advance(way.model, slots)
        now_P = (output.q[:, 0] > output.q[:, 1]) | (m == b.max_segments)
        now_P &= halts_P == 0
        halts_P[now_P] = m
        right_P[now_P] = verdicts.correct(output.logits, batch.y_BT)[now_P]
    return halts_P, right_P


def _quantised(model: Model) -> Model:
    """Its linear layers with weights in int8, and inputs as they come."""
    model = copy.deepcopy(model)
    ours = {name: module for name, module in model.named_modules() if isinstance(module, Linear)}
    for module in ours.values():
        module.__class__ = nn.Linear  # it takes torch's own class alone
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch: the function will move to torchao
        kind = torch.ao.quantization.default_dynamic_qconfig
        spec = dict.fromkeys(ours, kind)
        return torch.ao.quantization.quantize_dynamic(model, spec, inplace=True)


@torch.inference_mode()
def _forwards(b: Bench, way: Way) -> float:
    index_N = torch.arange(b.slots) % len(b.puzzles)
    slots = loop.fresh(way.model, loop.batch_of(b.puzzles, index_N, b.device))
    with way.context():
        for _ in range(SEGMENTS):
            slots, _ = loop.advance(way.model, slots)
    return float(b.slots * SEGMENTS)
