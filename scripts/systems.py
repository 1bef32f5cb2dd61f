"""Every system on the same puzzles with the same FLOPs: the tables of docs/systems.md.

    python scripts/systems.py                     # all, three seeds; about 35 minutes on one CPU core
    python scripts/systems.py hrm6 trm6 --seeds 5
    python scripts/systems.py --halting halt_bce --lr 4e-3 --split fit --runs runs/4e-3

Systems are presets (`hrm_rl.training.presets`); what differs is the architecture and the halting learner
that goes with it, or one that is named. Each run gets as many optimiser steps as its FLOPs allow, and is
scored on the puzzles that it was trained on and on others. A command that was broken off goes on where it
was; another rate or learner wants other `--runs`. Prints Markdown tables, and writes them and a plot to
out/systems.

Shapes: M segments, P puzzles, S seeds.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from systems_runs import SEGMENTS, SYSTEMS, WITHIN, Scores, budgeted, flops_of, scored, size
from tqdm import tqdm

from hrm_rl.agents.comparison import theme
from hrm_rl.models.checkpoint import write_atomically
from hrm_rl.statistics.comparisons import paired_seeds
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.memory import keep_freed_memory
from hrm_rl.training.presets import PRESETS

Found = Mapping[str, Sequence[Scores]]
"""Preset -> its scores, a seed each."""


def sizes(configs: Mapping[str, TrainConfig]) -> list[str]:
    """What each system is."""
    rows = []
    for name, config in configs.items():
        one = size(config.model)
        rows.append(
            f"{_title(name)} | {one.parameters:,} | {one.layers} | {one.with_gradients} | "
            f"{flops_of(config) / 1e9:.2f} | {config.steps:,} | {config.halting}"
        )
    head = "system | parameters | layer evaluations in a segment | with gradients"
    return _table(head + " | GFLOP of a step | steps | halting in training", rows)


def accuracies(found: Found) -> list[str]:
    """How far each got, mean and range over the seeds."""
    at = [m for m in (1, 2, 4, 8, 16) if m <= SEGMENTS]
    rows = []
    for name, runs in found.items():
        test_SM = np.array([one.test_M for one in runs])
        train_SM = np.array([one.train_M for one in runs])
        gap_S = train_SM[:, WITHIN - 1] - test_SM[:, WITHIN - 1]
        own_S, segments_S = (np.array([one.own[i] for one in runs]) for i in (0, 1))
        cells = [_spread(test_SM[:, m - 1]) for m in at]
        cells += [f"{_spread(own_S)} at {segments_S.mean():.2f}"]
        cells += [_spread(np.array([one.ever for one in runs]))]
        cells += [_spread(train_SM[:, WITHIN - 1]), _spread(gap_S, "+")]
        rows.append(f"{_title(name)} | {' | '.join(cells)}")
    head = f"system | {' | '.join(f'{m} segments' if m > 1 else '1 segment' for m in at)}"
    head += f" | own rule, within {WITHIN} | ever right | trained on, {WITHIN} segments | these less others"
    return _table(head, rows)


def on_the_way(found: Found) -> list[str]:
    """Accuracy on puzzles trained on / on others, by quarters of the FLOPs."""
    rows = []
    for name, runs in found.items():
        way_SQ3 = np.array([one.way for one in runs])
        cells = [f"{a:.1%} / {b:.1%}" for _, a, b in way_SQ3.mean(0)]
        rows.append(f"{_title(name)} | {' | '.join(cells)}")
    table = _table("system | a quarter | half | three quarters | all of it", rows)
    pondered = {name: [one.ponder for one in runs] for name, runs in found.items()}
    lines = [
        f"{_title(name)}: N + R is {np.mean(values):.2f} in segment 1, mean over positions."
        for name, values in pondered.items()
        if any(values)
    ]
    return [*table, *lines]


def differences(found: Found) -> list[str]:
    """Each system less each that stands before it, paired by seed, in points with 95 % t intervals."""
    rows = []
    for (less, before), (name, runs) in itertools.combinations(found.items(), 2):
        cells = []
        for m in sorted({WITHIN, SEGMENTS}):
            gaps = [
                100 * (a.test_M[m - 1] - b.test_M[m - 1]) for a, b in zip(runs, before, strict=True)
            ]
            mean, low, high, p = paired_seeds(gaps)
            cells.append(f"{mean:+.1f} [{low:+.1f}, {high:+.1f}], p {p:.3f}")
        rows.append(f"{_title(name)} | {_title(less)} | {' | '.join(cells)}")
    head = f"system | less | after {' | after '.join(map(str, sorted({WITHIN, SEGMENTS})))}"
    return _table(head, rows)


def _table(head: str, rows: list[str]) -> list[str]:
    return [f"| {head} |", "|" + " --- |" * (head.count("|") + 1), *(f"| {r} |" for r in rows), ""]


def _title(name: str) -> str:
    return SYSTEMS.get(name, name)


def _spread(x_S: np.ndarray, sign: str = "") -> str:
    """Mean, and from the lowest to the highest seed."""
    if len(x_S) == 1:
        return f"{100 * x_S[0]:{sign}.1f}"
    low, mean, high = (100 * float(f(x_S)) for f in (np.min, np.mean, np.max))
    return f"{mean:{sign}.1f} ({low:{sign}.1f} to {high:{sign}.1f})"


def plot(found: Found, path: Path) -> Any:
    """Accuracy on other puzzles by segments, and on both kinds by FLOPs; returns the figure."""
    figure = theme.figure(11.6, 4.8)
    left, right = figure.subplots(1, 2)
    theme.dress(left, "Puzzles not trained on", "segments", "right, %")
    theme.dress(right, f"On the way, after {WITHIN} segments", "training TFLOP", "")
    for i, (name, runs) in enumerate(found.items()):
        style = {"color": theme.RULE_COLOURS[i % len(theme.RULE_COLOURS)], "linewidth": 1.6}
        style |= {"marker": "os^DvPX<>"[i % 9], "markersize": 4}
        test_SM = 100 * np.array([one.test_M for one in runs])
        m = np.arange(1, test_SM.shape[1] + 1)
        left.plot(m, test_SM.mean(0), label=_title(name), **style)
        left.fill_between(m, test_SM.min(0), test_SM.max(0), color=style["color"], alpha=0.12, lw=0)
        way_Q3 = np.array([one.way for one in runs]).mean(0)
        flops_Q = way_Q3[:, 0] * runs[0].flops / runs[0].steps / 1e12
        right.plot(flops_Q, 100 * way_Q3[:, 2], **style)
        right.plot(flops_Q, 100 * way_Q3[:, 1], **(style | {"linestyle": ":", "marker": ""}))
    for axes in (left, right):
        axes.set_ylim(0, 100)
    left.set_xticks(theme.segment_ticks(SEGMENTS))
    handles, _ = left.get_legend_handles_labels()
    theme.legend(figure, handles)
    seeds = max(len(runs) for runs in found.values())
    figure.text(
        0.01, -0.03, f"means over seeds ({seeds}), bands: lowest to highest; dotted: puzzles trained on",
        color=theme.GREY, fontsize=8.5,
    )  # fmt: skip
    figure.savefig(path, bbox_inches="tight")
    return figure


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("systems", nargs="*", default=[], help=", ".join(SYSTEMS))
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--seed", type=int, nargs="+", help="these, in place of 0 and up")
    parser.add_argument("--tflop", type=float, default=3.92, help="of a run, in training")
    parser.add_argument(
        "--no-augment", action="store_true", help="train on the puzzles as they are"
    )
    parser.add_argument("--lr", type=float, help="of all of them, in place of their own")
    parser.add_argument("--halting", help="learner of all of them, in place of their own")
    parser.add_argument("--split", choices=("test", "fit"), default="test", help="the others")
    parser.add_argument("--runs", type=Path, default=Path("runs/systems"))
    parser.add_argument("--out", type=Path, default=Path("out/systems"))
    args = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    names = args.systems or list(SYSTEMS)
    changes: dict[str, Any] = {"augment": not args.no_augment}
    changes |= {key: getattr(args, key) for key in ("lr", "halting") if getattr(args, key)}
    configs = {
        name: budgeted(replace(PRESETS[name](), **changes), 1e12 * args.tflop) for name in names
    }
    found: dict[str, list[Scores]] = {name: [] for name in names}
    seeds = args.seed or range(args.seeds)
    cells = [(name, seed) for seed in seeds for name in names]
    for name, seed in tqdm(cells, desc="runs", disable=None):
        kind = "" if not args.no_augment else "-plain"
        kind += "" if args.split == "test" else f"-{args.split}"
        folder = args.runs / f"{name}{kind}-{seed}"
        found[name].append(scored(replace(configs[name], seed=seed), folder, args.split))
    args.out.mkdir(parents=True, exist_ok=True)
    tables = [*sizes(configs), *accuracies(found)]
    tables += differences(found) if len(seeds) > 1 and len(names) > 1 else []
    text = "\n".join([*tables, *on_the_way(found)])
    print(text)
    write_atomically(args.out / "systems.md", text.encode())
    plot(found, args.out / "systems.png")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
