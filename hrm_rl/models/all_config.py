"""`all_config.yaml`, which the public HRM and TRM code writes beside its checkpoints.

It says what shapes do not tell: cycles, heads, the prefix of a TRM. Values are checked here one by one,
and against the tensors in `inferred.py`. The public code reads its YAML through OmegaConf, for which
1e-5 is a number; for PyYAML it is a text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from hrm_rl.checks.numbers import choice, real, whole
from hrm_rl.models.limits import HIGHEST, MANY, WIDEST, shortened
from hrm_rl.models.tasks import PUBLIC_TASKS
from hrm_rl.models.tensorfile import CheckpointError
from hrm_rl.puzzles.kinds import task_of

NAME: Final = "all_config.yaml"
LARGEST: Final = 1 << 20
"""Bytes; theirs have about a thousand."""
MOST_REFERENCES: Final = 20
DEEPEST: Final = 20

KEYS: Final[Mapping[str, str]] = {
    "hidden_size": "width",
    "num_heads": "heads",
    "H_layers": "H_layers",
    "L_layers": "L_layers",
    "H_cycles": "H_cycles",
    "L_cycles": "L_cycles",
    "vocab_size": "vocab",
    "seq_len": "length",
    "num_puzzle_identifiers": "puzzle_ids",
    "puzzle_emb_ndim": "puzzle_width",
}
"""Whole numbers: what they are called there -> a field of our configs."""
_FROM_0: Final = ("H_layers", "puzzle_emb_ndim")  # TRM has no H_level, and 0 is no embedding
POSITIONS: Final[Mapping[str, str]] = {"rope": "rotary", "learned": "learned", "none": "none"}
_FIXED: Final = {"rms_norm_eps": 1e-5, "rope_theta": 10000.0}
"""What is built in here. With another value the net would be another one."""
_ARCHITECTURES: Final = {
    "hrm.hrm_act_v1@HierarchicalReasoningModel_ACTV1": "hrm",
    "recursive_reasoning.hrm@HierarchicalReasoningModel_ACTV1": "hrm",
    "recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1": "trm",
}
_NOT_OF_THE_NET: Final = frozenset(
    {"name", "loss", "halt_exploration_prob", "forward_dtype", "no_ACT_continue", "batch_size"}
    | {"act_enabled", "act_inference", "target_q_update_every"}
)
"""Of training, and of how it is halted there."""


class Told(NamedTuple):
    """What the file says."""

    path: Path

    kind: str
    """"hrm", "trm"; "" if it does not say."""
    fields: dict[str, Any]
    """Of our configs, as far as it says them."""
    max_segments: int | None
    puzzles: tuple[str, ...]
    """Kinds of puzzles that its data folders are named after."""

    def config(self, is_trm: bool) -> dict[str, Any]:
        """Fields of a config of HRM, or of TRM, which has one network and a prefix of any length."""
        values = dict(self.fields)
        if not is_trm:
            return {key: value for key, value in values.items() if key != "puzzle_positions"}
        values.pop("H_layers", None)
        if "L_layers" in values:
            values["layers"] = values.pop("L_layers")
        return values

    def size(self, vocab: int) -> dict[str, Any]:
        """The length, which the file does not hold: a public task's, if nothing speaks against it."""
        task = task_of(PUBLIC_TASKS[vocab]) if vocab in PUBLIC_TASKS else None
        known = task is not None and (not self.puzzles or task.kind in self.puzzles)
        return {"length": task.length} if task and known else {}


def read_all_config(folder: Path) -> Told | None:
    """What lies beside a checkpoint; None if nothing does.

    Raises:
        CheckpointError: it is no such file, or says what is not supported.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        values = _parse(path)
        arch = values.get("arch")
        if not isinstance(arch, dict):
            raise ValueError("it has no `arch`, where the architecture is described")
        return _told(path, arch, values)
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise CheckpointError(
            f"{path} does not describe a model that can be built: {said}; mend it, or move it away and "
            "say what it would: load_model(path, H_cycles=..., L_cycles=..., heads=...)"
        ) from error


def _parse(path: Path) -> dict[str, Any]:
    """Plain YAML, and shallow: time grows with the square of the depth, and references to references
    without bound when they are written out.
    """
    import yaml

    if (size := path.stat().st_size) > LARGEST:
        raise ValueError(f"it has {size:,} bytes, of at most {LARGEST:,}")
    text = path.read_bytes()
    try:
        depth = references = 0
        for event in yaml.parse(text, yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            references += isinstance(event, yaml.AliasEvent)
            if depth > DEEPEST or references > MOST_REFERENCES:
                raise ValueError(
                    f"it is nested deeper than {DEEPEST}, or has over {MOST_REFERENCES} references"
                )
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "no YAML"
        raise ValueError(where + shortened(problem)) from error
    if not isinstance(values, dict):
        got = "nothing" if values is None else shortened(values)
        raise ValueError(f"it must hold keys and values, got {got}")
    return values


def _told(path: Path, arch: Mapping[Any, Any], values: Mapping[str, Any]) -> Told:
    kind = ""
    if "name" in arch:
        kind = _ARCHITECTURES[choice("arch.name", arch["name"], _ARCHITECTURES)]
    fields: dict[str, Any] = {
        field: whole(f"arch.{key}", arch[key], low=0 if key in _FROM_0 else 1, high=_most(field))
        for key, field in KEYS.items()
        if key in arch
    }
    _refuse_what_is_not_read(arch)
    if "expansion" in arch:
        fields["expansion"] = real("arch.expansion", _number(arch["expansion"]), low=0, high=WIDEST)
    if "pos_encodings" in arch:
        name = choice("arch.pos_encodings", arch["pos_encodings"], POSITIONS)
        fields["positions"] = POSITIONS[name]
    fields["token_mixer"] = "mlp" if _flag(arch, "mlp_t") else "attention"
    prefix = arch.get("puzzle_emb_len", 16)
    prefix = whole("arch.puzzle_emb_len", prefix, low=0, high=HIGHEST["puzzle_positions"])
    fields["puzzle_positions"] = prefix or None
    segments = arch.get("halt_max_steps")
    if segments is not None:
        segments = whole("arch.halt_max_steps", segments, low=1, high=10_000)
    return Told(path, kind, fields, segments, _puzzles(values))


def _refuse_what_is_not_read(arch: Mapping[Any, Any]) -> None:
    """Values that would make another net, and keys that might."""
    for key, built_in in _FIXED.items():
        value = real(f"arch.{key}", _number(arch.get(key, built_in)))
        if value != built_in:
            raise ValueError(f"arch.{key} must be {built_in}, the only one supported, got {value}")
    if _flag(arch, "causal"):
        raise ValueError("arch.causal must be false: every position sees all others here")
    known = {*KEYS, *_FIXED, *_NOT_OF_THE_NET, "expansion", "pos_encodings", "mlp_t", "causal"}
    for key in sorted(arch.keys() - known - {"puzzle_emb_len", "halt_max_steps"}, key=str):
        if arch[key] is not None and arch[key] is not False:
            raise ValueError(
                f"arch.{shortened(key)} is not known, and might make another net (if it does not, take "
                "it out)"
            )


def _number(value: Any) -> Any:
    """1e-5 is a text to PyYAML, since it has no dot."""
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d{1,20}[eE][-+]?\d{1,3}", value):
        return float(value)
    return value


def _flag(arch: Mapping[Any, Any], key: str) -> bool:
    if not isinstance(value := arch.get(key, False), bool):
        raise ValueError(f"arch.{key} must be true or false, got {shortened(value)}")
    return value


def _most(field: str) -> int:
    return HIGHEST.get(field, MANY)


def _puzzles(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The kinds of puzzles that the names of the data folders speak of."""
    paths = values.get("data_paths") or values.get("data_path") or []
    names = " ".join(str(one) for one in (paths if isinstance(paths, list) else [paths])[:100])
    return tuple(dict.fromkeys(re.findall(r"sudoku|maze|arc", names[:10_000].lower())))
