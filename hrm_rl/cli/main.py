"""The `hrm-rl` command.

A mistake of the user's ends in one sentence and exit code 2, a signal in 128 and its number (Ctrl-C:
130), a closed pipe in 141 and silence. Whatever else goes wrong is a mistake of ours: a traceback.
"""

import errno
import itertools
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from hrm_rl import __version__
from hrm_rl.checks.numbers import choice
from hrm_rl.cli import output
from hrm_rl.cli.ablate import ablate
from hrm_rl.cli.arc import arc
from hrm_rl.cli.bank import bank
from hrm_rl.cli.bench import bench
from hrm_rl.cli.compare import compare
from hrm_rl.cli.evaluate import evaluate
from hrm_rl.cli.page import page
from hrm_rl.cli.score import score
from hrm_rl.cli.solve import solve
from hrm_rl.cli.train import train
from hrm_rl.cli.watch import watch
from hrm_rl.training.memory import keep_freed_memory

WRITTEN = ("--out", "--run", "--gif", "--html")
"""Options that name a place; an empty name, often a shell variable that is not set, would be here."""
CAUGHT = (ValueError, OSError, MemoryError, RuntimeError, KeyboardInterrupt, Warning)
"""What ends in a sentence, or is raised again by `_told`; a warning is an error to who asks Python for it."""


def main(args: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    output.prepare()
    with output.warned():
        try:
            try:
                return _command(list(sys.argv[1:] if args is None else args))
            finally:
                output.finish()
        except BrokenPipeError:
            output.give_up()
            return output.CLOSED_PIPE
        except CAUGHT as error:
            said, code = _told(error)
            output.give_up()  # if it was the output that failed
            output.complain(said)
            return code


def _command(args: list[str]) -> int:
    if args in (["--version"], ["-V"]):
        print(f"hrm-rl {__version__}")
        return 0
    if args and not args[0].startswith("-"):
        choice("command", args[0], COMMANDS)
    for option, value in itertools.pairwise([*args, "end"]):
        name = option.removesuffix("=")
        if name in WRITTEN and (name != option or not value):
            raise ValueError(f'{name} must name where to write, got ""; "." is here')
    _refuse_no_folder()
    keep_freed_memory()
    if args[:1] == ["train"]:
        return train(args[1:])
    tyro.extras.subcommand_cli_from_dict(
        COMMANDS,
        prog="hrm-rl",
        description="When should a reasoning model stop thinking? Train HRMs, and study their halting.",
        args=args,
    )
    return 0


def _refuse_no_folder() -> None:
    """Raises ValueError: the current folder is gone; libraries below us end the process over that."""
    try:
        os.getcwd()
    except OSError as error:
        raise ValueError(
            f"the current folder is gone, or closed to you ({error.strerror}); go to one that is there "
            "(`cd`)"
        ) from None


def _told(error: BaseException) -> tuple[str, int]:
    """One sentence and an exit code; raises again what is no user's to mend."""
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted", getattr(error, "code", 130)
    if isinstance(error, (MemoryError, RuntimeError)):
        from hrm_rl.compiling import of_compiler  # torch, which is there if it failed
        from hrm_rl.device import is_out_of_memory

        if said := of_compiler(error):
            return said, 2
        if not is_out_of_memory(error):
            raise error
        return "out of memory; lower slots or batch_size, or close what else needs it", 2
    if isinstance(error, OSError) and error.strerror:
        return _of_system(error), 2
    return str(error), 2


def _of_system(error: OSError) -> str:
    if error.filename is None:
        room = "raise the limit (`ulimit -f`)" if error.errno == errno.EFBIG else "make room"
        return f"{error.strerror}; if it is the output that cannot be written, {room} or send it elsewhere"
    return f"{error.filename}: {error.strerror}"


def _train_help() -> None:
    """Train a preset in a run folder: `hrm-rl train sudoku4 --help` shows every option."""


COMMANDS: dict[str, Callable[..., Any]] = {
    "train": _train_help,
    "ablate": ablate,
    "evaluate": evaluate,
    "solve": solve,
    "bank": bank,
    "compare": compare,
    "score": score,
    "bench": bench,
    "watch": watch,
    "page": page,
    "arc": arc,
}
