"""`hrm-rl ablate`: halting learners x seeds, trained, scored by every inference rule, compared."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hrm_rl.agents.ablation.grid import Done

LEARNERS = (
    "act_q", "act_q-official", "halt_bce", "ponder", "ppo", "fixed-1", "fixed-8", "random-matched"
)  # fmt: skip


def ablate(  # long: its options, each with what it is for
    preset: str = "sudoku6",
    learners: tuple[str, ...] = LEARNERS,
    seeds: int = 5,
    figure5: bool = False,
    workers: int = 1,
    ray: bool = False,
    out: Path = Path("runs/ablation"),
    steps: int = 0,
    step_cost: float = 0.01,
    puzzles: str = "",
    limit: int = 0,
    plots: bool = True,
    reference: str = "",
) -> None:
    """Train halting learners x seeds in place of each other, and score every one by every rule.

    Ctrl-C saves, and the same command goes on. Finished runs are not trained again, so that learners
    and seeds can be added.

    Args:
        preset: the base that every learner is trained on
        learners: act_q, act_q-official, act_q-paper, halt_bce, ponder, ppo, fixed-8 ...; random-matched
            draws lengths as act_q of the same seed had them; ppo@4 is ppo with at most 4 segments, and
            ppo+price=budget:4+explore_probability=0.3 has other values of these fields of the config
        seeds: of each learner
        figure5: train what the paper's Figure 5 needs in place of --learners, and draw it
        workers: processes side by side, one thread each
        ray: run in the Ray cluster at RAY_ADDRESS, or on a local one; needs hrm-rl[ray]
        out: folder of the runs, tables and plots; shared by all machines
        steps: optimiser steps of each run, a multiple of 16; 0: the preset's
        step_cost: what a segment costs the learners that pay for it (ppo, a2c, exact_pg)
        puzzles: scored on this set or CSV; the shipped test set of the model's size if left out
        limit: score on so many of them, evenly spread (0: all)
        plots: draw them, if hrm-rl[plots] is installed
        reference: the learner that differences are taken to, seed by seed; act_q if left out, but of dice and
            fixed-2 what they copy
    """
    from hrm_rl.agents.ablation import figure5 as five
    from hrm_rl.agents.ablation import tables
    from hrm_rl.agents.ablation.grid import train_grid
    from hrm_rl.agents.ablation.member import Held
    from hrm_rl.checks.lock import try_folder
    from hrm_rl.checks.numbers import choice
    from hrm_rl.training.presets import preset as named

    if reference:
        choice("--reference", reference, learners)
    try_folder(out)
    base = named(preset)
    base = replace(base, steps=steps or base.steps)
    names: Sequence[str] = five.variants(base.max_segments) if figure5 else learners
    done = train_grid(
        base, names, seeds, out, step_cost=step_cost, held=Held(puzzles=puzzles, limit=limit),
        workers=workers, ray=ray, progress=True,
    )  # fmt: skip
    shown = "figure5.md" if figure5 else "tables.md"
    if figure5:
        five.write(done, base.max_segments, out)
    else:
        tables.write(done, out, base.max_segments, reference)
    print((out / shown).read_text(), end="")
    if plots:
        _draw(done, base.max_segments, out, figure5)


def _draw(done: "Done", max_segments: int, out: Path, figure5: bool) -> None:
    """The plots, if there is something to draw them with."""
    from hrm_rl.agents.ablation import cross, plots
    from hrm_rl.agents.ablation import figure5 as five

    try:
        if figure5:
            five.draw(*five.numbers(done, max_segments), out / "figure5.png")
        else:
            plots.learning(done, out / "learning.png")
            title = "What each learner comes to at the end of training"
            plots.pairs(cross.at_end(done), out / "end.png", title)
    except ModuleNotFoundError as error:
        print(f"no plots: {error}; install hrm-rl[plots]")
