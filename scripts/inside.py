"""What docs/inside.md says, measured: the paper's Figures 2, 3, 7 and 8 on small models.

    python scripts/inside.py figure7 [--checkpoint sudoku9] [--puzzle 0]
    python scripts/inside.py figure8 [--checkpoint sudoku9]
    python scripts/inside.py figure3 [--checkpoints sudoku9 out/inside/runs/recurrent ...]
    python scripts/inside.py figure2 [--steps 2400]     # trains its models, or goes on with them

Each prints Markdown tables and writes them, with its plots, to out/inside. Figures 3, 7 and 8 take
any HRM or TRM, shipped or trained, with puzzles of its kind.

Shapes: P puzzles.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import inside_plots
import torch
from inside_frames import frames
from tqdm import tqdm

from hrm_rl.envs.gif import contact_sheet, save_gif
from hrm_rl.inside.depth import Point, points, runs
from hrm_rl.inside.participation import KINDS, Dimensions, figure8, gather
from hrm_rl.inside.predictions import Moment, figure7
from hrm_rl.inside.predictions import predictions as answers
from hrm_rl.inside.residuals import Residuals, figure3, spikes
from hrm_rl.loop import Batch, batch_of
from hrm_rl.models import Model, build
from hrm_rl.models.checkpoint import load_model, write_atomically
from hrm_rl.puzzles import PuzzleSet, task_of
from hrm_rl.puzzles.source import for_model
from hrm_rl.puzzles.verdicts import valid_optimal
from hrm_rl.training.memory import keep_freed_memory
from hrm_rl.training.presets import PRESETS
from hrm_rl.training.run import run

Options = argparse.Namespace
SHOWN = 12
"""Steps in the picture of Figure 7; the GIF has all."""


def table(head: str, rows: Iterable[str]) -> Iterator[str]:
    yield f"| {head} |"
    yield "|" + " --- |" * (head.count("|") + 1)
    yield from (f"| {row} |" for row in rows)
    yield ""


def opened(name: str, options: Options) -> tuple[Model, PuzzleSet]:
    """A model, and so many puzzles of the test split for it."""
    model, _ = load_model(name)
    return model, for_model(model.config, options.data, "test", options.puzzles)


def batch_for(model: Model, puzzles: PuzzleSet) -> Batch:
    return batch_of(puzzles, torch.arange(len(puzzles)), model.device)


# --- Figure 7 -------------------------------------------------------------------------------------


def predictions(options: Options) -> Iterator[str]:
    """What the model would answer after every low-level step."""
    model, puzzles = opened(options.checkpoint, options)
    moments = figure7(model, puzzles, options.segments)
    yield f"{options.checkpoint}, {len(puzzles)} test puzzles of {puzzles.task}:"
    yield ""
    yield from table(
        "segment | step | solved | cells right | break a rule | changed | undone | tried again",
        (moment_row(at) for at in moments),
    )
    if not 0 <= options.puzzle < len(puzzles):
        raise ValueError(f"--puzzle must be in 0..{len(puzzles) - 1}, got {options.puzzle}")
    pictures = list(frames(model, puzzles.take([options.puzzle]), options.segments))
    steps, path = len(pictures) // options.segments, f"figure7_{Path(options.checkpoint).name}"
    sheet = contact_sheet(pictures[:SHOWN], steps * (6 // steps) or 6, 320)
    save_gif(pictures, options.out / f"{path}.gif", 0.5)
    inside_plots.save_picture(sheet, options.out / f"{path}.png")
    inside_plots.predictions(moments, options.out / f"{path}_numbers.png")


def moment_row(at: Moment) -> str:
    shares = (at.solved, at.right, at.broken, at.changed, at.undone, at.returned)
    return f"{at.segment} | {at.step} | " + " | ".join(f"{share:.1%}" for share in shares)


# --- Figure 8 -------------------------------------------------------------------------------------


def participation(options: Options) -> Iterator[str]:
    """Participation ratios of the trained model and of untrained ones."""
    model, puzzles = opened(options.checkpoint, options)
    found: dict[str, list[Dimensions]] = {"trained": dimensions(model, puzzles, options)}
    for seed in range(options.untrained):
        torch.manual_seed(seed)
        fresh = build(model.config).eval()
        found[f"untrained {seed}"] = dimensions(fresh, puzzles, options)
    yield (
        f"{options.checkpoint}, {options.segments} segments, states at the end of every cycle, "
        f"{len(puzzles)} test puzzles of {puzzles.task}:"
    )
    yield ""
    head = "model | sample | trajectories | z_H naive | z_L naive | z_H corrected | z_L corrected"
    head += " | H / L naive | H / L corrected | z_H exchanged | z_L exchanged"
    yield from table(head, (row for name in found for row in dimension_rows(name, found[name])))
    inside_plots.participation(found, options.out / f"figure8_{Path(options.checkpoint).name}.png")


def dimensions(model: Model, puzzles: PuzzleSet, options: Options) -> list[Dimensions]:
    states = gather(model, batch_for(model, puzzles), options.segments)
    counts = (*(c for c in (5, 10, 20, 50, 100, 200) if c < len(puzzles)), len(puzzles))
    return [point for kind in KINDS for point in figure8(states, kind, counts)]


def dimension_rows(name: str, found: list[Dimensions]) -> Iterator[str]:
    by_place = {(at.kind, at.trajectories, at.module): at for at in found}
    for at in (at for at in found if at.module == "z_H"):
        low = by_place[at.kind, at.trajectories, "z_L"]
        ratios = (at.naive / low.naive, at.corrected / low.corrected)
        cells = [name, at.kind, str(at.trajectories), f"{at.naive:.1f}", f"{low.naive:.1f}"]
        cells += [f"{x.corrected:.1f} ± {x.corrected_sd:.1f}" for x in (at, low)]
        cells += [f"{x:.2f}" for x in ratios] + [f"{x.exchanged:.1f}" for x in (at, low)]
        yield " | ".join(cells)


# --- Figure 3 -------------------------------------------------------------------------------------


def residuals(options: Options) -> Iterator[str]:
    """How far states move, HRM beside what it is compared with."""
    found: dict[str, dict[str, Residuals]] = {}
    rows = []
    for name in options.checkpoints:
        model, puzzles = opened(name, options)
        cycle = getattr(model.config, "L_cycles", 0)
        parts = {"": puzzles}
        if options.by_answer:
            parts = by_answer(model, puzzles, options.segments)
        for part, some in parts.items():
            lines = figure3(model, batch_for(model, some), options.segments, options.norm)
            found[Path(name).name + part] = lines
            rows += [residual_row(Path(name).name + part, line, cycle) for line in lines.values()]
    head = "model | states | steps | first | second | middle | last | last / first"
    head += " | first / last step of a cycle | swing | in two components"
    yield f"Mean residual ({options.norm}), {options.puzzles} test puzzles:"
    yield ""
    yield from table(head, rows)
    inside_plots.residuals(found, options.norm, options.out / "figure3.png")


def by_answer(model: Model, puzzles: PuzzleSet, segments: int) -> dict[str, PuzzleSet]:
    """The puzzles that an HRM or a TRM has right after the segments, and those that it has not."""
    batch = batch_for(model, puzzles)
    *_, last = answers(model, batch, segments)
    rules = task_of(puzzles.task)
    right_P = valid_optimal(rules, batch.x_BT, last.prediction_BT, batch.y_BT).cpu()
    parts = {", right": right_P, ", not right": ~right_P}
    return {
        name: puzzles.take(of_P.nonzero()[:, 0].tolist())
        for name, of_P in parts.items()
        if of_P.any()
    }


def residual_row(name: str, line: Residuals, cycle: int) -> str:
    moved = line.residual_I
    at = (moved[0], moved[min(1, len(moved) - 1)], moved[len(moved) // 2], moved[-1])
    spike = f"{spikes(line, cycle):.2f}" if line.module == "z_L" and cycle > 1 else ""
    numbers = " | ".join(f"{x:.3g}" for x in (*at, at[-1] / at[0]))
    rest = f"{spike} | {line.swing:.2f} | {sum(line.share_2):.0%}"
    return f"{name} | {line.module} | {len(moved)} | {numbers} | {rest}"


# --- Figure 2 -------------------------------------------------------------------------------------


def depth(options: Options) -> Iterator[str]:
    """Accuracy against width, depth and layers computed."""
    base = replace(PRESETS[options.base](), seed=options.seed, compile=options.compile)
    if options.steps:
        base = replace(base, steps=options.steps)
    every = runs(base)
    chosen = {name: every[name] for name in options.only or every}
    found: dict[str, list[Point]] = {}
    for name, config in chosen.items():
        folder = options.out / "runs" / name
        left = config.steps - config.log_every
        for metrics in tqdm(
            run(config, folder), desc=name, total=left // config.log_every, disable=None
        ):
            assert metrics  # the run raises where a metric is not finite
        test = for_model(config.model, "", "test", options.puzzles)
        trained = for_model(config.model, "", "train", options.puzzles)
        found[name] = points(name, folder, test, trained, options.segments)
    yield f"{options.base}, {base.steps} steps of {base.slots} slots, seed {base.seed}:"
    yield ""
    head = "model | parameters | width | segments | layers computed | right | cells right"
    yield from table(head + " | right, training set", map(point_row, shown(found)))
    inside_plots.depth(found, options.out / "figure2.png")


def shown(found: dict[str, list[Point]]) -> Iterator[Point]:
    """Segments 1, 2, 4, 8, ... of each model."""
    for line in found.values():
        yield from (at for at in line if at.segments & (at.segments - 1) == 0)


def point_row(at: Point) -> str:
    return (
        f"{at.name} | {at.parameters:,} | {at.width} | {at.segments} | {at.layers} | "
        f"{at.accuracy:.1%} | {at.cells:.1%} | {at.fit:.1%}"
    )


FIGURES: dict[str, Callable[[Options], Iterator[str]]] = {
    "figure2": depth,
    "figure3": residuals,
    "figure7": predictions,
    "figure8": participation,
}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    figures = top.add_subparsers(dest="figure", required=True)
    for name, figure in FIGURES.items():
        sub = figures.add_parser(name, help=figure.__doc__)
        sub.add_argument("--out", type=Path, default=Path("out/inside"))
        sub.add_argument("--puzzles", type=int, default=100, help="how many of the test split")
        sub.add_argument("--segments", type=int, default=8)
        sub.add_argument("--data", default="", help="puzzles; left out, those of the checkpoint")
        if name in ("figure7", "figure8"):
            sub.add_argument("--checkpoint", default="sudoku9")
    options = figures.choices
    options["figure7"].add_argument("--puzzle", type=int, default=0, help="the one that is drawn")
    options["figure8"].add_argument("--untrained", type=int, default=3, help="models, one a seed")
    options["figure3"].add_argument("--checkpoints", nargs="+", default=["sudoku9"])
    options["figure3"].add_argument("--norm", default="rms", help="fro, rms or relative")
    options["figure3"].add_argument(
        "--by-answer", action="store_true", help="puzzles right at the end apart from the others"
    )
    two = options["figure2"]
    two.add_argument("--base", default="sudoku6", help="the preset whose HRM the others go with")
    two.add_argument("--steps", type=int, default=0, help="of each run; 0: the preset's")
    two.add_argument("--seed", type=int, default=0)
    two.add_argument("--only", nargs="*", default=[], help="runs by name")
    two.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    return top


def main() -> int:
    options = parser().parse_args()
    keep_freed_memory()
    options.out.mkdir(parents=True, exist_ok=True)
    text = "\n".join(FIGURES[options.figure](options))
    print(text, flush=True)
    name = "_".join(
        [options.figure, *filter(None, [Path(getattr(options, "checkpoint", "")).name])]
    )
    write_atomically(options.out / f"{name}.md", f"{text}\n".encode())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
