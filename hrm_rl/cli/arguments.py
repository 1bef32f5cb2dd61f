"""What several commands take: a device, and one puzzle with who solves it."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from hrm_rl.checks.numbers import real, whole

if TYPE_CHECKING:
    from hrm_rl.halting import Policy
    from hrm_rl.models import Model
    from hrm_rl.puzzles import PuzzleSet, Task

PATH = re.compile(r"\.\w*[a-wyzA-WYZ]\w+$|[/\\]\w*[a-wyzA-WYZ]")
"""How the name of a file looks, unlike a puzzle: letters (but x, a blank) behind a dot or a slash."""

Device = Annotated[str, tyro.conf.arg(help='"auto", "cpu", "cuda" or "mps"')]
"""Where to compute."""


def puzzles_alone(checkpoint: str, puzzles: str) -> tuple[str, str]:
    """Checkpoint and puzzles, where a file of puzzles may stand in the checkpoint's place."""
    from hrm_rl.puzzles.files import is_file

    return ("sudoku9", checkpoint) if is_file(checkpoint) and not puzzles else (checkpoint, puzzles)


def bring(puzzles: str) -> None:
    """Run a user's own file of puzzles, which may bring the kind that a checkpoint's task names."""
    from hrm_rl.checks.plugin import plugin
    from hrm_rl.puzzles.source import is_own

    if is_own(puzzles):
        plugin(puzzles)


def given(noise: float | None, H_cycles: int | None) -> dict[str, Any]:
    """Those that were given: what a checkpoint's config shall differ in."""
    own: dict[str, Any] = {}
    if noise is not None:
        own["noise"] = real("--noise", noise, low=0, high=1e3)
    if H_cycles is not None:
        own["H_cycles"] = whole("--H-cycles", H_cycles, low=1)
    return own


def say_solved_for(chosen: "PuzzleSet", name: str) -> None:
    """Say how many answers are not from the file."""
    from hrm_rl.puzzles.files import SOLVED_FOR

    if found := sum(source.endswith(SOLVED_FOR) for source in chosen.sources):
        print(f"answers that were not in {name} and were solved for: {found}")


def output(name: str, path: Path, suffix: str) -> Path:
    """A file that can be written, which is tried before any work starts.

    Raises:
        ValueError: it is no such file, or cannot be written.
    """
    cure = "name a file in a folder that is there and can be written to"
    if path.suffix.lower() != suffix:
        raise ValueError(f"{name} writes {suffix} files, got {str(path)!r}; name one")
    if path.is_dir():
        raise ValueError(f"{name} must be a file, got the folder {str(path)!r}; {cure}")
    there = path.exists()
    try:
        with open(path, "ab"):
            pass
        if not there:
            path.unlink()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"{name} cannot write {str(path)!r} ({reason.lower()}); {cure}") from None
    return path


def write_whole(path: Path, text: str) -> None:
    """Write a file that appears complete or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def solving(
    puzzle: str,
    checkpoint: str,
    policy: str,
    device: str,
    max_segments: int,
    seed: int = 0,
    task: str = "",
) -> "tuple[Model, PuzzleSet, Policy]":
    """Model, a set of the one puzzle, and the halting rule.

    The puzzle is text, or a file that holds it; if empty, the test puzzle number `seed`.
    """
    from hrm_rl.agents.rules import rule
    from hrm_rl.checks.numbers import whole
    from hrm_rl.device import resolve_device
    from hrm_rl.models.checkpoint import load_model
    from hrm_rl.puzzles import task_for
    from hrm_rl.puzzles.source import for_model

    whole("--seed", seed, low=0)
    halts = rule(policy)
    model, _ = load_model(checkpoint, resolve_device(device), task=task)
    fits(policy, model, max_segments)
    game = task_for(model.config)
    if not puzzle:
        puzzles = for_model(model.config, split="test")
        return model, puzzles.take([seed % len(puzzles)]), halts
    return model, _given(puzzle, game, checkpoint), halts


def fits(policy: str, model: "Model", max_segments: int) -> None:
    """Refuse a policy that was fitted on another model's segments; rules look at nothing of the kind."""
    from hrm_rl.agents.rules import kind_of

    if not kind_of(policy):
        from hrm_rl.agents.trained import check_fits

        check_fits(policy, model, max_segments)


def _given(puzzle: str, game: "Task", checkpoint: str) -> "PuzzleSet":
    """The one puzzle that is written down here, or in a file of this name."""
    import numpy as np

    from hrm_rl.puzzles import PuzzleError, PuzzleSet
    from hrm_rl.puzzles.answer import answer
    from hrm_rl.puzzles.files import is_file, read, read_text
    from hrm_rl.puzzles.sudoku.rules import Sudoku
    from hrm_rl.puzzles.sudoku.text import told_size

    if _exists(puzzle):
        if game.kind == "sudoku" or (is_file(puzzle) and puzzle.lower().endswith((".csv", ".tsv"))):
            puzzles = read(puzzle, game.task)
            if len(puzzles) > 1:
                raise ValueError(
                    f"{puzzle!r} holds {len(puzzles)} puzzles, and one is wanted here; `hrm-rl "
                    f"evaluate {checkpoint} --puzzles {puzzle}` runs them all"
                )
            return puzzles
        puzzle = read_text(Path(puzzle))
    try:
        givens_L, solution_L = game.parse(puzzle), answer(game, puzzle)
    except PuzzleError:
        if len("".join(puzzle.split())) != game.length and (is_file(puzzle) or PATH.search(puzzle)):
            raise ValueError(f"no such file: {puzzle!r}; give one, or the puzzle itself") from None
        told = told_size(puzzle)
        if isinstance(game, Sudoku) and told not in (0, game.size):
            raise ValueError(
                f"{checkpoint} solves {game.size}x{game.size} Sudoku, and this one is {told}x{told}; "
                f"name weights for it, as with `--checkpoint sudoku{told}`"
            ) from None
        raise
    x_PL, y_PL = (game.tokens(values_L)[None] for values_L in (givens_L, solution_L))
    return PuzzleSet(game.task, x_PL, y_PL, np.zeros(1, np.int32), ("given",))


def _exists(puzzle: str) -> bool:
    """Whether a puzzle's text is the name of a file or folder."""
    try:
        return len(puzzle) < 1024 and "\n" not in puzzle and Path(puzzle).exists()
    except (OSError, ValueError):  # too long for a name, or a NUL in it
        return False
