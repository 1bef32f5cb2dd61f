"""Puzzles as batches on the device: chosen ones, and a weighted mixture drawn for training.

Shapes: P puzzles, B slots, T tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from hrm_rl.loop import Batch
from hrm_rl.puzzles import PuzzleSet
from hrm_rl.puzzles.augment import augment
from hrm_rl.puzzles.source import source
from hrm_rl.puzzles.sudoku import sudoku_of


def batch_of(puzzles: PuzzleSet, index_B: Int[Tensor, " B"], device: torch.device) -> Batch:
    """Some puzzles of a set as a batch on `device`."""
    x_BT, y_BT = (
        torch.from_numpy(tokens[index_B.numpy()]).long().to(device)
        for tokens in (puzzles.inputs_PL, puzzles.solutions_PL)
    )
    return Batch(x_BT, y_BT, torch.zeros(len(index_B), dtype=torch.long, device=device))


@dataclass
class Sampler:
    """Draws `slots` puzzles at a call, with replacement; its position is the generator's."""

    x_PT: Tensor
    y_PT: Tensor
    cumulative_P: Tensor
    """Running sum of the probability of each puzzle."""
    slots: int
    size: int
    augment: bool
    vocab: int
    generator: torch.Generator | None = None

    @staticmethod
    def create(
        data: tuple[tuple[str, float], ...],
        slots: int,
        augment: bool,
        device: torch.device,
        generator: torch.Generator | None,
    ) -> Sampler:
        """A mixture of the named sets, each with its share of the puzzles drawn.

        Raises:
            ValueError: the sets hold different kinds of puzzles.
        """
        sets = [source(name) for name, _ in data]
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
            cumulative_P=(cumulative_P / cumulative_P[-1]).float().to(device),
            slots=slots,
            size=sudoku_of(tasks[0]).size,
            augment=augment,
            vocab=sets[0].vocab,
            generator=generator,
        )

    @property
    def length(self) -> int:
        return self.x_PT.shape[1]

    def __call__(self) -> Batch:
        device = self.x_PT.device
        draw_B = torch.rand(self.slots, generator=self.generator, device=device)
        index_B = torch.searchsorted(self.cumulative_P, draw_B).clamp(
            max=len(self.cumulative_P) - 1
        )
        x_BT, y_BT = self.x_PT[index_B].long(), self.y_PT[index_B].long()
        if self.augment:
            x_BT, y_BT = augment(x_BT, y_BT, self.size, self.generator)
        return Batch(x_BT, y_BT, torch.zeros(self.slots, dtype=torch.long, device=device))
