"""The keyword arguments of the environments: typed for mypy and IDEs, listed for `inspect`, spelt right.

Names, defaults and documentation are those of the dataclasses (`HaltingConfig`, `TrainConfig`); a
test holds the types here to them.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypedDict, TypeVar

import torch

from hrm_rl.banks.bank import Bank
from hrm_rl.checks.numbers import did_you_mean
from hrm_rl.envs.segments import FrozenModel
from hrm_rl.models import AnyConfig
from hrm_rl.puzzles import PuzzleSet

F = TypeVar("F", bound=Callable[..., None])

VECTOR_ONLY: Final = ("num_envs", "autoreset_mode", "output")
"""Arguments of the vector environments alone."""


class HaltingArguments(TypedDict, total=False):
    """The fields of `HaltingConfig`, where they are documented."""

    observation: str
    reward: str
    step_cost: float
    max_segments: int
    min_segments: int
    time_aware: bool
    prediction: bool
    restarts: int
    recall: str
    checkpoint: str | Path | FrozenModel
    puzzles: str | Path | PuzzleSet | None
    split: str
    device: str | torch.device
    compile: bool
    model: FrozenModel | str | Path | None
    bank: Bank | str | Path | None
    task: str


class TrainingArguments(TypedDict, total=False):
    """The fields of `TrainConfig`, where they are documented, that have a meaning with an agent."""

    model: AnyConfig
    data: tuple[tuple[str, float], ...]
    init: str
    augment: bool
    steps: int
    max_segments: int
    grow_cycles: tuple[tuple[float, int, int], ...]
    step_cost: float
    price: str
    auxiliary: float
    loss: str
    loss_on: str
    segment_decay: float
    answers: str
    lr: float
    warmup: int
    lr_min_ratio: float
    betas: tuple[float, float]
    weight_decay: float
    puzzle_lr: float
    puzzle_weight_decay: float
    ema: float
    seed: int
    device: str
    dtype: str
    compile: bool
    log_every: int
    save_every: int


class UnknownArgument(ValueError, TypeError):
    """Python calls it a TypeError, and TorchRL's `GymEnv` then leaves out what it only tries."""


def refuse_unknown(given: Iterable[str], known: Iterable[str], what: str = "argument") -> None:
    """Refuse names that are none of the `known` ones.

    Raises:
        UnknownArgument, ValueError: with what was probably meant, or else all that there are.
    """
    names = list(known)
    for name in given:
        if name in names:
            continue
        if name in VECTOR_ONLY and what == "argument":
            cure = "it is the vector environment's: use gymnasium.make_vec, or leave it out"
        elif name == "max_episode_steps":
            cure = "episodes end by themselves at max_segments; give that, one more than the steps"
        else:
            cure = did_you_mean(name, names) or f"there are {', '.join(names) or 'none'}"
        if what == "argument":
            raise UnknownArgument(f"unexpected keyword argument {name!r}; {cure}")
        raise ValueError(f"there is no {what} {name!r}; {cure}")


def spelled_out(config: type, types: type) -> Callable[[F], F]:
    """Let `inspect.signature` show in place of an `__init__`'s `**` what may be given.

    Args:
        config: a dataclass, whose defaults are shown.
        types: a `TypedDict` of its fields, or of some of them.
    """

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        defaults = {field.name: field.default for field in dataclasses.fields(config)}
        keywords = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                # without a default it is the preset's, whatever that is
                default=... if defaults[name] is dataclasses.MISSING else defaults[name],
                annotation=getattr(hint, "__forward_arg__", hint),
            )
            for name, hint in types.__annotations__.items()
            if name not in signature.parameters
        ]
        function.__signature__ = signature.replace(parameters=[*own, *keywords])  # type: ignore[attr-defined]
        return function

    return decorate
