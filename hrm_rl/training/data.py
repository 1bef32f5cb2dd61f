"""Puzzles as batches on the device: chosen ones, and a weighted mixture drawn for training.

Shapes: P puzzles, B slots, T tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hrm_rl.checks.numbers import real, whole
from hrm_rl.halting import MOST
from hrm_rl.loop import Batch
from hrm_rl.puzzles import doubts
from hrm_rl.puzzles.arc.rules import Arc
from hrm_rl.puzzles.arc.sets import refuse_mixture
from hrm_rl.puzzles.augment import augment
from hrm_rl.puzzles.augmented import Augmented
from hrm_rl.puzzles.kinds import task_of
from hrm_rl.puzzles.source import source
from hrm_rl.puzzles.task import Task


@dataclass
class Sampler:
    """Draws `slots` puzzles at a call, with replacement; its position is the generator's."""

    x_PT: Tensor
    y_PT: Tensor
    id_P: Tensor
    cumulative_P: Tensor
    """Running sum of the probability of each puzzle."""
    slots: int
    task: Task
    augment: bool
    generator: torch.Generator | None = None
    identifiers: int = 1
    """How many embeddings a model needs for what is dealt: one more than the highest identifier."""

    @staticmethod
    def create(
        data: tuple[tuple[str, float], ...],
        slots: int,
        augment: bool,
        device: torch.device,
        generator: torch.Generator | None,
        task: str = "",
    ) -> Sampler:
        """A mixture of the named sets, each with its share of the puzzles drawn.

        `task` says what the puzzles of a CSV are, in case they do not tell.

        Raises:
            ValueError: the sets hold different kinds of puzzles, or as `mixture`.
        """
        data, slots = mixture(data), whole("slots", slots, low=1, high=MOST)
        refuse_mixture(name for name, _ in data)
        sets = [source(name, task=task) for name, _ in data]
        if empty := [name for (name, _), s in zip(data, sets, strict=True) if not len(s)]:
            raise ValueError(f"{empty[0]} has no puzzles to train on; leave it out")
        for (name, _), puzzles in zip(data, sets, strict=True):
            doubts.warn_of(name, puzzles)
        tasks = sorted({s.task for s in sets})
        if len(tasks) > 1:
            raise ValueError(f"one run trains on one kind of puzzle, got {' and '.join(tasks)}")
        weights = [
            torch.full((len(s),), share / len(s)) for s, (_, share) in zip(sets, data, strict=True)
        ]
        cumulative_P = torch.cat(weights).double().cumsum(0)
        return Sampler(
            x_PT=torch.cat([torch.from_numpy(s.inputs_PL) for s in sets]).to(device),
            y_PT=torch.cat([torch.from_numpy(s.solutions_PL) for s in sets]).to(device),
            id_P=torch.cat([torch.from_numpy(s.ids_P) for s in sets]).to(device),
            cumulative_P=(cumulative_P / cumulative_P[-1]).float().to(device),
            slots=slots,
            task=task_of(tasks[0]),
            augment=augment,
            generator=generator,
            identifiers=1 + max(int(s.ids_P.max()) for s in sets) + _variants(tasks[0], augment),
        )

    def __call__(self) -> Batch:
        device = self.x_PT.device
        draw_B = torch.rand(self.slots, generator=self.generator, device=device)
        index_B = torch.searchsorted(self.cumulative_P, draw_B).clamp(
            max=len(self.cumulative_P) - 1
        )
        drawn = Augmented(self.x_PT[index_B].long(), self.y_PT[index_B].long(), self.id_P[index_B])
        return Batch(*(augment(self.task, drawn, self.generator) if self.augment else drawn))


def mixture(data: Any) -> tuple[tuple[str, float], ...]:
    """Puzzle sets by name, each with its share: a share that is nan or infinite takes all draws.

    Raises:
        ValueError: no sets, or not a name and a share in 1e-9 .. 1e9 for each.
    """
    pairs = list(data) if isinstance(data, Sequence) and not isinstance(data, str) else []
    if not pairs:
        raise ValueError(
            f"data must name at least one puzzle set, each with a share > 0, got {data!r:.80}"
        )
    found = []
    for pair in pairs:
        if not isinstance(pair, Sequence) or len(pair) != 2 or not isinstance(pair[0], str):
            raise ValueError(
                f'data must be pairs of a puzzle set and its share, as ("sudoku4", 1.0), got '
                f"{pair!r:.80}"
            )
        name, share = pair
        cure = "leave out what has no share"
        found.append((name, real(f"the share of {name}", share, low=1e-9, high=1e9, cure=cure)))
    return tuple(found)


def _variants(task: str, augment: bool) -> int:
    """How far augmentation raises identifiers: only ARC's variants have some of their own."""
    rules = task_of(task)
    return rules.variants if augment and isinstance(rules, Arc) else 0
