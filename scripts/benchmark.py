"""How fast it is, as ratios of things measured side by side in one run.

    python scripts/benchmark.py [--quick] [--checkpoint sudoku9] [--only training] [--out out/...]

What is compared takes turns for several rounds, and the medians are divided: a machine that is busy
or throttles then slows both sides. Seconds are CPU seconds of this process, but on a GPU. Prints a
table and writes JSON. The sections:

- vector: the native vector env against the bare forward, in puzzle-segments per second; and against
  gymnasium's `SyncVectorEnv` of as many single envs, in steps per second.
- evaluation: early exit against running every puzzle to the end, beside mean segments over M; and all
  test puzzles by a compiled model against the model as it is: speed, and whether it halts alike.
- inference: a segment without gradients, compiled, in bfloat16, in int8: speed, and what it changes.
- training: a compiled step against an eager one, against its own matrix products alone, and its share
  of the measured matmul rate; eager steps whose continue target is the next segment's own forward
  against those with an extra one. `--checkpoint paper-128` is the paper's regime at width 128.
- bank: steps per second of the vector env on logged segments, one core, scalar observations.
- cartpole: the same beside Gymnasium's own vector CartPole, and beside what moving the bytes costs.
- sb3: stable-baselines3's PPO on a bank beside itself on CartPole, and the share of the environment.
- million: what is asked of a bank of a million puzzles, in CPU seconds and memory.
- sample: Snell's rule fitted on more and more of 65,536 puzzles: CPU seconds, and the mean return.
- memory: what backward keeps per slot, and peaks of whole processes, against cycles and segments.
- profile: where the time of a training step and of a forward goes, by kind of operation.
- time-to-accuracy (hours, so only by its name): core-seconds until 90 % of the easy fit puzzles are
  right after 16 segments, the presets of 9x9 Sudoku beside the one of the paper's gradient.

Shapes: N slots, T tokens, M segments.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import bench_accuracy
import bench_bank
import bench_inference
import bench_memory
import bench_million
import bench_products
import bench_profile
import bench_sb3
import gymnasium
import numpy as np
import torch
from bench_setup import Bench, Rows, take_turns
from torch.utils.flop_counter import FlopCounterMode

from hrm_rl import loop
from hrm_rl.agents.rules.basic import FixedSegments, QGreedy
from hrm_rl.device import resolve_dtype
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.evaluate import evaluate
from hrm_rl.loop import batch_of
from hrm_rl.training.memory import keep_freed_memory
from hrm_rl.training.train import TrainState, train


def vector(b: Bench) -> Rows:
    """The vector env against the bare forward and against single envs."""
    steps = 4
    arguments: dict[str, Any] = dict(model=b.model, puzzles=b.puzzles, max_segments=b.max_segments)
    native = HaltingVectorEnv(b.slots, **arguments)
    fast = HaltingVectorEnv(b.slots, **arguments, compile=True)
    few = HaltingVectorEnv(b.sync_slots, **arguments)
    singles = gymnasium.vector.SyncVectorEnv([lambda: HaltingEnv(**arguments)] * b.sync_slots)
    for env in (native, fast, few, singles):
        env.reset(seed=0)

    batch = batch_of(b.puzzles, torch.arange(b.slots) % len(b.puzzles), b.device)

    @torch.no_grad()
    def forwards() -> float:
        slots = loop.fresh(b.model, batch)
        for _ in range(steps):
            slots, _ = loop.advance(b.model, slots)
        return b.slots * steps

    one, count = loop.take(batch, slice(0, 1)), max(1, b.slots // 8)

    @torch.no_grad()
    def singles_forward() -> float:
        slots = loop.fresh(b.model, one)
        for _ in range(count):
            slots, _ = loop.advance(b.model, slots)
        return count

    def env_steps(env: gymnasium.vector.VectorEnv[Any, Any, Any], count: int) -> float:
        for _ in range(count):
            env.step(np.zeros(env.num_envs, dtype=np.int64))  # continue: every forward counts
        return float(env.num_envs * count)

    rates = take_turns(
        {
            "forward": forwards,
            "env": lambda: env_steps(native, steps),
            "compiled": lambda: env_steps(fast, steps),
            "one": singles_forward,
        },
        b.rounds,
        b.device,
    )
    against = take_turns(
        {"native": lambda: env_steps(few, 2), "sync": lambda: env_steps(singles, 2)},
        max(2, b.rounds // 3),
        b.device,
    )
    return {
        f"bare forward, puzzle-segments/s at N = {b.slots}": rates["forward"],
        f"native vector env, puzzle-segments/s at N = {b.slots}": rates["env"],
        "native vector env over bare forward": rates["env"] / rates["forward"],
        "the same with compile=True over without": rates["compiled"] / rates["env"],
        f"bare forward over forwards of one puzzle, N = {b.slots}": rates["forward"] / rates["one"],
        f"SyncVectorEnv, puzzle-segments/s at N = {b.sync_slots}": against["sync"],
        f"native over SyncVectorEnv at N = {b.sync_slots}": against["native"] / against["sync"],
    }


def evaluation(b: Bench) -> Rows:
    """Early exit against running to the end: wall time beside the share of segments run."""
    batch = len(b.puzzles) // 5  # so that halted puzzles are replaced most of the time
    halted = evaluate(b.model, b.puzzles, QGreedy(), b.max_segments, batch_size=batch)
    share = float(halted.segment_P.double().mean()) / b.max_segments

    def solve(early_exit: bool) -> float:
        policy = QGreedy() if early_exit else FixedSegments(b.max_segments)
        evaluate(
            b.model, b.puzzles, policy, b.max_segments, early_exit=early_exit, batch_size=batch
        )
        return len(b.puzzles)

    rates = take_turns(
        {"early": lambda: solve(True), "fixed": lambda: solve(False)},
        max(2, b.rounds // 3),
        b.device,
    )
    wall = rates["fixed"] / rates["early"]
    return {
        f"fixed {b.max_segments} segments, puzzles/s": rates["fixed"],
        "early exit by the Q-head, puzzles/s": rates["early"],
        "mean segments / M": share,
        "wall time, early exit over fixed": wall,
        "wall time over mean segments / M": wall / share,
        **bench_inference.evaluated(b),
    }


def training(b: Bench) -> Rows:
    """A compiled training step against an eager one, and against the matmul rate."""
    eager = train(TrainState.create(b.config))
    compiled = train(TrainState.create(replace(b.config, compile=True)))
    with FlopCounterMode(display=False) as counter, bench_products.Products() as products:
        next(eager)
    flops = counter.get_total_flops()
    for _ in range(3):  # what is compiled for: gradients on, gradients off, dealt slots
        next(compiled)
    sides = {"eager": partial(step, eager), "compiled": partial(step, compiled)}
    alone = bench_products.again(products.calls, b.device)
    rates = take_turns({**sides, "products": alone}, 2 * b.rounds, b.device)
    bootstraps = {
        name: train(TrainState.create(replace(b.config, halting="act_q", bootstrap=name)))
        for name in ("extra", "delayed")
    }
    targets = take_turns(
        {name: partial(step, steps) for name, steps in bootstraps.items()}, 2 * b.rounds, b.device
    )
    dtype = resolve_dtype(b.config.dtype, b.device)
    peak = matmul_rate(b.device, dtype, b.rounds)
    return {
        f"eager step at {b.config.slots} slots, ms": 1e3 / rates["eager"],
        f"compiled step at {b.config.slots} slots, ms": 1e3 / rates["compiled"],
        "its matrix products alone, ms": 1e3 / rates["products"],
        "share of a compiled step that they would take alone": rates["compiled"]
        / rates["products"],
        "compiled over eager, steps/s": rates["compiled"] / rates["eager"],
        "delayed over extra, steps/s": targets["delayed"] / targets["extra"],
        "GFLOP of matrix products in a step": flops / 1e9,
        f"matmul rate in {str(dtype).removeprefix('torch.')}, GFLOP/s": peak / 1e9,
        "share of the matmul rate, eager": flops * rates["eager"] / peak,
        "share of the matmul rate, compiled": flops * rates["compiled"] / peak,
    }


def step(steps: Iterator[object]) -> float:
    next(steps)
    return 1.0


def matmul_rate(device: torch.device, dtype: torch.dtype, rounds: int) -> float:
    """FLOP per second of a large square product."""
    side = 1024 if device.type == "cpu" else 8192
    a, c = torch.randn(2, side, side, device=device, dtype=dtype)

    def product() -> float:
        torch.mm(a, c)
        return 2.0 * side**3

    return take_turns({"mm": product}, 3 * rounds, device)["mm"]


def bank(b: Bench) -> Rows:
    """Playing on logged segments."""
    slots, steps = 16 * b.slots, 4 if b.slots < 64 else 50
    rates = take_turns(bench_bank.sides(b.puzzles, slots, steps), b.rounds, torch.device("cpu"))
    native, sync = (
        rates[f"{name}, env-steps/s at N = {b.slots}"] for name in ("native", "SyncVectorEnv")
    )
    return {**rates, f"native over SyncVectorEnv at N = {b.slots}": native / sync}


def cartpole(b: Bench) -> Rows:
    """The vector env on logged segments over Gymnasium's own vector CartPole."""
    found: Rows = {}
    quick = b.slots < 64
    for n in (64, 256) if quick else (64, 256, 1024, 4096, 65_536):
        sides = bench_bank.beside_cartpole(b.puzzles, n, 4 if quick else max(4, 50_000 // n))
        at_n = take_turns(sides, b.rounds, torch.device("cpu"))
        found[f"vector CartPole, env-steps/s at N = {n}"] = beside = at_n.pop("cartpole")
        for name, rate in at_n.items():
            found[f"{name} over it, N = {n}"] = rate / beside
    return found


SECTIONS: dict[str, Callable[[Bench], Rows]] = {
    "vector": vector,
    "evaluation": evaluation,
    "inference": bench_inference.inference,
    "training": training,
    "bank": bank,
    "cartpole": cartpole,
    "sb3": bench_sb3.sb3,
    "million": bench_million.million,
    "sample": bench_million.sample,
    "memory": bench_memory.memory,
    "profile": bench_profile.where_time_goes,
    "time-to-accuracy": bench_accuracy.time_to_accuracy,
}
HOURS = ("time-to-accuracy",)
"""Sections that are run by their names alone."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run at all")
    parser.add_argument("--checkpoint", default="sudoku9")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto", help="of training: float32, bfloat16, or auto")
    parser.add_argument("--only", choices=tuple(SECTIONS), help="one section")
    parser.add_argument("--out", type=Path, default=Path("out/benchmark.json"))
    args = parser.parse_args(arguments)
    keep_freed_memory()
    bench = Bench.create(args.checkpoint, args.device, args.quick)
    bench = replace(bench, config=replace(bench.config, dtype=args.dtype))
    report: dict[str, Any] = {
        "weights": bench.weights,
        "machine": f"{platform.processor() or platform.machine()}, {bench.device}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}",
        "quick": args.quick,
    }
    print("\n".join(f"{key}: {value}" for key, value in report.items()))
    for name in [args.only] if args.only else [s for s in SECTIONS if s not in HOURS]:
        report[name] = SECTIONS[name](bench)
        print(f"\n{name}")
        for line, value in report[name].items():
            print(f"  {line:<58}{value:>14,.4g}", flush=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\n{args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
