"""Section "million" of the benchmark: a bank of a million puzzles, in CPU seconds and memory.

And "sample": what it costs, and what it is worth, to fit Snell's rule on more of the puzzles.

The bank is drawn, and lies in memory with few columns. It is measured in a process of its own, which
runs this file with the sizes as JSON: what was freed before must not hide what is needed.

Suffixes: M segments, P puzzles.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from bench_setup import Bench, Rows

from hrm_rl.agents.comparison.compare import compare
from hrm_rl.agents.rules.basic import QGreedy
from hrm_rl.banks.bank import Bank, play
from hrm_rl.statistics.regressors import random_features
from hrm_rl.stopping.exact import best_fixed, outcome
from hrm_rl.stopping.snell import MOST, backward_induction, fit_snell, take

SEGMENTS = 16
COST = 0.01
ANEW = Path("/proc/self/clear_refs")
"""Linux counts the peak of this process anew when 5 is written here."""


def million(b: Bench) -> Rows:
    """CPU seconds of each thing that is asked of a bank, and how far memory rises above the bank."""
    job = {"puzzles": 2_000 if b.quick else 1_000_000, "segments": SEGMENTS}
    command = [sys.executable, __file__, json.dumps(job)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: Rows = json.loads(out.splitlines()[-1])
    return found


def sample(b: Bench) -> Rows:
    """CPU seconds of a fit on so many puzzles evenly spread, and its mean return on as many fresh ones.

    `fit_snell` takes the second size of a longer bank; the last is all of it.
    """
    puzzles = 2_000 if b.quick else 2 * MOST
    bank, fresh = drawn(puzzles, SEGMENTS), drawn(puzzles, SEGMENTS, seed=1)
    found: Rows = {}
    for count in (puzzles // 16, puzzles // 2, puzzles):
        part = take(bank, torch.arange(0, puzzles, puzzles // count))
        start = time.process_time()
        policy = backward_induction(part, "q", COST, random_features)
        found[f"{count} puzzles, CPU s"] = time.process_time() - start
        found[f"{count} puzzles, mean return"] = outcome(fresh, policy, COST).value
    return found


def drawn(puzzles: int, segments: int, seed: int = 0) -> Bank:
    """A bank of numbers drawn at random: Q logits, and answers that they tell something of."""
    generator = torch.Generator().manual_seed(seed)
    M, P = segments, puzzles
    q_MP2 = torch.randn(M, P, 2, generator=generator)
    correct_MP = torch.rand(M, P, generator=generator) < q_MP2[..., 0].sigmoid()
    return Bank(
        columns={"q": q_MP2},
        correct_MP=correct_MP,
        cells_MP=torch.rand(M, P, generator=generator),
        predictions_MPT=correct_MP.to(torch.uint8)[..., None],
        rating_P=torch.randint(0, 100, (P,), generator=generator),
        cluster_P=torch.arange(P),
    )


def read_bytes(bank: Bank) -> int:
    """Bytes of the columns that are read: what is seen, whether it is right, and how much of it."""
    parts = [*bank.columns.values(), bank.correct_MP, bank.cells_MP]
    return sum(part.numel() * part.element_size() for part in parts)


def works(bank: Bank) -> dict[str, Callable[[], object]]:
    """What is asked of the bank."""
    rule = QGreedy()
    return {
        "play": lambda: play(bank, rule),
        "outcome": lambda: outcome(bank, rule, COST),
        "best_fixed": lambda: best_fixed(bank, COST),
        "fit_snell": lambda: fit_snell(bank, "q", COST),
        "compare, one rule": lambda: compare(bank, {"q": [rule]}, {}, [COST]),
    }


def measured(puzzles: int, segments: int) -> Rows:
    """CPU seconds and, on Linux, peaks: what was held above what was held before, over the columns."""
    bank = drawn(puzzles, segments)
    size = read_bytes(bank)
    found: Rows = {"MiB of the columns that are read": size / 2**20}
    for name, work in works(bank).items():
        if ANEW.exists():
            ANEW.write_text("5")
            before = memory("VmRSS")
        start = time.process_time()
        work()
        found[f"{name}, CPU s"] = time.process_time() - start
        if ANEW.exists():
            found[f"{name}, peak over the columns"] = max(0, memory("VmHWM") - before) / size
    return found


def memory(what: str) -> int:
    """Bytes that Linux says of this process: "VmRSS" held now, "VmHWM" at most."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{what}:")[2].split()[0]) * 1024


if __name__ == "__main__":
    print(json.dumps(measured(**json.loads(sys.argv[1]))))
