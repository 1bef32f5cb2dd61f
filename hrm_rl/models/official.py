"""State dicts of the public HRM and TRM code: their names, and the architecture that shapes tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.models.layers import inner_width
from hrm_rl.models.tensorfile import CheckpointError
from hrm_rl.models.trm import TRM, TRMConfig

PREFIX = "model.inner."
_LENGTHS = {11: 81, 6: 900, 12: 900}
"""Tokens of a puzzle by vocabulary, in the public tasks: Sudoku, maze, ARC."""
_TRM_L_CYCLES = {11: 6, 6: 4, 12: 4}
"""n of the public TRM runs by vocabulary; with another n, weights lose nearly all they know."""

_MATRICES = {
    "embed_tokens.embedding_weight": "vocabulary and width",
    "lm_head.weight": "the output head",
    "q_head.weight": "the Q-head",
    "H_level.layers.0.mlp.down_proj.weight": "the slow module",
    "L_level.layers.0.mlp.down_proj.weight": "the fast module",
}
"""What every HRM state dict has, and what for; TRM has no H_level at all."""


def official_state(
    model: HRM | TRM, compiled: bool = False, init_dtype: torch.dtype = torch.float32
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
    """The same in fp32 under the names of `HRM` and `TRM`, whichever of the two prefixes there was."""
    plain = {
        name.removeprefix("_orig_mod.").removeprefix(PREFIX): value.float()
        for name, value in state.items()
    }
    plain.setdefault("puzzle_emb.weights", torch.zeros(1, 0))
    return plain


def infer_config(state: Mapping[str, Tensor], **known: Any) -> HRMConfig | TRMConfig:
    """The architecture from the shapes of a state dict with plain names: a TRM if it has no H_level.

    Cycles, and the width of a head, leave no trace in the shapes: N = T = 2 (TRM: T = 3, n = 6 for
    Sudoku and 4 for maze and ARC) and 64 are the public code's, `known` says otherwise. The length
    too is not stored unless positions are learned or mixed by an MLP; it follows from the
    vocabulary of the public tasks (11: 81 cells, 6 and 12: 900). Of a TRM they store the sum of
    length and prefix, and the prefix is 16 where nothing else is known.

    Raises:
        CheckpointError: a tensor is missing or misshapen, or the length cannot be known.
    """
    is_trm = not any(name.startswith("H_level.") for name in state)
    for name, what in _MATRICES.items():
        if is_trm and name.startswith("H_level."):
            continue
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
    mixer = state.get("L_level.layers.0.mlp_t.gate_up_proj.weight")
    inner = state["L_level.layers.0.mlp.down_proj.weight"].shape[1]
    config: dict[str, Any] = {
        "vocab": vocab,
        "width": width,
        "heads": max(1, width // 64),
        "expansion": 4.0 if inner == inner_width(width, 4.0) else 1.5 * inner / width,
        "positions": "rotary" if mixer is None else "none",
        "token_mixer": "attention" if mixer is None else "mlp",
        "puzzle_ids": table.shape[0],
        "puzzle_width": table.shape[1],
    }
    places = None if mixer is None else mixer.shape[1]
    if learned is not None:
        config["positions"], places = "learned", learned.shape[0]
    if is_trm:
        config |= {"layers": _layers(state, "L_level"), "L_cycles": _TRM_L_CYCLES.get(vocab, 6)}
        return TRMConfig(**(config | _trm_places(vocab, table.shape[1], places, known) | known))
    config |= {"H_layers": _layers(state, "H_level"), "L_layers": _layers(state, "L_level")}
    if places is not None:
        config["length"] = places - -(-table.shape[1] // width)
    elif vocab in _LENGTHS:
        config["length"] = _LENGTHS[vocab]
    elif "length" not in known:
        raise CheckpointError(_unknown_length(vocab))
    return HRMConfig(**(config | known))


def _trm_places(
    vocab: int, puzzle_width: int, places: int | None, known: Mapping[str, Any]
) -> dict[str, int]:
    """Length and prefix of a TRM, of which shapes tell the sum (`places`) at most."""
    length = known.get("length", _LENGTHS.get(vocab))
    prefix = known.get("puzzle_positions", 16)
    if length is None and places is None:
        raise CheckpointError(_unknown_length(vocab))
    if places is None:
        return {"length": length, "puzzle_positions": prefix}
    if not puzzle_width:
        return {"length": places}
    length, prefix = (places - prefix, prefix) if length is None else (length, places - length)
    if length < 1 or prefix < 1:
        raise CheckpointError(
            f"its {places} positions hold no prefix of {prefix} and {length} tokens; say how many "
            "tokens a puzzle has: load_model(path, length=...)"
        )
    return {"length": length, "puzzle_positions": prefix}


def _unknown_length(vocab: int) -> str:
    return (
        f"the number of tokens cannot be inferred from a vocabulary of {vocab} with rotary "
        "positions; say it: load_model(path, length=...)"
    )


def _layers(state: Mapping[str, Tensor], level: str) -> int:
    """Blocks of a module: one more than the highest number in its names."""
    names = [name.split(".") for name in state if name.startswith(f"{level}.layers.")]
    return 1 + max(int(name[2]) for name in names if name[2].isdecimal())
