"""`hrm-rl evaluate`: a puzzle set, halting by a rule."""

import time
from typing import TYPE_CHECKING

import tyro

from hrm_rl.checks.numbers import whole
from hrm_rl.cli.arguments import Device, bring, fits, given, puzzles_alone, say_solved_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hrm_rl.evaluate import Answered
    from hrm_rl.models import Model
    from hrm_rl.puzzles import PuzzleSet

LONG = 100_000
"""Segments from which on it is said how many there are: minutes of the shipped 9x9 model on a CPU."""


def evaluate(  # long: its options, each with what it is for
    checkpoint: tyro.conf.Positional[str] = "sudoku9",
    puzzles: str = "",
    split: str = "test",
    policy: str = "q",
    max_segments: int = 16,
    limit: int = 0,
    early_exit: bool = True,
    batch_size: int = 256,
    device: Device = "auto",
    compile: bool = False,
    task: str = "",
    copies: int = 1,
    noise: float | None = None,
    H_cycles: int | None = None,
) -> None:
    """Solve a puzzle set, halting by a rule, with fixed numbers of segments beside it.

    Accuracy counts answers equal to the stored solution; where others are right too (mazes), a column
    "by the rules" counts them all.

    Args:
        checkpoint: a shipped one, a .safetensors or official .pt file, or a run folder
        puzzles: a shipped set or a file (.csv, .txt, .sdm ...); the checkpoint's own task if left out
        split: which split of a shipped set or a folder: train, fit, test
        policy: q (the paper's rule), trm, confidence, stable-2, random, fixed-8 ..., or one that was
            fitted: sudoku9-exact_pg, mine.safetensors
        max_segments: forced halt
        limit: take only so many puzzles, evenly spread over the set (0: all)
        early_exit: take halted puzzles out of the batch; off, all run to the end for the same result
        batch_size: puzzles side by side
        device: where
        compile: compile the model first, half a minute: 1.5 times the speed on a CPU, same answers up to
            rounding
        task: what the checkpoint was trained on ("maze30"), where its files leave that open
        copies: try so many copies of each Sudoku beside that, of other starts (or, of a model that draws
            none, with digits and lines exchanged), until one verifies: a grid that keeps givens and rules
        noise: deviation of the noise on the states before each segment, if not the checkpoint's own; drawn
            by a puzzle's place among those that are solved
        H_cycles: cycles of a segment, if not the checkpoint's own: with 4, one does the updates of two with 2
    """
    from hrm_rl.agents.comparison.compare import fixed_segments
    from hrm_rl.agents.rules import rule
    from hrm_rl.compiling import compiled
    from hrm_rl.device import resolve_device
    from hrm_rl.evaluate import evaluate as run_evaluation
    from hrm_rl.models.checkpoint import load_model
    from hrm_rl.puzzles import doubts, task_for
    from hrm_rl.puzzles.source import for_model
    from hrm_rl.puzzles.verdicts import VALID

    whole("--limit", limit, low=0, cure="0 takes all")
    for name, value in (("--batch-size", batch_size), ("--copies", copies)):
        whole(name, value, low=1)
    names = [policy, *(f"fixed-{m}" for m in fixed_segments(max_segments))]
    rules = {name: rule(name) for name in names}  # refuses what it does not know, before any work
    checkpoint, puzzles = puzzles_alone(checkpoint, puzzles)
    bring(puzzles)
    own = given(noise=noise, H_cycles=H_cycles)
    model, said = load_model(checkpoint, resolve_device(device), task=task, **own)
    fits(policy, model, max_segments)
    if compile:
        model = compiled(model)
    chosen = for_model(model.config, puzzles, split, limit)
    of = f"{len(chosen)} puzzle{'s' * (len(chosen) != 1)}"
    so = "".join(f", {name} {value}" for name, value in own.items())
    print(f"{checkpoint}{so} on {of}, at most {max_segments} segment{'s' * (max_segments != 1)}")
    say_solved_for(chosen, puzzles)
    doubts.warn_of(puzzles, chosen, doubts.taught(said))
    _say_if_long(len(chosen), fixed_segments(max_segments))
    by_rules = task_for(model.config).kind in VALID
    width = max(14, *(len(name) + 2 for name in rules))
    valid = f"{'by the rules':>14}" if by_rules else ""
    heads = f"{'accuracy':>10}{'95 %':>15}{valid}{'mean segments':>16}{'95 %':>16}{'seconds':>10}"
    print(f"{'policy':<{width}}{heads}")
    for name, halting in rules.items():
        started = time.perf_counter()
        halted = run_evaluation(
            model, chosen, halting, max_segments,
            early_exit=early_exit, batch_size=batch_size, progress=True,
        )  # fmt: skip
        took = time.perf_counter() - started
        print(f"{name:<{width}}{_figures(halted, by_rules, took)}", flush=True)
    if copies > 1:
        figures = _tried(model, chosen, copies, max_segments, batch_size)
        print(f"{f'copies-{copies}':<{width}}{figures}")


def _tried(
    model: "Model", puzzles: "PuzzleSet", copies: int, segments: int, batch_size: int
) -> str:
    """The figures of what is solved where a copy verifies, in the segments of all copies together."""
    import torch

    from hrm_rl.evaluate import Answered
    from hrm_rl.inside.copies import first_verified, spent, tries
    from hrm_rl.models.drawn import starts

    started, kind = time.perf_counter(), "start" if starts(model) else "symmetry"
    found = tries(model, puzzles, copies, segments, kind, batch_size=batch_size)
    segment_P, copy_P = first_verified(found.verified_MPK)
    answer_PT = found.prediction_MPKT[(segment_P - 1).clamp(min=0), range(len(puzzles)), copy_P]
    right_P = (answer_PT.numpy() == puzzles.solutions_PL).all(1)
    verified_P = segment_P > 0
    correct_P = verified_P & torch.from_numpy(right_P)
    tried = Answered(spent(found.verified_MPK), correct_P, verified_P)
    return _figures(tried, False, time.perf_counter() - started)


def _say_if_long(puzzles: int, fixed: "Sequence[int]") -> None:
    """Say how much there is to do, where that takes more than some minutes."""
    segments = puzzles * (fixed[-1] + sum(fixed))  # the policy itself may never halt early
    if segments > LONG:
        print(
            f"{len(fixed) + 1} policies run over all of them, {segments:,} segments at most; "
            "--limit 1000 takes a thousand puzzles, evenly spread",
            flush=True,
        )


def _figures(halted: "Answered", by_rules: bool, seconds: float) -> str:
    """Accuracy and mean segments, each with its 95 % interval over puzzles, and the time it took."""
    from hrm_rl.statistics.comparisons import mean_interval

    right = mean_interval(halted.correct_P.numpy())
    taken = mean_interval(halted.segment_P.double().numpy())
    shares = f"[{100 * right.low:.1f}, {100 * right.high:.1f}]"
    segments = f"[{taken.low:.2f}, {taken.high:.2f}]"
    valid = f"{float(halted.valid_P.double().mean()):>14.1%}" if by_rules else ""
    return (
        f"{right.mean:>10.1%}{shares:>15}{valid}{taken.mean:>16.2f}{segments:>16}{seconds:>10.1f}"
    )
