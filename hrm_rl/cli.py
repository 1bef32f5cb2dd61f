"""The `hrm-rl` command: train, evaluate, solve, log a bank, compare, watch.

A mistake of the user's ends in one sentence and exit code 2; Ctrl-C in exit code 130.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from hrm_rl.memory import keep_freed_memory

if TYPE_CHECKING:
    from hrm_rl.halting import Policy
    from hrm_rl.models import Model
    from hrm_rl.puzzles import PuzzleSet

Device = Annotated[str, tyro.conf.arg(help='"auto", "cpu", "cuda" or "mps"')]


def main(args: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    args = list(sys.argv[1:] if args is None else args)
    keep_freed_memory()
    try:
        if args[:1] == ["train"]:
            from hrm_rl.cli_train import train

            return train(args[1:])
        from hrm_rl.cli_ablate import ablate
        from hrm_rl.cli_arc import arc

        tyro.extras.subcommand_cli_from_dict(
            {
                "train": _train_help,
                "ablate": ablate,
                "evaluate": evaluate,
                "solve": solve,
                "bank": bank,
                "compare": compare,
                "watch": watch,
                "arc": arc,
            },
            prog="hrm-rl",
            description="When should a reasoning model stop thinking? Train HRMs, and study their halting.",
            args=args,
        )
    except (ValueError, OSError) as error:
        print(f"hrm-rl: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("hrm-rl: interrupted", file=sys.stderr)
        return 130
    return 0


def _train_help() -> None:
    """Train a preset in a run folder: `hrm-rl train sudoku4 --help` shows every option."""


def evaluate(
    checkpoint: tyro.conf.Positional[str] = "sudoku9",
    puzzles: str = "",
    split: Literal["train", "fit", "test"] = "test",
    policy: str = "q",
    max_segments: int = 16,
    limit: int = 0,
    early_exit: bool = True,
    batch_size: int = 256,
    device: Device = "auto",
) -> None:
    """Solve a puzzle set, halting by a rule, with fixed numbers of segments beside it.

    Accuracy counts answers equal to the stored solution; where others are right too (mazes), a column
    "by the rules" counts them all.

    Args:
        checkpoint: a shipped one, a .safetensors or official .pt file, or a run folder
        puzzles: a shipped set or an official CSV; the checkpoint's own task if left out
        split: which split of a shipped set
        policy: q (the paper's rule), trm, confidence, stable-2, random, fixed-8 ...
        max_segments: forced halt
        limit: take only so many puzzles, evenly spread over the set (0: all)
        early_exit: take halted puzzles out of the batch; off, all run to the end for the same result
        batch_size: puzzles side by side
        device: where
    """
    from hrm_rl.agents.compare import fixed_segments
    from hrm_rl.agents.rules import rule
    from hrm_rl.checkpoint import load_model
    from hrm_rl.device import resolve_device
    from hrm_rl.evaluate import evaluate as run_evaluation
    from hrm_rl.puzzles import task_for
    from hrm_rl.puzzles.source import for_model
    from hrm_rl.puzzles.verdicts import VALID

    model, _ = load_model(checkpoint, resolve_device(device))
    chosen = for_model(model.config, puzzles, split, limit)
    print(f"{checkpoint} on {len(chosen)} puzzles, at most {max_segments} segments")
    names = [policy, *(f"fixed-{m}" for m in fixed_segments(max_segments))]
    by_rules = task_for(model.config).kind in VALID
    valid = f"{'by the rules':>14}" if by_rules else ""
    print(f"{'policy':<14}{'accuracy':>10}{valid}{'mean segments':>16}{'seconds':>10}")
    for name in dict.fromkeys(names):
        started = time.perf_counter()
        halted = run_evaluation(
            model,
            chosen,
            rule(name),
            max_segments,
            early_exit=early_exit,
            batch_size=batch_size,
            progress=True,
        )
        seconds = time.perf_counter() - started
        accuracy, segments = halted.correct_P.double().mean(), halted.segment_P.double().mean()
        valid = f"{float(halted.valid_P.double().mean()):>14.1%}" if by_rules else ""
        print(
            f"{name:<14}{float(accuracy):>10.1%}{valid}{float(segments):>16.2f}{seconds:>10.1f}",
            flush=True,
        )


def solve(
    puzzle: tyro.conf.Positional[str],
    checkpoint: str = "sudoku9",
    policy: str = "q",
    max_segments: int = 16,
    device: Device = "auto",
) -> None:
    """Solve one puzzle and print each segment's grid, its Q values and the halt.

    Args:
        puzzle: as text, row by row (a Sudoku with . or 0 for blanks, a maze in "# SG"), or a file
        checkpoint: a shipped one, a file or a run folder
        policy: the rule that halts: q, trm, confidence, stable-2, fixed-8 ...
        max_segments: forced halt
        device: where
    """
    import torch

    from hrm_rl.evaluate import solve as run_solve
    from hrm_rl.puzzles import task_of
    from hrm_rl.puzzles.verdicts import valid_optimal

    model, one, halts = _solving(puzzle, checkpoint, policy, device)
    game, x_T, y_T = (
        task_of(one.task),
        *map(torch.from_numpy, (one.inputs_PL[0], one.solutions_PL[0])),
    )
    for at in run_solve(model, x_T, halts, max_segments, int(one.ids_P[0])):
        cells = game.values(at.prediction_T.numpy())
        q_halt, q_continue = at.q_2.sigmoid().tolist()
        action = "forced halt" if at.forced else "halt" if at.action else "continue"
        print(f"segment {at.segment:<3} Q_halt {q_halt:.3f}  Q_continue {q_continue:.3f}  {action}")
        print(game.pretty(cells), flush=True)
    solved = bool(valid_optimal(game, x_T[None], at.prediction_T[None], y_T[None]))
    print("solved" if solved else f"wrong in {int((at.prediction_T != y_T).sum())} cells")


def bank(
    checkpoint: tyro.conf.Positional[str] = "sudoku9",
    puzzles: str = "",
    split: Literal["train", "fit", "test"] = "fit",
    limit: int = 0,
    max_segments: int = 16,
    tier: Literal["lite", "head", "pool", "full"] = "lite",
    half_states: bool = False,
    batch_size: int = 256,
    out: Path | None = None,
    device: Device = "auto",
) -> None:
    """Log all segments of many puzzles once, so that any halting policy can be scored exactly.

    One segment more than asked for is logged: the paper's continue target looks there. A command
    that was broken off goes on where it was.

    Args:
        checkpoint: a shipped one, a .safetensors or official .pt file, or a run folder
        puzzles: a shipped set or an official CSV; the checkpoint's own task if left out
        split: which split of a shipped set
        limit: take only so many puzzles, evenly spread over the set (0: all)
        max_segments: the longest horizon that the bank is for
        tier: lite: scalars; head: and z_H; pool: and its mean; full: and both states whole
        half_states: states in float16
        batch_size: puzzles side by side
        out: folder; banks/<checkpoint>-<split> if left out
        device: where
    """
    from hrm_rl.bankfile import log_to
    from hrm_rl.checkpoint import load_model
    from hrm_rl.device import resolve_device
    from hrm_rl.puzzles.source import for_model

    model, _ = load_model(checkpoint, resolve_device(device))
    chosen = for_model(model.config, puzzles, split, limit)
    out = out or Path("banks") / f"{Path(checkpoint).stem}-{split}"
    header = log_to(
        out, model, chosen, max_segments + 1, tier=tier, batch_size=batch_size, split=split,
        states="float16" if half_states else "float32", name=puzzles or chosen.task, progress=True,
    )  # fmt: skip
    print(
        f"{out}: {header.count} puzzles, segments 1 to {header.max_segments}, tier {tier}, "
        f"{header.size / 2**20:.1f} MiB ({header.size / header.count / 2**10:.2f} KiB a puzzle)"
    )
    print(
        f"logged again one by one, {header.mismatch_rate:.2%} of the segments differ in `correct`"
    )


def compare(
    checkpoint: tyro.conf.Positional[str] = "sudoku9",
    policies: tuple[str, ...] = ("q", "trm", "confidence", "stable-2", "two-sided", "random"),
    learners: tuple[str, ...] = ("q", "ppo"),
    seeds: int = 3,
    steps: int = 50_000,
    step_costs: tuple[float, ...] = (0.0, 0.01),
    learn_step_cost: float = 0.01,
    fit_bank: str = "",
    test_bank: str = "",
    puzzles: str = "",
    limit: int = 0,
    max_segments: int = 16,
    out: Path = Path("out/compare"),
    plots: bool = True,
    device: Device = "auto",
) -> None:
    """Compare halting policies on a frozen model: fitted on the fit split, scored on the test split.

    Both splits are logged first, or read from banks that `hrm-rl bank` logged. Writes tables, CSV,
    JSON and plots.

    Args:
        checkpoint: a shipped one, a file or a run folder; or a bank, to score policies on
        policies: rules: q, trm, confidence, stable-2, two-sided, random, fixed-8 ...
        learners: trained on the fit split, once per seed: q, ppo, a2c, dqn ...; none with --learners
        seeds: of each learner
        steps: environment steps of each learner
        step_costs: at which values are reported
        learn_step_cost: which the learners pay per segment
        fit_bank: fit and tune on this bank; no model is run then
        test_bank: score on this bank
        puzzles: a shipped set; the checkpoint's own task if left out
        limit: take only so many puzzles, evenly spread over the set or bank (0: all)
        max_segments: forced halt
        out: folder for compare.csv, compare.json and the plots
        plots: draw them, if hrm-rl[plots] is installed
        device: where the model runs
    """
    from hrm_rl.agents.experiment import is_bank, logged_banks, read_banks, run_comparison
    from hrm_rl.checkpoint import load_model
    from hrm_rl.device import resolve_device
    from hrm_rl.puzzles.source import for_model

    if not test_bank and is_bank(checkpoint):
        test_bank = checkpoint
    if bool(fit_bank) != bool(test_bank):
        missing, there = ("fit", "score") if test_bank else ("test", "fit")
        raise ValueError(
            f"there is a bank to {there} on and no other: policies must not be fitted on the "
            f"puzzles that they are scored on; give --{missing}-bank too"
        )
    if test_bank:
        fit, test = read_banks(fit_bank, test_bank, max_segments, limit)
    else:
        model, _ = load_model(checkpoint, resolve_device(device))
        fit_set, test_set = (
            for_model(model.config, puzzles, split, limit) for split in ("fit", "test")
        )
        fit, test = logged_banks(model, fit_set, test_set, max_segments)
    run_comparison(
        fit, test, rules=policies, learners=learners, seeds=seeds, steps=steps, step_costs=step_costs,
        learn_step_cost=learn_step_cost, max_segments=max_segments, out=out, plots=plots,
    )  # fmt: skip


def watch(
    puzzle: tyro.conf.Positional[str] = "",
    checkpoint: str = "sudoku9",
    policy: str = "q",
    by_hand: bool = False,
    max_segments: int = 16,
    gif: Path | None = None,
    seed: int = 0,
    device: Device = "auto",
) -> None:
    """Watch a solve in a window (space continues, enter halts with --by-hand) or as a GIF.

    Args:
        puzzle: as text, row by row, or a file; left out, a test puzzle
        checkpoint: a shipped one, a file or a run folder
        policy: the rule that halts
        by_hand: you decide after each segment
        max_segments: forced halt
        gif: write this file in place of opening a window
        seed: which test puzzle
        device: where
    """
    from hrm_rl.agents.rules import FixedSegments
    from hrm_rl.envs.render import save_gif
    from hrm_rl.envs.watch import show, solve_frames

    if by_hand and gif:
        raise ValueError("--by-hand needs a window, and --gif writes a file: choose one")
    model, one, halts = _solving(puzzle, checkpoint, policy, device, seed)
    if by_hand:
        halts = FixedSegments(max_segments)
    frames = solve_frames(model, one, halts, max_segments)
    if gif:
        print(save_gif(list(frames), gif))
        return
    halted = show(frames, f"hrm-rl: {one.task}", by_hand=by_hand)
    if halted:
        verdict = "right" if halted.correct else "wrong"
        print(f"halted after segment {halted.segment}: {verdict}")


def _solving(
    puzzle: str, checkpoint: str, policy: str, device: str, seed: int = 0
) -> "tuple[Model, PuzzleSet, Policy]":
    """Model, a set of the one puzzle, and the halting rule.

    The puzzle is text, or a file that holds it; if empty, the test puzzle number `seed`.
    """
    import numpy as np

    from hrm_rl.agents.rules import rule
    from hrm_rl.checkpoint import load_model
    from hrm_rl.device import resolve_device
    from hrm_rl.puzzles import PuzzleSet, task_for
    from hrm_rl.puzzles.answer import answer
    from hrm_rl.puzzles.source import for_model

    model, _ = load_model(checkpoint, resolve_device(device))
    game = task_for(model.config)
    if not puzzle:
        puzzles = for_model(model.config, split="test")
        return model, puzzles.take([seed % len(puzzles)]), rule(policy)
    text = Path(puzzle).read_text() if len(puzzle) < 256 and Path(puzzle).is_file() else puzzle
    solution_L = answer(game, text)
    x_PL, y_PL = (game.tokens(values_L)[None] for values_L in (game.parse(text), solution_L))
    return model, PuzzleSet(game.task, x_PL, y_PL, np.zeros(1, np.int32), ("given",)), rule(policy)
