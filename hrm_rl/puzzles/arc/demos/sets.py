"""Sets of ARC puzzles with demonstrations; what is held out is whole tasks.

    demos:arc1                          ARC-AGI-1, at most three pairs shown
    demos:arc2:side=20:pairs=4          as `arc.sets` names collections, with `pairs=` beside

"train" has the training tasks: every pair is asked in turn, the other pairs of its task being
shown. "test" has the evaluation tasks, of which "train" has nothing, neither the pairs that show the
rule nor a training task that repeats one of its pairs.

Suffixes: P puzzles, L tokens of a puzzle, G cells of a board, N boards.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from hrm_rl.checks.numbers import did_you_mean
from hrm_rl.puzzles.arc.demos.rules import Demos
from hrm_rl.puzzles.arc.sets import SPLITS, Collection, collection
from hrm_rl.puzzles.arc.tasks import ArcTask, Pair
from hrm_rl.puzzles.sets import PuzzleSet
from hrm_rl.puzzles.task import PuzzleError


def in_context(game: Demos, tasks: Iterable[ArcTask], every: bool) -> PuzzleSet:
    """Puzzles of these tasks; rated by how many cells of the answer differ from the question's.

    Args:
        every: ask each pair and show the others, beginning with the next; otherwise ask the pairs
            that are to be solved, and show the first that show the rule.

    Raises:
        PuzzleError: there are no puzzles.
    """
    found = [
        (f"{task.name} {i}", shown, asked)
        for task in tasks
        for i, (shown, asked) in enumerate(_turns(task) if every else _asked(task))
        if asked.known
    ]
    if not found:
        raise PuzzleError(
            "there are no tasks to take demonstrations from; name a collection that has some, with "
            "answers"
        )
    sources, shown, asked = zip(*found, strict=True)
    inputs_PL = np.stack([_tokens(game, *pairs) for pairs in zip(shown, asked, strict=True)])
    solutions_PL = np.zeros_like(inputs_PL)
    last = slice(-game.board.length, None)
    solutions_PL[:, last] = [game.board.board(pair.answer) for pair in asked]
    changed_PG = (inputs_PL != solutions_PL)[:, last] & (solutions_PL[:, last] != 0)
    return PuzzleSet(
        game.task, inputs_PL, solutions_PL, changed_PG.sum(1).astype(np.int32), sources
    )


def _turns(task: ArcTask) -> list[tuple[Sequence[Pair], Pair]]:
    pairs = [pair for pair in task.pairs if pair.known]
    return [((*pairs[i + 1 :], *pairs[:i]), pair) for i, pair in enumerate(pairs)]


def _asked(task: ArcTask) -> list[tuple[Sequence[Pair], Pair]]:
    return [(task.train, pair) for pair in task.test]


def _tokens(game: Demos, shown: Sequence[Pair], asked: Pair) -> np.ndarray:
    grids = [grid for pair in shown[: game.pairs] for grid in pair]
    boards_NG = np.zeros((game.boards, game.board.length), np.uint8)
    for i, grid in enumerate(grids):
        boards_NG[i] = game.board.board(grid)
    boards_NG[-1] = game.board.board(asked.question)
    return boards_NG.reshape(-1)


def source(name: str, split: str = "train") -> PuzzleSet:
    """The puzzles of a split of a collection, "demos:arc1".

    Raises:
        PuzzleError: there is none of that name, or no task in the split.
    """
    parts = name.removeprefix("demos:").split(":")
    pairs = [part.removeprefix("pairs=") for part in parts if part.startswith("pairs=")]
    if len(pairs) > 1 or not all(number.isdecimal() for number in pairs):
        raise PuzzleError(f"pairs= wants one whole number, got {name!r}")
    tasks = collection(":".join(part for part in parts if not part.startswith("pairs=")))
    game = Demos(tasks.board.side, *map(int, pairs))
    if split == "train":
        return in_context(game, unseen(tasks), every=True)
    if split == "test":
        return in_context(game, tasks.evaluation, every=False)
    hint = did_you_mean(split, SPLITS)
    raise PuzzleError(
        f'ARC has the splits "train" and "test", got {split!r}' + (hint and f"; {hint}")
    )


def is_collection(name: str) -> bool:
    """Whether a puzzle set's name is one of these."""
    return name.startswith("demos:")


def unseen(tasks: Collection) -> list[ArcTask]:
    """The training tasks without those that repeat a pair of an evaluation task."""
    asked = {pair.key for task in tasks.evaluation for pair in task.pairs}
    return [task for task in tasks.training if asked.isdisjoint(pair.key for pair in task.pairs)]
