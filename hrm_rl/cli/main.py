"""The `hrm-rl` command.

A mistake of the user's ends in one sentence and exit code 2; Ctrl-C in exit code 130.
"""

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from hrm_rl.checks.guessed import Guessed
from hrm_rl.cli.ablate import ablate
from hrm_rl.cli.arc import arc
from hrm_rl.cli.bank import bank
from hrm_rl.cli.compare import compare
from hrm_rl.cli.evaluate import evaluate
from hrm_rl.cli.solve import solve
from hrm_rl.cli.train import train
from hrm_rl.cli.watch import watch
from hrm_rl.training.memory import keep_freed_memory


def main(args: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    args = list(sys.argv[1:] if args is None else args)
    keep_freed_memory()
    with warnings.catch_warnings():
        warnings.simplefilter("always", Guessed)
        warnings.showwarning = _on_a_line(warnings.showwarning)
        return _run(args)


def _on_a_line(other: Callable[..., None]) -> Callable[..., None]:
    """Shows a `Guessed` as the command says things, without the place in the code; others as ever."""

    def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
        if issubclass(category, Guessed):
            print(f"hrm-rl: {message}", file=sys.stderr)
        else:
            other(message, category, *where)

    return show


def _run(args: list[str]) -> int:
    try:
        if args[:1] == ["train"]:
            return train(args[1:])
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
