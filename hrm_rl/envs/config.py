"""What an environment is made of, and the engine it makes of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hrm_rl.banks.bank import Bank
from hrm_rl.banks.files import find_bank, read_bank
from hrm_rl.device import resolve_device
from hrm_rl.envs.banked import BankSegments
from hrm_rl.envs.engine import Engine
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.segments import FrozenModel, LiveSegments, Segments
from hrm_rl.models import Model
from hrm_rl.models.checkpoint import load_model
from hrm_rl.puzzles import PuzzleSet, task_for
from hrm_rl.puzzles.source import source


@dataclass(frozen=True)
class HaltingConfig(MDP):
    """The arguments of the halting environments: strings and numbers, or objects in their place."""

    checkpoint: str | Path = "sudoku9"
    """A shipped checkpoint, a file or a run folder (`checkpoint.load_model`)."""
    task: str = ""
    """What the checkpoint was trained on ("maze30"), where its files leave that open."""
    puzzles: str | Path | PuzzleSet = ""
    """A shipped set, a CSV file, "kind:count:seed" (`puzzles.source`), or puzzles themselves; if left
    out, the bank's own or the shipped set of the model's size."""
    split: str = "fit"
    """Of a shipped set or bank: "train", "test", or "fit", which the model was not trained on."""
    device: str = "auto"
    """"cpu", "cuda" or "mps"; "auto" takes the fastest, or leaves `model` or `bank` where it is."""
    model: FrozenModel | None = field(default=None, repr=False)
    """A model to think with, in place of `checkpoint`."""
    bank: Bank | None = field(default=None, repr=False)
    """Logged segments to look up, in place of a model."""

    @staticmethod
    def of(*, bank: Bank | str | Path | None = None, **arguments: Any) -> HaltingConfig:
        """With a bank that may be the name of a folder or of a shipped one.

        Raises:
            ValueError: there is none, or an argument is wrong.
        """
        if isinstance(bank, (str, Path)):
            split, model = arguments.get("split", HaltingConfig.split), arguments.get("model")
            bank = read_bank(find_bank(bank, split), model if isinstance(model, Model) else None)
        return HaltingConfig(bank=bank, **arguments)

    def engine(self, slots: int, autoreset: str) -> tuple[Engine, PuzzleSet | None]:
        """Load what is named and put it together; no puzzles for a synthetic bank.

        Raises:
            ValueError: something is not there, or the parts don't fit each other.
        """
        segments, puzzles = self._banked(self.bank) if self.bank else self._live()
        return Engine(segments, self, slots, autoreset), puzzles

    def _banked(self, bank: Bank) -> tuple[Segments, PuzzleSet | None]:
        named = self.puzzles
        given = (
            source(str(named), self.split) if isinstance(named, (str, Path)) and named else named
        )
        if isinstance(given, PuzzleSet) and not (bank.puzzles and _same(given, bank.puzzles)):
            kind = f"{len(bank)} {'others' if bank.puzzles else 'without puzzles'}"
            raise ValueError(
                f"puzzles must be those of the bank, got {len(given)} where it has {kind}; leave "
                "puzzles out, or log these"
            )
        device = None if self.device == "auto" else resolve_device(self.device)
        return BankSegments(bank, self, device), bank.puzzles

    def _live(self) -> tuple[Segments, PuzzleSet]:
        model = self.model
        if model is None:
            model, _ = load_model(self.checkpoint, resolve_device(self.device), task=self.task)
        puzzles = self.puzzles or task_for(model.config).task
        if not isinstance(puzzles, PuzzleSet):
            puzzles = source(str(puzzles), self.split, model.config.task)
        live = LiveSegments(model, puzzles, self)
        if self.device != "auto" and resolve_device(self.device).type != live.device.type:
            raise ValueError(
                f"the model is on {live.device}, got device={self.device!r}; "
                f'move it with model.to("{self.device}"), or leave device="auto"'
            )
        return live, puzzles


def _same(one: PuzzleSet, other: PuzzleSet) -> bool:
    return one is other or (
        np.array_equal(one.inputs_PL, other.inputs_PL)
        and np.array_equal(one.solutions_PL, other.solutions_PL)
    )
