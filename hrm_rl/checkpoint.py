"""Weights on disk: safetensors with a JSON beside them that rebuilds the model; official state dicts too.

Nothing is ever unpickled: `.pt` files are read with `weights_only=True`.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from hrm_rl.models.hrm import HRM, HRMConfig

WEIGHTS = Path(__file__).parent / "weights"
OFFICIAL_PREFIX = "model.inner."


def save_model(path: str | Path, model: HRM, card: dict[str, Any] | None = None) -> None:
    """Write `path.safetensors`, and `path.json` with the model's config and what else `card` says."""
    path = Path(path)
    text = json.dumps({"model": asdict(model.config), **(card or {})}, indent=2) + "\n"
    write_atomically(path.with_suffix(".json"), text.encode())
    save_tensors(path.with_suffix(".safetensors"), model.state_dict())


def load_model(name: str | Path, device: torch.device | str = "cpu") -> tuple[HRM, dict[str, Any]]:
    """A model in eval mode, and the JSON that lay beside its weights.

    Args:
        name: a shipped checkpoint ("sudoku9"), the path of a `.safetensors` file or of its stem, a run
            folder, or an official HRM checkpoint (`.pt` or `.safetensors` without a JSON).

    Raises:
        ValueError: nothing there, not a checkpoint, or an architecture that cannot be inferred.
    """
    path = _find(name)
    card_path = path.with_suffix(".json")
    if path.suffix == ".safetensors" and card_path.exists():
        card = json.loads(card_path.read_text())
        state = _read(path)
        model = HRM(HRMConfig(**card["model"]))
    else:
        state = {_strip(key): value for key, value in _read(path).items()}
        card = {}
        model = HRM(infer_config(state))
    try:
        model.load_state_dict({key: value.float() for key, value in state.items()})
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit its config: {error}") from error
    return model.to(device).eval().requires_grad_(False), card


def official_state(model: HRM, compiled: bool = False) -> dict[str, Tensor]:
    """The model's weights under the names of the public HRM code, `_orig_mod.` first if `compiled`."""
    prefix = ("_orig_mod." if compiled else "") + OFFICIAL_PREFIX
    return {prefix + key: value for key, value in model.state_dict().items()}


def infer_config(state: dict[str, Tensor], **known: Any) -> HRMConfig:
    """The architecture from the shapes of a state dict with plain names.

    Cycles, and the width of a head, leave no trace in the shapes: N = T = 2 and 64 are the public
    code's, `known` says otherwise. The length too is not stored unless positions are learned or mixed
    by an MLP; it follows from the vocabulary of the public tasks (11: 81 cells, 6 and 12: 900).

    Raises:
        ValueError: a tensor is missing or the length cannot be known.
    """
    for key in ("embed_tokens.embedding_weight", "lm_head.weight", "H_init", "L_init", "q_head.weight"):
        if key not in state:
            raise ValueError(
                f"this is not an HRM state dict: it has no {key}; keys start with {sorted(state)[:3]}"
            )
    vocab, width = state["embed_tokens.embedding_weight"].shape
    table = state.get("puzzle_emb.weights")
    learned, mixer = state.get("embed_pos.embedding_weight"), state.get("H_level.layers.0.mlp_t.gate_up_proj.weight")
    config: dict[str, Any] = {
        "vocab": vocab,
        "width": width,
        "heads": max(1, width // 64),
        "H_layers": _layers(state, "H_level"),
        "L_layers": _layers(state, "L_level"),
        "positions": "learned" if learned is not None else "none" if mixer is not None else "rotary",
        "token_mixer": "attention" if mixer is None else "mlp",
        "puzzle_ids": 1 if table is None else table.shape[0],
        "puzzle_width": 0 if table is None else table.shape[1],
    }
    config.update(known)
    inner = state["H_level.layers.0.mlp.down_proj.weight"].shape[1]
    config.setdefault("expansion", 4.0 if inner == -(-round(4 * width * 2 / 3) // 256) * 256 else 1.5 * inner / width)
    prefix = -(-config["puzzle_width"] // width)
    if "length" not in config:
        if learned is not None:
            config["length"] = learned.shape[0] - prefix
        elif mixer is not None:
            config["length"] = mixer.shape[1] - prefix
        elif vocab in (6, 11, 12):
            config["length"] = {11: 81, 6: 900, 12: 900}[vocab]
        else:
            raise ValueError(
                f"the number of tokens cannot be inferred from a vocabulary of {vocab} with rotary "
                "positions; write HRMConfig(length=...) beside the weights as JSON"
            )
    return HRMConfig(**config)


def _layers(state: dict[str, Tensor], level: str) -> int:
    numbers = [int(key.split(".")[2]) for key in state if key.startswith(f"{level}.layers.")]
    if not numbers:
        raise ValueError(f"this is not an HRM state dict: it has no {level}.layers (TRM has no H level)")
    return max(numbers) + 1


def _strip(key: str) -> str:
    return key.removeprefix("_orig_mod.").removeprefix(OFFICIAL_PREFIX)


def _find(name: str | Path) -> Path:
    path = Path(name)
    candidates = [
        path, path / "weights.safetensors", Path(f"{name}.safetensors"), WEIGHTS / f"{name}.safetensors",
    ]  # fmt: skip
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    shipped = ", ".join(sorted(p.stem for p in WEIGHTS.glob("*.safetensors")))
    raise ValueError(
        f'no checkpoint "{name}"; give a shipped one ({shipped}), a .safetensors or .pt file, or a run folder'
    )


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as a checkpoint: {str(error).splitlines()[0]}") from error
    except Exception as error:  # pickle's own errors: an unsafe or foreign file
        raise ValueError(f"{path} is not a plain dictionary of tensors, and is not unpickled") from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(f"{path} is not a plain dictionary of tensors")
    return state


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file so that a crash leaves the old one or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    save_file({k: v.detach().contiguous().clone() for k, v in tensors.items()}, temporary, metadata)
    _replace(temporary, path)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a crash leaves the old one or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    _replace(temporary, path)


def _replace(temporary: Path, path: Path) -> None:
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    os.replace(temporary, path)
