"""State dicts of the public HRM code: its names, and the architecture that their shapes tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hrm_rl.layers import inner_width
from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.tensorfile import CheckpointError

PREFIX = "model.inner."
_LENGTHS = {11: 81, 6: 900, 12: 900}
"""Tokens of a puzzle by vocabulary, in the public tasks: Sudoku, maze, ARC."""

_MATRICES = {
    "embed_tokens.embedding_weight": "vocabulary and width",
    "lm_head.weight": "the output head",
    "q_head.weight": "the Q-head",
    "H_level.layers.0.mlp.down_proj.weight": "the slow module (TRM has none)",
    "L_level.layers.0.mlp.down_proj.weight": "the fast module",
}
"""What every HRM state dict has, and what for."""


def official_state(
    model: HRM, compiled: bool = False, init_dtype: torch.dtype = torch.float32
) -> dict[str, Tensor]:
    """The model's weights under the names of the public code.

    Args:
        compiled: as its compiled training saves them, `_orig_mod.` first.
        init_dtype: format of `H_init` and `L_init`. The public code computes in it: bfloat16 unless
            it is told otherwise.
    """
    prefix = ("_orig_mod." if compiled else "") + PREFIX
    state = {prefix + name: value for name, value in model.state_dict().items()}
    for name in ("H_init", "L_init"):
        state[prefix + name] = state[prefix + name].to(init_dtype)
    if not model.config.prefix:
        del state[f"{prefix}puzzle_emb.weights"]
    return state


def plain_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same in fp32 under the names of `HRM`, whichever of the two prefixes there was."""
    plain = {
        name.removeprefix("_orig_mod.").removeprefix(PREFIX): value.float()
        for name, value in state.items()
    }
    plain.setdefault("puzzle_emb.weights", torch.zeros(1, 0))
    return plain


def infer_config(state: Mapping[str, Tensor], **known: Any) -> HRMConfig:
    """The architecture from the shapes of a state dict with plain names.

    Cycles, and the width of a head, leave no trace in the shapes: N = T = 2 and 64 are the public
    code's, `known` says otherwise. The length too is not stored unless positions are learned or
    mixed by an MLP; it follows from the vocabulary of the public tasks (11: 81 cells, 6 and 12:
    900).

    Raises:
        CheckpointError: a tensor is missing or misshapen, or the length cannot be known.
    """
    for name, what in _MATRICES.items():
        if name not in state:
            raise CheckpointError(
                f"this is not an HRM state dict: it has no {name}, {what}; its names begin with "
                f"{', '.join(sorted(state)[:3])}"
            )
        if state[name].dim() != 2:
            raise CheckpointError(f"{name} must be a matrix, got shape {tuple(state[name].shape)}")
    vocab, width = state["embed_tokens.embedding_weight"].shape
    table = state.get("puzzle_emb.weights", torch.zeros(1, 0))
    learned = state.get("embed_pos.embedding_weight")
    mixer = state.get("H_level.layers.0.mlp_t.gate_up_proj.weight")
    inner = state["H_level.layers.0.mlp.down_proj.weight"].shape[1]
    config: dict[str, Any] = {
        "vocab": vocab,
        "width": width,
        "heads": max(1, width // 64),
        "H_layers": _layers(state, "H_level"),
        "L_layers": _layers(state, "L_level"),
        "expansion": 4.0 if inner == inner_width(width, 4.0) else 1.5 * inner / width,
        "positions": "rotary" if learned is None and mixer is None else "none",
        "token_mixer": "attention" if mixer is None else "mlp",
        "puzzle_ids": table.shape[0],
        "puzzle_width": table.shape[1],
    }
    prefix = -(-table.shape[1] // width)
    if learned is not None:
        config |= {"positions": "learned", "length": learned.shape[0] - prefix}
    elif mixer is not None:
        config["length"] = mixer.shape[1] - prefix
    elif vocab in _LENGTHS:
        config["length"] = _LENGTHS[vocab]
    elif "length" not in known:
        raise CheckpointError(
            f"the number of tokens cannot be inferred from a vocabulary of {vocab} with rotary "
            "positions; say it: load_model(path, length=...)"
        )
    return HRMConfig(**(config | known))


def _layers(state: Mapping[str, Tensor], level: str) -> int:
    """Blocks of a module: one more than the highest number in its names."""
    names = [name.split(".") for name in state if name.startswith(f"{level}.layers.")]
    return 1 + max(int(name[2]) for name in names if name[2].isdecimal())
