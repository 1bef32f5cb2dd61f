"""The architecture of public weights: what their shapes tell, what their YAML says, what is guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import torch
from torch import Tensor

from hrm_rl.models import fitting
from hrm_rl.models.all_config import KEYS, POSITIONS, Told
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.models.layers import inner_width
from hrm_rl.models.limits import shortened
from hrm_rl.models.tasks import PUBLIC_TASKS, readers
from hrm_rl.models.tensorfile import CheckpointError
from hrm_rl.models.trm import TRMConfig
from hrm_rl.puzzles.kinds import task_of

_TRM_L_CYCLES: Final = {11: 6, 6: 4, 12: 4}
"""n of the public TRM runs by vocabulary; with another n, weights lose nearly all they know."""
_TRM_PREFIX: Final = 16

_TABLE = "embed_tokens.embedding_weight"
_PUZZLES = "puzzle_emb.weights"
_PLACES = "embed_pos.embedding_weight"
_DOWN = "L_level.layers.0.mlp.down_proj.weight"
_MIXER = "L_level.layers.0.mlp_t.gate_up_proj.weight"
_MATRICES: Final = {
    _TABLE: "vocabulary and width",
    "lm_head.weight": "the output head",
    "q_head.weight": "the Q-head",
    "H_level.layers.0.mlp.down_proj.weight": "the slow module",
    _DOWN: "the fast module",
}
"""What every HRM state dict has, and what for; TRM has no H_level at all."""


def infer_config(state: Mapping[str, Tensor], **known: Any) -> HRMConfig | TRMConfig:
    """The architecture from the shapes of a state dict with plain names: a TRM if it has no H_level.

    Cycles, and the width of a head, leave no trace in the shapes: N = T = 2 (TRM: T = 3, n = 6 for
    Sudoku and 4 for maze and ARC) and 64 are the public code's, `known` says otherwise. The length
    too is not stored unless positions are learned or mixed by an MLP; it follows from the task, if
    that is known, or from the vocabulary of the public tasks (11: 81 cells, 6 and 12: 900). Of a TRM
    they store the sum of length and prefix, and the prefix is 16 where nothing else is known.

    Raises:
        CheckpointError: a tensor is missing or misshapen, or the length cannot be known.
    """
    trm = is_trm(state)
    config = told_by_shapes(state, trm)
    places = config.pop("places")
    vocab, width = config["vocab"], config["width"]
    config["heads"] = max(1, width // 64)
    if "heads" not in known and _MIXER not in state and width % (2 * config["heads"]):
        raise CheckpointError(
            f"the number of heads cannot be guessed for a width of {width}, which 64 does not divide; say "
            "it: load_model(path, heads=...)"
        )
    config.setdefault("positions", "rotary" if config["token_mixer"] == "attention" else "none")
    if "task" in known and "length" not in known:
        known = known | {"length": task_of(known["task"]).length}
    if trm:
        config["L_cycles"] = _TRM_L_CYCLES.get(vocab, 6)
        made: type[HRMConfig | TRMConfig] = TRMConfig
        config |= _trm_places(config, places, known)
    else:
        made = HRMConfig
        config["length"] = _length(vocab, places, -(-config["puzzle_width"] // width), known)
    return made(**fitting(made, config | known))


def is_trm(state: Mapping[str, Tensor]) -> bool:
    """Whether there is one network alone."""
    return not any(name.startswith("H_level.") for name in state)


def told_by_shapes(state: Mapping[str, Tensor], trm: bool) -> dict[str, Any]:
    """The fields that shapes tell for certain, and `places`: positions, prefix and tokens, or None.

    Raises:
        CheckpointError: a tensor is missing or misshapen.
    """
    for name, what in _MATRICES.items():
        if trm and name.startswith("H_level."):
            continue
        if name not in state:
            raise CheckpointError(
                f"this is not an HRM state dict: it has no {name}, {what}; its names begin with "
                f"{shortened(', '.join(sorted(state.keys() - {_PUZZLES})[:3])) or 'nothing'}"
            )
    for name in (*_MATRICES, _PUZZLES, _PLACES, _MIXER):
        if name in state and state[name].dim() != 2:
            raise CheckpointError(f"{name} must be a matrix, got shape {tuple(state[name].shape)}")
    vocab, width = state[_TABLE].shape
    table = state.get(_PUZZLES, torch.zeros(1, 0))
    config: dict[str, Any] = {
        "vocab": vocab,
        "width": width,
        "token_mixer": "mlp" if _MIXER in state else "attention",
        "puzzle_ids": table.shape[0],
        "puzzle_width": table.shape[1],
        "places": state[_MIXER].shape[1] if _MIXER in state else None,
    }
    if _PLACES in state:
        config |= {"positions": "learned", "places": state[_PLACES].shape[0]}
    config["expansion"] = _expansion(state, width, config["places"])
    if trm:
        return config | {"layers": _layers(state, "L_level")}
    return config | {f"{level}_layers": _layers(state, f"{level}_level") for level in "HL"}


def _expansion(state: Mapping[str, Tensor], width: int, places: int | None) -> float:
    """4, as everywhere in public, if that gives the inner widths there are; else what does."""
    inner = {width: state[_DOWN].shape[1]}
    if _MIXER in state and places:
        inner[places] = state[_MIXER].shape[0] // 2
    if all(inner_width(outer, 4.0) == wide for outer, wide in inner.items()):
        return 4.0
    return min(1.5 * wide / max(1, outer) for outer, wide in inner.items())


def _layers(state: Mapping[str, Tensor], level: str) -> int:
    """Blocks of a module: one more than the highest number in its names."""
    names = [name.split(".") for name in state if name.startswith(f"{level}.layers.")]
    return 1 + max(int(name[2]) for name in names if name[2].isdecimal())


def _length(vocab: int, places: int | None, prefix: int, known: Mapping[str, Any]) -> int:
    """Tokens of a puzzle, where the prefix is known."""
    given: int | None = known.get("length")
    if places is None and given is None:
        if vocab not in PUBLIC_TASKS:
            raise CheckpointError(
                f"the number of tokens cannot be inferred from a vocabulary of {vocab} with rotary "
                "positions; say it: load_model(path, length=...) or task=..."
            )
        return task_of(PUBLIC_TASKS[vocab]).length
    if places is not None and (places <= prefix or given not in (None, places - prefix)):
        asked = f"{given} tokens" if given else "any token"
        raise CheckpointError(
            f"the weights have {places} positions, which are not a prefix of {prefix} and {asked}; "
            "say how many tokens a puzzle has: load_model(path, length=...)"
        )
    return places - prefix if places is not None else int(given or 0)


def _trm_places(
    config: Mapping[str, Any], places: int | None, known: Mapping[str, Any]
) -> dict[str, int]:
    """Length and prefix of a TRM, of which shapes tell the sum (`places`) at most."""
    vocab, embedding = config["vocab"], config["puzzle_width"]
    if not embedding:
        return {"length": _length(vocab, places, 0, known)}
    given = known.get("puzzle_positions", _TRM_PREFIX)
    prefix: int = -(-embedding // config["width"]) if given is None else given
    if places is None or "puzzle_positions" in known:
        return {"length": _length(vocab, places, prefix, known), "puzzle_positions": prefix}
    public = PUBLIC_TASKS.get(vocab)
    length = known.get("length", task_of(public).length if public else places)
    if "length" not in known and length >= places:
        length = places - prefix  # not of a public size, but with the public prefix
        if not readers(vocab, length):
            raise CheckpointError(
                f"its {places} positions are a prefix and the tokens of a puzzle, and nothing tells how "
                "many of each; say how many tokens there are: load_model(path, length=...) or task=..."
            )
    if length >= places:
        raise CheckpointError(
            f"the weights have {places} positions, and {length} tokens leave none of them for a prefix; "
            "say how many tokens a puzzle has: load_model(path, length=...)"
        )
    return {
        "length": length,
        "puzzle_positions": places - length,
    }


def guesses(
    config: HRMConfig | TRMConfig, state: Mapping[str, Tensor], known: Mapping[str, Any]
) -> list[str]:
    """The fields that neither the shapes nor `known` tell, with what was taken for them."""
    names = ["H_cycles", "L_cycles"]
    if config.token_mixer == "attention":
        names += ["heads"] if _PLACES in state else ["heads", "positions"]
    sized = known.keys() & {"length", "task"}
    stored = _PLACES in state or _MIXER in state
    if isinstance(config, TRMConfig) and config.prefix and not (stored and sized):
        names += ["length", "puzzle_positions"]
    elif not stored:
        names += ["length"]
    if sized or (stored and "puzzle_positions" in known):
        names = [name for name in names if name != "length"]
    return [f"{name} {getattr(config, name)}" for name in names if name not in known]


def check_agreement(said: Told, state: Mapping[str, Tensor]) -> None:
    """Refuse a YAML of another run than the weights'.

    Raises:
        CheckpointError: the two contradict each other; says in what.
    """
    trm = is_trm(state)
    if said.kind and (said.kind == "trm") != trm:
        raise _contradiction(said, "arch.name", said.kind.upper(), "TRM" if trm else "HRM")
    shapes, fields = told_by_shapes(state, trm), said.config(trm)
    _check_numbers(said, fields, shapes)
    if fields["token_mixer"] != shapes["token_mixer"]:
        mlp = shapes["token_mixer"] == "mlp"
        raise _contradiction(said, "arch.mlp_t", str(not mlp).lower(), str(mlp).lower())
    if "positions" in fields and (fields["positions"] == "learned") != ("positions" in shapes):
        name = next(key for key, value in POSITIONS.items() if value == fields["positions"])
        theirs = "learned" if "positions" in shapes else "not learned"
        raise _contradiction(said, "arch.pos_encodings", name, theirs)
    inner = state[_DOWN].shape[1]
    if "expansion" in fields and inner_width(shapes["width"], fields["expansion"]) != inner:
        theirs = f"{1.5 * inner / shapes['width']:.3g} (an inner width of {inner})"
        raise _contradiction(said, "arch.expansion", fields["expansion"], theirs)


def check_same(said: Told, config: HRMConfig | TRMConfig) -> None:
    """The same of the JSON that we write beside weights.

    Raises:
        CheckpointError: the two contradict each other; says in what.
    """
    fields = said.config(isinstance(config, TRMConfig))
    _check_numbers(said, fields, asdict(config) | {"puzzle_width": fields.get("puzzle_width")})


def _check_numbers(said: Told, fields: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    keys = {field: key for key, field in KEYS.items()} | {"layers": "L_layers"}
    for field in sorted(keys.keys() & fields.keys() & others.keys()):
        if fields[field] != others[field]:
            raise _contradiction(said, f"arch.{keys[field]}", fields[field], others[field])


def _contradiction(said: Told, key: str, there: object, here: object) -> CheckpointError:
    return CheckpointError(
        f"{said.path} says {key} {there} and the weights {here}, so they are of two runs; put the right "
        "one beside them, or none"
    )
