"""Which puzzles a model reads, by its vocabulary and its length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final

from hrm_rl.models.hrm import HRMConfig
from hrm_rl.models.tensorfile import CheckpointError
from hrm_rl.models.trm import TRMConfig
from hrm_rl.puzzles.kinds import KINDS, task_of
from hrm_rl.puzzles.task import PuzzleError

PUBLIC_TASKS: Final = {11: "sudoku9", 6: "maze30", 12: "arc30"}
"""The public tasks, by vocabulary."""


@cache
def readers(vocab: int, length: int) -> tuple[str, ...]:
    """The tasks whose puzzles have this many tokens, of this many kinds."""
    found = []
    for kind in KINDS.keys() - {"demos"}:
        for size in {*range(2, 65), length}:
            try:
                game = task_of(f"{kind}{size}")
            except PuzzleError:
                continue
            if (game.vocab, game.length) == (vocab, length):
                found.append(game.task)
    return tuple(sorted(found))


def with_task(
    config: HRMConfig | TRMConfig, known: Mapping[str, Any], kinds: tuple[str, ...] = ()
) -> tuple[HRMConfig | TRMConfig, str]:
    """The config with its task, and what was taken for it where that is a guess.

    "" stays: it stands for the Sudoku of that length, and for puzzles that are not known here.

    Args:
        kinds: kinds of puzzles that the weights' own data folders are named after.

    Raises:
        CheckpointError: more than one task has such puzzles.
    """
    found = readers(config.vocab, config.length)
    if config.task or not found:
        return config, ""
    hinted = [task for task in found if task_of(task).kind in kinds]
    if len(found) > 1 and len(hinted) != 1:
        sudoku = [task for task in found if task.startswith("sudoku")]
        if "length" in known and sudoku:
            others = " and ".join(task for task in found if task not in sudoku)
            return config, f"task {sudoku[0]} ({others} has as many tokens)"
        raise CheckpointError(
            f"puzzles of {config.length} tokens of {config.vocab} are those of {' and of '.join(found)}; "
            f'say which: load_model(path, task="{found[0]}")'
        )
    task = (hinted or found)[0]
    return (config if task.startswith("sudoku") else replace(config, task=task)), ""
