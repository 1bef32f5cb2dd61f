"""Weights on disk: safetensors with a JSON beside them that rebuilds the model; official files too.

The names inside are those of the public HRM code (`official.py`), and its files load as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hrm_rl.checks.files import read_json
from hrm_rl.models import AnyConfig, Model, build, config_from, config_to
from hrm_rl.models.digested import check_card, check_tensors, with_digests, without_digests
from hrm_rl.models.hrm import HRM
from hrm_rl.models.official import infer_config, official_state, plain_state
from hrm_rl.models.tensorfile import CheckpointError, read_tensors, save_tensors, write_atomically
from hrm_rl.models.trm import TRM

__all__ = [
    "WEIGHTS",
    "CheckpointError",
    "infer_config",
    "load_model",
    "misfit",
    "rebuild",
    "save_model",
    "save_official",
    "save_tensors",
    "write_atomically",
]

WEIGHTS = Path(__file__).parents[1] / "weights"
"""The checkpoints that ship with the package."""


def save_model(path: str | Path, model: Model, card: dict[str, Any] | None = None) -> None:
    """Write `path.safetensors`, and `path.json` with the model's config and what else `card` says.

    Raises:
        CheckpointError: the files cannot be written.
    """
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
    name: str | Path, device: torch.device | str = "cpu", *, verify: bool = True, **known: Any
) -> tuple[Model, dict[str, Any]]:
    """A model in eval mode, and the JSON that lay beside its weights.

    Args:
        name: a shipped checkpoint ("sudoku9"), the path of a `.safetensors` file or of its stem, a
            run folder, or an official HRM or TRM checkpoint (`.safetensors`, `.pt` or no suffix at all).
        verify: compare weights and JSON with the digests in the JSON, if there are any.
        known: fields of the config that the file leaves open (`infer_config`) or that shall differ
            from its own (`H_cycles=4`).

    Raises:
        CheckpointError: nothing there, damaged, not an HRM, or of an architecture that cannot be
            inferred.
    """
    path = _find(name)
    card = _read_card(path)
    state = read_tensors(path)
    if verify and card:
        check_tensors(path, _card_path(path), state)
    state = plain_state(state)
    try:
        config = replace(card["model"], **known) if card else infer_config(state, **known)
        model = rebuild(config, state)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    if card:
        if verify:
            check_card(_card_path(path))
        card = without_digests(card) | {"model": config_to(config)}
    return model.to(device), card


def rebuild(config: AnyConfig, state: Mapping[str, Tensor]) -> Model:
    """A frozen model of these weights, in eval mode.

    Raises:
        CheckpointError: the weights are not those of such a model.
    """
    with torch.random.fork_rng(devices=[]):  # drawing weights to overwrite must leave no trace
        model = build(config)
    if wrong := misfit(model.state_dict(), state):
        raise CheckpointError(f"the weights do not fit their config: {wrong}")
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def misfit(expected: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """The first thing in names or shapes that is not as expected, in words; "" if all is."""
    for name, tensor in expected.items():
        if name not in given:
            return f"{name} is missing"
        if given[name].shape != tensor.shape:
            return f"{name} is {tuple(given[name].shape)}, not {tuple(tensor.shape)}"
    foreign = sorted(given.keys() - expected.keys())
    return f"{foreign[0]} does not belong there" if foreign else ""


def _find(name: str | Path) -> Path:
    candidates = (
        Path(name),
        Path(name) / "weights.safetensors",
        Path(f"{name}.safetensors"),
        WEIGHTS / f"{name}.safetensors",
    )
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    shipped = ", ".join(sorted(path.stem for path in WEIGHTS.glob("*.safetensors"))) or "none"
    raise CheckpointError(
        f'there is no checkpoint "{name}"; give a shipped one ({shipped}), a .safetensors or .pt '
        "file, or a run folder"
    )


def _card_path(path: Path) -> Path:
    return Path(f"{str(path).removesuffix('.safetensors').removesuffix('.pt')}.json")


def _write_card(
    path: Path, model: Model, card: dict[str, Any] | None, state: Mapping[str, Tensor]
) -> None:
    content = {"model": config_to(model.config), **(card or {})}
    text = json.dumps(with_digests(content, path, state), indent=2) + "\n"
    write_atomically(_card_path(path), text.encode())


def _read_card(path: Path) -> dict[str, Any]:
    """The JSON beside a file of weights, its "model" as a config; empty if there is none."""
    path = _card_path(path)
    if not path.exists():
        return {}
    try:
        card: dict[str, Any] = read_json(path)
        return card | {"model": config_from(card["model"])}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(
            f"{path} does not describe a model ({error!r}); mend it, or move it away if the "
            "weights beside it are official ones"
        ) from error
