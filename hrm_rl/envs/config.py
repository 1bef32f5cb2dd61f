"""What an environment is made of, and the engine it makes of that."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch
from torch import Tensor

from hrm_rl.banks.bank import Bank
from hrm_rl.banks.copies import originals
from hrm_rl.banks.files import find_bank, read_bank, read_header
from hrm_rl.checks.numbers import choice, flag, whole
from hrm_rl.compiling import compiled
from hrm_rl.device import lighten, resolve_device, shelter
from hrm_rl.envs import ENV_ARGUMENTS
from hrm_rl.envs.arguments import HaltingArguments, refuse_unknown
from hrm_rl.envs.banked import BankSegments
from hrm_rl.envs.engine import Engine
from hrm_rl.envs.engines import HaltingEngine
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.restarting import BankCopies, LiveCopies, Restarting
from hrm_rl.envs.segments import FrozenModel, LiveSegments, Segments
from hrm_rl.halting import MOST_SLOTS
from hrm_rl.loop import each
from hrm_rl.models import Model
from hrm_rl.models.checkpoint import load_model
from hrm_rl.puzzles import PuzzleSet, task_for
from hrm_rl.puzzles.files import SPLITS
from hrm_rl.puzzles.kinds import check_task
from hrm_rl.puzzles.source import source


@dataclass(frozen=True)
class HaltingConfig(MDP):
    """The arguments of the halting environments: strings and numbers, or objects in their place."""

    checkpoint: str | Path = "sudoku9"
    """A shipped checkpoint, a file or a run folder (`checkpoint.load_model`)."""
    puzzles: str | Path | PuzzleSet = ""
    """A shipped set, a CSV file, "kind:count:seed" (`puzzles.source`), or puzzles themselves; if left
    out, the bank's own or the shipped set of the model's size."""
    split: str = "fit"
    """Of a shipped set or bank: "train", "test", or "fit", which the model was not trained on."""
    device: str | torch.device = "auto"
    """"cpu", "cuda" or "mps"; "auto" takes the fastest, or leaves `model` or `bank` where it is."""
    compile: bool = False
    """Whether the model's segments are compiled (`compiling.compiled`): half a minute first, then 1.5
    times the speed on a CPU. Of a bank, which runs no model, it cannot be asked."""
    model: FrozenModel | None = field(default=None, repr=False)
    """A model to think with, in place of `checkpoint`."""
    bank: Bank | None = field(default=None, repr=False)
    """Logged segments to look up, in place of a model."""
    task: str = ""
    """What puzzles have to be, "sudoku4", or of which kind, "sudoku"; "": whatever they are. The ids
    say it, so that what is called HRMSudoku4x4 is no other puzzle. A whole name also says what a
    checkpoint was trained on whose files leave that open."""

    @staticmethod
    def of(own: Iterable[str] = (), **arguments: Unpack[HaltingArguments]) -> HaltingConfig:
        """With names where there may be objects, and objects where there may be names.

        Args:
            own: names of arguments that the environment has beside these.

        Raises:
            ValueError: there is none of that name, an argument is wrong, or two say what to think with.
        """
        refuse_unknown(arguments, [*own, *(f.name for f in fields(HaltingConfig))])
        given: dict[str, Any] = dict(arguments)
        for name, value in given.items():
            if name in _OBJECTS and isinstance(value, os.PathLike):
                given[name] = os.fspath(value)
        if given.get("puzzles", "") is None:
            given["puzzles"] = ""
        _refuse_two(given)
        if isinstance(given.get("model"), str):
            given["checkpoint"] = given.pop("model")
        elif _is_model(given.get("checkpoint")):
            given["model"] = given.pop("checkpoint")
        if not isinstance(given.get("task", ""), str):
            raise ValueError(f'task must be a text, as "sudoku4", or "", got {given["task"]!r:.60}')
        for name, value in given.items():
            if name in _OBJECTS:
                _check_kind(name, value)
        if isinstance(given.get("bank"), str):
            given["bank"] = _named_bank(**given)
        elif given.get("bank") is not None or isinstance(given.get("puzzles"), PuzzleSet):
            choice("split", given.get("split", "fit"), SPLITS)
        if isinstance(given.get("bank"), Bank) and not given.get("restarts"):
            given["bank"] = originals(given["bank"])
        return HaltingConfig(**given)

    def engine(self, slots: int, autoreset: str) -> tuple[HaltingEngine, PuzzleSet | None]:
        """Load what is named and put it together; no puzzles for a synthetic bank.

        Raises:
            ValueError: something is not there, or the parts don't fit each other.
        """
        with shelter(), lighten("num_envs"):
            banked = self.bank is not None
            if flag("compile", self.compile) and banked:
                raise ValueError("a bank runs no model that could be compiled; leave compile out")
            segments, puzzles = self._banked(self.bank) if self.bank is not None else self._live()
            if self.task and puzzles is not None:
                check_task(puzzles.task, self.task, "the bank" if banked else "the model")
            _check_room(segments, slots)
            cpu = segments.device.type == "cpu"
            if banked and cpu and isinstance(segments, BankSegments | Restarting):
                from hrm_rl.puzzles.jit import HAVE_NUMBA  # which takes a while to load

                if HAVE_NUMBA:
                    from hrm_rl.envs.bank_engine import BankEngine

                    return BankEngine(segments, self, slots, autoreset), puzzles
            return Engine(segments, self, slots, autoreset), puzzles

    def _banked(self, bank: Bank) -> tuple[Segments, PuzzleSet | None]:
        named = self.puzzles
        given = source(named, self.split) if isinstance(named, str) and named else named
        own = originals(bank)
        if isinstance(given, PuzzleSet) and not (
            own.puzzles is not None and _same(given, own.puzzles)
        ):
            kind = f"{len(own)} {'without puzzles' if own.puzzles is None else 'others'}"
            raise ValueError(
                f"puzzles must be those of the bank, got {len(given)} where it has {kind}; leave "
                "puzzles out, or log these"
            )
        device = None if self.device == "auto" else resolve_device(self.device)
        if self.restarts:
            rows = BankCopies(bank, self, device)
            return Restarting(rows, self, bank.copies), own.puzzles
        return BankSegments(bank, self, device), own.puzzles

    def _live(self) -> tuple[Segments, PuzzleSet]:
        model = self.model
        if model is None:
            whole = self.task if self.task[-1:].isdigit() else ""
            model, _ = load_model(self.checkpoint, resolve_device(self.device), task=whole)
        puzzles = self.puzzles
        if not isinstance(puzzles, PuzzleSet):
            task = task_for(model.config).task
            if self.task:  # before puzzles are looked for
                check_task(task, self.task, "the model")
            puzzles = source(str(puzzles) or task, self.split, model.config.task)
        if self.compile:
            model = compiled(model)
        live = (LiveCopies if self.restarts else LiveSegments)(model, puzzles, self)
        if self.device != "auto" and resolve_device(self.device).type != live.device.type:
            raise ValueError(
                f"the model is on {live.device}, got device={str(self.device)!r}; "
                f'move it with model.to("{self.device}"), or leave device="auto"'
            )
        if isinstance(live, LiveCopies):
            return Restarting(live, self, live.copies), puzzles
        return live, puzzles


_OBJECTS = {
    "checkpoint": "a name or a path",
    "model": "a model, or the name or path of one",
    "puzzles": "a PuzzleSet, or the name or path of one",
    "bank": "a Bank, or the name or folder of one",
}
"""What may be a name or an object, in words."""


def _refuse_two(given: Mapping[str, Any]) -> None:
    """Refuse two things to think with; the checkpoint of an id is a default, and gives way.

    A model object beside the name of a bank is no second one: the bank is held to its weights.
    """
    default = any(
        (a.get("checkpoint"), a["task"]) == (given.get("checkpoint"), given.get("task"))
        for a in ENV_ARGUMENTS.values()
    )
    there = [
        name
        for name in ("bank", "model", "checkpoint")
        if given.get(name) is not None and not (name == "checkpoint" and default)
    ]
    if there == ["bank", "model"] and isinstance(given["bank"], str) and _is_model(given["model"]):
        return
    if len(there) > 1:
        raise ValueError(
            f"{' and '.join(there)} each say what thinks, and only {there[0]} would be looked at; give "
            "one of them"
        )


def _is_model(value: Any) -> bool:
    return all(hasattr(value, name) for name in ("config", "initial", "puzzle_rows", "segment"))


def _check_kind(name: str, value: Any) -> None:
    """Refuse an object of another kind than the argument's."""
    fits = {
        "checkpoint": lambda: False,
        "model": lambda: value is None or _is_model(value),
        "puzzles": lambda: isinstance(value, PuzzleSet),
        "bank": lambda: value is None or isinstance(value, Bank),
    }
    if not isinstance(value, str) and not fits[name]():
        raise ValueError(f"{name} must be {_OBJECTS[name]}, got {_brief(value)}")


def _brief(value: Any) -> str:
    plain = isinstance(value, (int, float, bytes)) or value is None
    return repr(value)[:80] if plain else f"a {type(value).__name__}"


def _named_bank(
    bank: str, split: str | None = None, model: FrozenModel | None = None, **_: Any
) -> Bank:
    """The bank of that name, if it is of the split that was asked for; None asks for none."""
    if not bank:
        raise ValueError('bank must be the name or folder of a bank, or None, got ""')
    try:
        folder = find_bank(bank, HaltingConfig.split if split is None else split)
    except ValueError:
        choice("split", HaltingConfig.split if split is None else split, SPLITS)
        raise
    there = read_header(folder).split
    if split is not None and there and split != there:
        raise ValueError(
            f'the bank {bank} holds the split "{there}", got split={split!r}; leave split out, or '
            "give the bank of that split"
        )
    return read_bank(folder, model if isinstance(model, Model) else None)


def _same(one: PuzzleSet, other: PuzzleSet) -> bool:
    return one is other or (
        np.array_equal(one.inputs_PL, other.inputs_PL)
        and np.array_equal(one.solutions_PL, other.solutions_PL)
    )


def _check_room(segments: Segments, slots: int) -> None:
    """Refuse more slots than this machine's memory can hold, before it is filled.

    A system that promises more memory than it has ends the process that comes to use it.

    Raises:
        ValueError: the rows alone take more than there is.
    """
    slots = whole("num_envs", slots, low=1, high=MOST_SLOTS)
    if segments.device.type != "cpu" or not hasattr(os, "sysconf"):
        return  # a GPU refuses by itself
    sizes: list[int] = []

    def weigh(part: Tensor) -> Tensor:
        sizes.append(part.nbytes)
        return part

    zero = torch.zeros(1, dtype=torch.int64)
    each(weigh, segments.fresh(zero, zero))
    needed = 2 * slots * sum(sizes)  # before a segment and after it
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there:
        raise ValueError(
            f"{slots} slots need {needed / 1e9:.1f} GB of memory, and there are {there / 1e9:.1f}; "
            "lower num_envs"
        )
