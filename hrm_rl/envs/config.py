"""What an environment is made of, and the engine it makes of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hrm_rl.bank import Bank
from hrm_rl.checkpoint import load_model
from hrm_rl.device import resolve_device
from hrm_rl.envs.engine import MDP, Engine
from hrm_rl.envs.segments import BankSegments, FrozenModel, LiveSegments, Segments
from hrm_rl.puzzles import PuzzleSet
from hrm_rl.puzzles.source import source


@dataclass(frozen=True)
class HaltingConfig(MDP):
    """The arguments of the halting environments: strings and numbers, or objects in their place."""

    checkpoint: str | Path = "sudoku9"
    """A shipped checkpoint, a file or a run folder (`checkpoint.load_model`)."""
    puzzles: str | Path | PuzzleSet = "sudoku9"
    """A shipped set, a CSV file, "kind:count:seed" (`puzzles.source`), or puzzles themselves."""
    split: str = "fit"
    """Of a shipped set: "train", "test", or "fit", which the model was not trained on."""
    device: str = "auto"
    """"cpu", "cuda" or "mps"; "auto" takes the fastest, or leaves `model` or `bank` where it is."""
    model: FrozenModel | None = field(default=None, repr=False)
    """A model to think with, in place of `checkpoint`."""
    bank: Bank | None = field(default=None, repr=False)
    """Logged segments of `puzzles` to look up, in place of a model."""

    def engine(self, slots: int, autoreset: str) -> tuple[Engine, PuzzleSet]:
        """Load what is named and put it together.

        Raises:
            ValueError: something is not there, or the parts don't fit each other.
        """
        puzzles = self.puzzles
        if not isinstance(puzzles, PuzzleSet):
            puzzles = source(str(puzzles), self.split)
        return Engine(self._segments(puzzles), puzzles, self, slots, autoreset), puzzles

    def _segments(self, puzzles: PuzzleSet) -> Segments:
        if self.bank is not None:
            device = None if self.device == "auto" else resolve_device(self.device)
            return BankSegments(self.bank, puzzles, self.observation, self.max_segments, device)
        if self.model is None:
            model, _ = load_model(self.checkpoint, resolve_device(self.device))
            return LiveSegments(model, puzzles, self.observation)
        live = LiveSegments(self.model, puzzles, self.observation)
        if self.device != "auto" and resolve_device(self.device).type != live.device.type:
            raise ValueError(
                f"the model is on {live.device}, got device={self.device!r}; "
                f'move it with model.to("{self.device}"), or leave device="auto"'
            )
        return live
