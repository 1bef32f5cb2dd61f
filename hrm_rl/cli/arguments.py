"""What several commands take: a device, and one puzzle with who solves it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from hrm_rl.halting import Policy
    from hrm_rl.models import Model
    from hrm_rl.puzzles import PuzzleSet

Device = Annotated[str, tyro.conf.arg(help='"auto", "cpu", "cuda" or "mps"')]
"""Where to compute."""


def solving(
    puzzle: str, checkpoint: str, policy: str, device: str, seed: int = 0, task: str = ""
) -> "tuple[Model, PuzzleSet, Policy]":
    """Model, a set of the one puzzle, and the halting rule.

    The puzzle is text, or a file that holds it; if empty, the test puzzle number `seed`.
    """
    import numpy as np

    from hrm_rl.agents.rules import rule
    from hrm_rl.device import resolve_device
    from hrm_rl.models.checkpoint import load_model
    from hrm_rl.puzzles import PuzzleSet, task_for
    from hrm_rl.puzzles.answer import answer
    from hrm_rl.puzzles.source import for_model

    model, _ = load_model(checkpoint, resolve_device(device), task=task)
    game = task_for(model.config)
    if not puzzle:
        puzzles = for_model(model.config, split="test")
        return model, puzzles.take([seed % len(puzzles)]), rule(policy)
    text = Path(puzzle).read_text() if len(puzzle) < 256 and Path(puzzle).is_file() else puzzle
    solution_L = answer(game, text)
    x_PL, y_PL = (game.tokens(values_L)[None] for values_L in (game.parse(text), solution_L))
    return model, PuzzleSet(game.task, x_PL, y_PL, np.zeros(1, np.int32), ("given",)), rule(policy)
