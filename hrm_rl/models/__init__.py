"""Architectures: one file each, all in the shape of `base.Model`, and the table of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from types import MappingProxyType
from typing import Any, Final, cast

from hrm_rl.checks.numbers import choice, did_you_mean
from hrm_rl.checks.reading import shown
from hrm_rl.models.base import Carry, Model, ModelConfig, Output
from hrm_rl.models.etrm import ETRM, ETRMConfig
from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.models.stepper import Stepper, StepperConfig
from hrm_rl.models.transformer import Transformer, TransformerConfig
from hrm_rl.models.trm import TRM, TRMConfig
from hrm_rl.models.universal import Universal, UniversalConfig

__all__ = [
    "MODELS",
    "AnyConfig",
    "Carry",
    "Model",
    "ModelConfig",
    "Output",
    "build",
    "config_from",
    "config_to",
    "differences",
    "fitting",
]

AnyConfig = HRMConfig | TRMConfig | ETRMConfig | TransformerConfig | UniversalConfig | StepperConfig
"""The config of any architecture."""

MODELS: Final[Mapping[str, tuple[type[AnyConfig], type[Model]]]] = MappingProxyType(
    {
        "hrm": (HRMConfig, HRM),
        "trm": (TRMConfig, TRM),
        "etrm": (ETRMConfig, ETRM),
        "transformer": (TransformerConfig, Transformer),
        "universal": (UniversalConfig, Universal),
        "stepper": (StepperConfig, Stepper),
    }
)
"""Config and module of every architecture, by what "kind" in a JSON says; left out, it is "hrm"."""


def build(config: ModelConfig) -> Model:
    """A model of this config with new weights, drawn from torch's global generator."""
    _, model = MODELS[_kind(config)]
    return model(cast(AnyConfig, config))


def config_to(config: ModelConfig) -> dict[str, Any]:
    """A config as what JSON can hold."""
    return {"kind": _kind(config), **asdict(cast(AnyConfig, config))}


def config_from(values: Mapping[str, Any]) -> AnyConfig:
    """What `config_to` wrote; without a "kind", the config that has these fields, or an older HRM's.

    Raises:
        ValueError: no such architecture, or fields that are not its own, missing or out of range.
    """
    known = dict(values)
    kind = known.pop("kind", None) or _kind_of(known)
    config, _ = MODELS[choice("the architecture", kind, MODELS)]
    return config(**fitting(config, known))


def fitting(
    config: type[AnyConfig],
    values: Mapping[str, Any],
    cure: str = "was it written by a later version?",
) -> dict[str, Any]:
    """`values`, which are fields of this config and all that it cannot be made without.

    Args:
        cure: what to do about one that is no field of it, where nothing like it is.

    Raises:
        ValueError: one is no field of it, or one is missing.
    """
    kind = next(kind for kind, (made_of, _) in MODELS.items() if made_of is config)
    names = [field.name for field in fields(config)]
    if foreign := sorted(str(name) for name in values.keys() - set(names)):
        cure = did_you_mean(foreign[0], names) or cure
        raise ValueError(f"a config of {kind} has no {shown(foreign[0][:80])}; {cure}")
    for field in fields(config):
        if field.default is MISSING and field.name not in values:
            raise ValueError(f"a config of {kind} lacks {field.name}; was the file cut short?")
    return dict(values)


def differences(one: Mapping[str, Any], other: Mapping[str, Any], but: str = "") -> str:
    """Where two configs, as `config_to` has them, differ: "noise 0.0 and 0.3"; "" if nowhere.

    Args:
        but: a field that may differ.
    """
    return ", ".join(
        f"{name} {one.get(name)!s:.40} and {other.get(name)!s:.40}"
        for name in {**one, **other}
        if name != but and one.get(name) != other.get(name)
    )


def _kind_of(values: Mapping[str, Any]) -> str:
    same = (k for k, (c, _) in MODELS.items() if {f.name for f in fields(c)} == values.keys())
    return next(same, "hrm")


def _kind(config: ModelConfig) -> str:
    return next(kind for kind, (made_of, _) in MODELS.items() if made_of is type(config))
