"""`hrm-rl solve`: one puzzle, segment by segment."""

from typing import TYPE_CHECKING

import tyro

from hrm_rl.cli.arguments import Device, solving
from hrm_rl.cli.grid import Sheet, coloured

if TYPE_CHECKING:
    import numpy as np

    from hrm_rl.models import Model
    from hrm_rl.puzzles import PuzzleSet


def solve(
    puzzle: tyro.conf.Positional[str],
    checkpoint: str = "sudoku9",
    policy: str = "q",
    max_segments: int = 16,
    device: Device = "auto",
    task: str = "",
    copies: int = 1,
) -> None:
    """Solve one puzzle: print it, then of each segment its Q values, the decision, and the rows that changed.

    Givens, changes and conflicts are marked, by colours where the terminal has them (not under NO_COLOR).

    Args:
        puzzle: as text, row by row (a Sudoku with . or 0 for blanks, a maze in "# SG"), or a file
            that holds it (.txt, .sdk, .ss, .csv ...)
        checkpoint: a shipped one, a file or a run folder
        policy: the rule that halts: q, trm, confidence, stable-2, fixed-8 ..., or a policy that was
            fitted: sudoku9-exact_pg, mine.safetensors
        max_segments: forced halt
        device: where
        task: what the checkpoint was trained on ("maze30"), where its files leave that open
        copies: think about so many copies of a Sudoku side by side, of other starts (or, of a model that
            draws none, with digits and lines exchanged), until one verifies: a grid that keeps givens and
            rules. The rule that halts is then not asked
    """
    import torch

    from hrm_rl.checks.numbers import whole
    from hrm_rl.evaluate import solve as run_solve
    from hrm_rl.puzzles import task_of
    from hrm_rl.puzzles.verdicts import valid_optimal

    whole("--max-segments", max_segments, low=1)
    whole("--copies", copies, low=1)
    if not puzzle.strip():
        raise ValueError('a puzzle is wanted, got ""; give one as text, or a file that holds it')
    model, one, halts = solving(puzzle, checkpoint, policy, device, max_segments, task=task)
    if copies > 1:
        return _until_verified(model, one, copies, max_segments)
    game, x_T, y_T = (
        task_of(one.task),
        *map(torch.from_numpy, (one.inputs_PL[0], one.solutions_PL[0])),
    )
    before_L, sheet = _opened(one)
    for at in run_solve(model, x_T, halts, max_segments, int(one.ids_P[0])):
        cells_L = game.values(at.prediction_T.numpy())
        q_halt, q_continue = at.q_2.sigmoid().tolist()
        action = "forced halt" if at.forced else "halt" if at.action else "continue"
        print(
            f"segment {at.segment:<3} Q_halt {q_halt:.3f}  Q_continue {q_continue:.3f}  {action}: "
            f"{sheet.summary(before_L, cells_L)}",
            *sheet.changes(before_L, cells_L), sep="\n", flush=True,
        )  # fmt: skip
        before_L = cells_L
    right = bool(valid_optimal(game, x_T[None], at.prediction_T[None], y_T[None]))
    verdict = "solved" if right else f"wrong in {int((at.prediction_T != y_T).sum())} cells"
    end = f"the limit: {policy} did not halt" if at.forced else f"where {policy} halted"
    print(f"{verdict} after {at.segment} segment{'s' * (at.segment > 1)}, {end}")


def _until_verified(model: "Model", one: "PuzzleSet", copies: int, segments: int) -> None:
    """The surest copy's grid of each segment, until one verifies."""
    from hrm_rl.inside.copies import until_verified
    from hrm_rl.puzzles import task_of

    game = task_of(one.task)
    before_L, sheet = _opened(one)
    for m, at in enumerate(until_verified(model, one, copies, segments), 1):
        verified_K, q_K = at.verified_PK[0], at.q_halt_PK[0]
        best = int(verified_K.int().argmax() if verified_K.any() else q_K.argmax())
        said = "verifies" if verified_K.any() else "is the surest"
        cells_L = game.values(at.prediction_PKT[0, best].numpy())
        print(
            f"segment {m:<3} Q_halt {float(q_K[best].sigmoid()):.3f}  copy {best + 1} {said}: "
            f"{sheet.summary(before_L, cells_L)}",
            *sheet.changes(before_L, cells_L), sep="\n", flush=True,
        )  # fmt: skip
        before_L = cells_L
    spent = f"{m * copies} segments of {copies} copies"
    print(f"solved in {spent}" if verified_K.any() else f"no copy verifies after {spent}")


def _opened(one: "PuzzleSet") -> "tuple[np.ndarray, Sheet]":
    """The puzzle's cells, and the sheet that its segments are drawn on, with the question printed."""
    from hrm_rl.puzzles import task_of

    game = task_of(one.task)
    givens_L = game.values(one.inputs_PL[0])
    sheet = Sheet.of(game, givens_L, game.values(one.solutions_PL[0]), coloured())
    print(*filter(None, [*sheet.question(), sheet.legend()]), sep="\n", flush=True)
    return givens_L, sheet
