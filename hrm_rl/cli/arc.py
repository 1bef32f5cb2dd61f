"""`hrm-rl arc`: evaluation on ARC as published, with a vote over variants and `submission.json`."""

import json
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from hrm_rl.cli.arguments import Device, output, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hrm_rl.models import Model
    from hrm_rl.puzzles.arc.evaluate import Asked, Solved

SUBMISSION = "submission.json"
WIDTHS = (10, 8, 10, 8, 11, 8)


def arc(
    checkpoint: tyro.conf.Positional[str] = "arc6-steady",
    puzzles: str = "",
    policy: str = "",
    ways: tuple[str, ...] = ("count", "halted", "weighted", "first"),
    variants: int = -1,
    limit: int = 0,
    max_segments: int = 16,
    batch_size: int = 256,
    submission: Path | None = None,
    device: Device = "auto",
    task: str = "",
) -> None:
    """Solve ARC tasks in all their variants, turn the answers back, and vote.

    Args:
        checkpoint: a shipped one, a file or a run folder
        puzzles: "arc1", "arc2" and so on (hrm_rl.puzzles.arc.sets), a data set of the public scripts, or
            made-up tasks ("arc6x7:200:0"); what the checkpoint was trained on if left out
        policy: the rule that halts; left out, all segments are run, as published
        ways: how votes are counted: count (as published), halted, weighted, first
        variants: how many of each pair beside itself; all that the checkpoint knows if left out
        limit: take only so many pairs, evenly spread (0: all)
        max_segments: forced halt
        batch_size: variants side by side
        submission: write the answers of the first way here, as ARC Prize reads them; submission.json
            if left out and no answer is known, as in a competition's challenges
        device: where
        task: what the checkpoint was trained on ("arc30"), where its files leave that open
    """
    from hrm_rl.agents.rules import rule
    from hrm_rl.banks.arc import solve
    from hrm_rl.puzzles.arc.evaluate import voted

    _check(ways, max_segments, batch_size, variants, limit)
    halts = rule(policy or f"fixed-{max_segments}")
    if submission:
        output("--submission", submission, ".json")
    model, game, learnt = _read(checkpoint, device, task)
    questions = _questions(puzzles, learnt, game, variants, limit)
    if (first := next(questions, None)) is None:
        raise ValueError("no task has a pair to be asked; name a set with evaluation tasks")
    if not submission and not first.pair.known:
        output("--submission", Path(SUBMISSION), ".json")
    solved = list(
        solve(
            model, chain([first], questions), halts, max_segments, batch_size=batch_size, progress=True
        )
    )  # fmt: skip
    tasks = len({one.asked.task for one in solved})
    count = sum(len(one.correct_P) for one in solved)
    print(f"{len(solved)} pairs of {tasks} tasks in {count} variants")
    _score(solved, ways)
    if submission or not any(one.asked.pair.known for one in solved):
        submission = output("--submission", submission or Path(SUBMISSION), ".json")
        write_whole(submission, json.dumps(voted(solved, ways[0]).submission()))
        print(submission)


def _read(checkpoint: str, device: str, task: str) -> "tuple[Model, str, list[str]]":
    """The model, the ARC task that it reads, and the names of what it has learnt."""
    from hrm_rl.device import resolve_device
    from hrm_rl.models.checkpoint import load_model
    from hrm_rl.puzzles import task_for

    model, card = load_model(checkpoint, resolve_device(device), task=task)
    game = task_for(model.config).task
    if not game.startswith("arc"):
        raise ValueError(
            f"{checkpoint} reads {game}, and ARC tasks are asked here; take a checkpoint of them "
            f"(arc6-steady ships), or run `hrm-rl evaluate {checkpoint}`"
        )
    return model, game, [name for name, _ in card.get("data", [])]


def _check(
    ways: tuple[str, ...], max_segments: int, batch_size: int, variants: int, limit: int
) -> None:
    """Refuse what makes no sense before anything is loaded."""
    from hrm_rl.checks.numbers import distinct, whole
    from hrm_rl.puzzles.arc.vote import WAYS

    distinct("--ways", ways, WAYS)
    whole("--max-segments", max_segments, low=1)
    whole("--batch-size", batch_size, low=1)
    whole("--variants", variants, low=-1, cure="-1 takes all that the checkpoint knows")
    whole("--limit", limit, low=0, cure="0 takes all")


def _score(solved: "Sequence[Solved]", ways: "Sequence[str]") -> None:
    """Print what the votes come to, on the pairs whose answers are known."""
    from hrm_rl.puzzles.arc.evaluate import voted

    known = [one for one in solved if one.asked.pair.known]
    if not known:
        print("no answer is known, so there is no score")
        return
    if len(known) < len(solved):
        print(f"the answers of {len(known)} pairs are known, and these are scored")
    rights = list(chain.from_iterable(one.correct_P.tolist() for one in known))
    print(f"right without a vote: {sum(rights) / len(rights):.1%} of the variants")
    print(
        f"{'votes':<10}{'pairs @1':>10}{'@2':>8}{'tasks @1':>10}{'@2':>8}{'credit @1':>11}{'@2':>8}"
    )
    for way in ways:
        result = voted(known, way)
        shares = [f(k) for f in (result.inputs, result.tasks, result.credit) for k in (1, 2)]
        print(way.ljust(10) + "".join(f"{s:>{w}.1%}" for s, w in zip(shares, WIDTHS, strict=True)))


def _questions(
    name: str, learnt: list[str], task: str, variants: int, limit: int
) -> "Iterator[Asked]":
    """What is asked; names of what was learnt say whose identifiers the checkpoint knows."""
    from hrm_rl.puzzles.arc.evaluate import asked, asked_in
    from hrm_rl.puzzles.arc.generate import in_order
    from hrm_rl.puzzles.arc.rules import arc_of
    from hrm_rl.puzzles.arc.sets import collection, is_collection
    from hrm_rl.puzzles.official_data import is_data_set, read

    collections = [n for n in learnt if is_collection(n)]
    name = name or next(iter(collections or [n for n in learnt if is_data_set(n)]), f"{task}:200:0")
    if is_data_set(name):
        return asked_in(read(name, "test"), limit)
    if is_collection(name):
        found = collection(name)
        if found.left_out:
            shown = ", ".join(found.left_out[:5]) + " ..." * (len(found.left_out) > 5)
            print(
                f"tasks left out: {len(found.left_out)}, with grids of more than {found.board.side} rows or "
                f"columns: {shown}"
            )
        for other in collections:
            if [t.name for t in collection(other).tasks] != [t.name for t in found.tasks]:
                raise ValueError(
                    f"the checkpoint knows the tasks of {other!r} by their identifiers, and those of "
                    f"{name!r} are others; evaluate it on its own"
                )
    else:
        found = in_order(name)
    if found.board != arc_of(task):
        raise ValueError(
            f"the puzzles are {found.board.task}, the checkpoint reads {task}; name the puzzles with "
            "the same side= and variants="
        )
    return asked(found, None if variants < 0 else variants, limit)
