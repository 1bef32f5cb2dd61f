"""Weights on disk: safetensors with a JSON beside them that rebuilds the model; official files too.

The names inside are those of the public HRM code (`official.py`), and its files load as they are.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hrm_rl.checks.files import read_json
from hrm_rl.checks.guessed import Guessed
from hrm_rl.checks.numbers import flag
from hrm_rl.checks.reading import place
from hrm_rl.models import AnyConfig, Model, config_from, config_to, fitting
from hrm_rl.models.all_config import read_all_config
from hrm_rl.models.digested import check_card, check_tensors, with_digests, without_digests
from hrm_rl.models.found import HUB, HUB_CONFIG, WEIGHTS, find
from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.models.inferred import check_agreement, check_same, guesses, infer_config, is_trm
from hrm_rl.models.limits import shortened
from hrm_rl.models.official import (
    check_finite,
    check_weights,
    official_state,
    plain_state,
    rounded,
)
from hrm_rl.models.rebuilt import compare, misfit, on_its_own, rebuild
from hrm_rl.models.tasks import with_task
from hrm_rl.models.tensorfile import CheckpointError, read_tensors, save_tensors, write_atomically
from hrm_rl.models.trm import TRM, TRMConfig
from hrm_rl.puzzles.kinds import task_for

__all__ = [
    "WEIGHTS",
    "CheckpointError",
    "Guessed",
    "infer_config",
    "load_model",
    "misfit",
    "rebuild",
    "save_model",
    "save_official",
    "save_tensors",
    "write_atomically",
]


def save_model(path: str | Path, model: Model, card: dict[str, Any] | None = None) -> None:
    """Write `path.safetensors`, and `path.json` with the model's config and what else `card` says.

    Raises:
        ValueError: no path or no model; a CheckpointError where the files cannot be written.
    """
    path = place("path", path)
    if not hasattr(model, "state_dict"):
        raise ValueError(f"a model is wanted, got {model!r:.60}")
    path = Path(f"{str(path).removesuffix('.safetensors')}.safetensors")
    state = model.state_dict()
    _write_card(path, model, card, state)
    save_tensors(path, state)


def save_official(
    path: str | Path,
    model: HRM | TRM,
    *,
    compiled: bool = False,
    init_dtype: torch.dtype = torch.float32,
) -> None:
    """Write what the public HRM code loads, as safetensors or (any other suffix) as a .pt file.

    A JSON beside it, which that code does not read, keeps what shapes do not tell: cycles, heads.

    Args:
        compiled, init_dtype: see `official_state`.

    Raises:
        CheckpointError: the files cannot be written.
    """
    path = Path(path)
    state = official_state(model, compiled, init_dtype)
    _write_card(path, model, None, state)
    save_tensors(path, state)


def load_model(
    name: str | Path,
    device: torch.device | str = "cpu",
    *,
    task: str = "",
    verify: bool = True,
    **known: Any,
) -> tuple[Model, dict[str, Any]]:
    """A model in eval mode, and the JSON that lay beside its weights.

    Of a public checkpoint it is its `all_config.yaml` that lies there. What neither that nor the
    tensors tell is guessed, as the public runs have it, and said in one `Guessed` warning.

    Args:
        name: a shipped checkpoint ("sudoku9"), the path of a `.safetensors` file or of its stem, a
            run folder, a folder of `model.safetensors` and `config.json` as huggingface_hub has it, or
            an official HRM or TRM checkpoint (`.safetensors`, `.pt` or no suffix at all) or a folder
            of them, of which that of the highest step is taken.
        task: the puzzles that it reads ("maze30"), where the file leaves that open.
        verify: compare weights and JSON with the digests in the JSON, if there are any.
        known: fields of the config that the file leaves open (`infer_config`) or that shall differ
            from its own (`H_cycles=4`).

    Raises:
        CheckpointError: nothing there, damaged, not an HRM, or of an architecture that cannot be
            inferred.
    """
    verify = flag("verify", verify)
    path, said = find(name)
    known |= {"task": task} if task else {}
    with on_its_own():
        card = _read_card(path)
        weights = read_tensors(path)
        try:
            check_weights(weights)  # a digest is of numbers that are there
        except ValueError as error:
            raise CheckpointError(f"{path}: {error}") from error
        if verify and card:
            check_tensors(path, _beside(path), weights)
        try:
            state = plain_state(weights)
            config, card, guessed = _described(path, card, state, known)
            model = rebuild(config, state)
            check_finite(state)
        except ValueError as error:
            raise CheckpointError(f"{path}: {error}") from error
        if card and "model" in card:
            if verify:
                check_card(_beside(path))
            card = without_digests(card) | {"model": config_to(config)}
        elif dtype := rounded(weights):
            guessed.append(f"its weights were rounded to {dtype} when they were written")
    if remarks := "; ".join(filter(None, [said, *guessed])):
        warnings.warn(f"{path}: {remarks}", Guessed, stacklevel=2)
    return _moved(model, device), card


def _described(
    path: Path, card: dict[str, Any], state: Mapping[str, Tensor], known: dict[str, Any]
) -> tuple[AnyConfig, dict[str, Any], list[str]]:
    """The config of these weights, the card of them, and what was guessed."""
    told = read_all_config(path.parent)
    if card:
        own: AnyConfig = card["model"]
        if told is not None and isinstance(own, (HRMConfig, TRMConfig)):
            check_same(told, own)
        if known.get("task") == task_for(own).task:
            known = {name: value for name, value in known.items() if name != "task"}
        fitting(type(own), asdict(own) | known, cure="leave it out")
        return replace(own, **known), card, []
    said: dict[str, Any] = {}
    lacks, kinds = "no all_config.yaml lies beside it", tuple[str, ...]()
    if told is not None:
        check_agreement(told, state)
        said = told.config(is_trm(state))
        card = {"max_segments": told.max_segments} if told.max_segments else {}
        lacks, kinds = f"{told.path.name} does not say all", told.puzzles
    config = infer_config(state, **said | known)
    compare(config, state)  # a mistake in the weights is told before a question about their task
    if told is not None:
        said = told.size(config.vocab) | said
    named, meant = with_task(config, known, kinds)
    if guessed := [*guesses(config, state, said | known), *filter(None, [meant])]:
        example = guessed[0].split()[0]
        guessed = [
            f"{lacks}, so this is guessed, as the public runs have it: {', '.join(guessed)}; if it was "
            f"trained otherwise, say so: load_model(path, {example}=...)"
        ]
    return named, card, guessed


def _moved(model: Model, device: torch.device | str) -> Model:
    try:
        return model.to(device)
    except (RuntimeError, AssertionError, TypeError) as error:  # torch has no one error for it
        raise ValueError(
            f"a model cannot be moved to device {device!r} ({str(error).splitlines()[0]}); "
            'give "cpu", "cuda" or "mps"'
        ) from error


def _card_path(path: Path) -> Path:
    return Path(f"{str(path).removesuffix('.safetensors').removesuffix('.pt')}.json")


def _beside(path: Path) -> Path:
    """The JSON that is read with a file of weights: its card, or the config of a model of the hub."""
    card, config = _card_path(path), path.with_name(HUB_CONFIG)
    return config if path.name == HUB and not card.exists() and config.exists() else card


def _write_card(
    path: Path, model: Model, card: dict[str, Any] | None, state: Mapping[str, Tensor]
) -> None:
    content = {"model": config_to(model.config), **(card or {})}
    text = json.dumps(with_digests(content, path, state), indent=2) + "\n"
    write_atomically(_card_path(path), text.encode())


def _read_card(path: Path) -> dict[str, Any]:
    """The JSON beside a file of weights, its "model" as a config; empty if there is none."""
    path = _beside(path)
    if not path.exists():
        return {}
    try:
        card = read_json(path)
        if path.name == HUB_CONFIG and "model" not in card:
            card = {"model": card}
        data = card.get("data", [])
        if not isinstance(data, list) or not all(
            isinstance(one, list) and len(one) == 2 and isinstance(one[0], str) for one in data
        ):
            raise ValueError(f"data must be pairs of a name and a share, got {shortened(data)}")
        return card | {"model": config_from(card["model"])}
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        said = "it has no " + str(error) if isinstance(error, KeyError) else shortened(error)
        raise CheckpointError(
            f"{path} does not describe a model: {said}; mend it, or move it away if the weights beside "
            "it are official ones"
        ) from error
