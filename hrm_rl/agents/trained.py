"""Halting policies that were fitted, as files; some ship.

One safetensors file: the tensors of the network, and in its metadata a JSON that says what the policy
is, sees and was fitted on, with the SHA-256 of both; nothing is unpickled. `rule` reads it by its name:

    save_policy("mine.safetensors", policy, "sudoku9-fit", max_segments=16)
    score("mine.safetensors", "sudoku9-test")

What was fitted on the segments of one model says nothing of another's, and the segment number is seen
as a share of the horizon; so `check_fits` refuses another model and another horizon.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from torch import Tensor, nn

from hrm_rl import features
from hrm_rl.agents.learners.graves import ActPolicy
from hrm_rl.agents.learners.hazard import HazardPolicy
from hrm_rl.agents.learners.policies import ChancePolicy, QPolicy
from hrm_rl.agents.learners.recurrent_pg import MemoryPolicy
from hrm_rl.agents.networks import built, layers_of
from hrm_rl.agents.saved import network_of, seen_by
from hrm_rl.banks.bank import Bank, checked
from hrm_rl.banks.files import find_bank, read_bank
from hrm_rl.banks.header import weights_hash
from hrm_rl.checks import records
from hrm_rl.checks.files import parse_json
from hrm_rl.checks.numbers import choice, flag, real, whole
from hrm_rl.checks.reading import Unfit, place, shown, told
from hrm_rl.halting import MOST, Policy
from hrm_rl.models import Model, config_to, differences
from hrm_rl.models.tensorfile import FORMAT, read_sealed, save_tensors

SHIPPED: Final = Path(__file__).parents[1] / "policies"
"""The fitted policies that ship with the package."""
SUFFIX: Final = ".safetensors"
VERSION: Final = 1
LIMIT: Final = 2**26
"""Bytes of a file that is read."""


class Kind(NamedTuple):
    """A class of policies that can be saved."""

    make: Callable[..., Policy]
    outputs: range
    """How many outputs its network may have."""
    settings: Mapping[str, records.Check]
    """Its fields beside the network and what is seen."""


def _tie(name: str, value: Any) -> str:
    return choice(name, value, ("continue", "halt"))


def _share(name: str, value: Any) -> float:
    return real(name, value, low=0, high=1)


def _cost(name: str, value: Any) -> float:
    return real(name, value, low=0)


def _horizon(name: str, value: Any) -> int:
    return whole(name, value, low=2, high=MOST)


KINDS: Final[Mapping[str, Kind]] = {
    "QPolicy": Kind(QPolicy, range(2, 3), {"tie": _tie}),
    "ChancePolicy": Kind(ChancePolicy, range(1, 2), {"threshold": _share}),
    "ActPolicy": Kind(ActPolicy, range(1, 2), {"eps": _share}),
    "HazardPolicy": Kind(
        HazardPolicy, range(3, 100), {"max_segments": _horizon, "step_cost": _cost}
    ),
    "MemoryPolicy": Kind(MemoryPolicy, range(1, 2), {}),
}
"""Name of a class -> how it is kept."""
_ENTRIES: Final[Mapping[str, records.Check]] = {
    "version": lambda name, value: whole(name, value, low=VERSION, high=VERSION),
    "policy": lambda name, value: choice(name, value, KINDS),
    "settings": records.table_of(records.anything),
    "observation": records.text,
    "time_aware": flag,
    "layers": records.list_of(records.text),
    "weights": records.text,
    "max_segments": _horizon,
    "about": records.text,
}
_MODEL: Final[Mapping[str, records.Check]] = {"model": records.table_of(records.anything)}


class Saved(NamedTuple):
    """What a file holds."""

    policy: Policy
    features: int
    """Numbers that it sees, the segment number among them."""
    weights: str
    """`header.weights_hash` of the model whose segments it was fitted on; "" if there was none."""
    max_segments: int
    """The horizon that it was fitted for."""
    about: str
    """How it was fitted, in words."""
    model: Mapping[str, Any]
    """The model's config, as `config_to` has it; empty if there was none, or in older files."""


def shipped() -> list[str]:
    """Names of the policies that ship."""
    return sorted(path.stem for path in SHIPPED.glob(f"*{SUFFIX}"))


def is_saved(name: object) -> bool:
    """Whether a name is that of a policy's file, or of one that ships."""
    if not isinstance(name, (str, os.PathLike)):
        return False
    return os.fspath(name).endswith(SUFFIX) or name in shipped()


def saved_at(name: str | os.PathLike[str]) -> Path:
    """The file of a saved policy."""
    own = place("the name of a saved policy", name)
    return SHIPPED / f"{own}{SUFFIX}" if str(own) in shipped() else own


def load_policy(name: str | os.PathLike[str]) -> Policy:
    """The policy in a file, or a shipped one ("sudoku9-exact_pg"), for any bank or model.

    Raises:
        ValueError: no such file, or none of a policy, or damaged.
    """
    return read_saved(name).policy


def read_saved(name: str | os.PathLike[str]) -> Saved:
    """The policy in a file or a shipped one, and what it was fitted on.

    Raises:
        ValueError: as `load_policy`.
    """
    path = saved_at(name)
    with told(
        path, "get it again, or fit and save it again", blame="is no policy that can be read"
    ):
        if path.stat().st_size > LIMIT:
            raise Unfit(f"it has more than the {LIMIT:,} bytes that are read")
        tensors, metadata = read_sealed(path)
        if metadata.keys() != {*FORMAT, "policy"}:
            raise Unfit("it holds tensors, as weights of a model do, and says of no policy")
        said = records.record(parse_json(metadata["policy"]), _ENTRIES, _MODEL)
        kind = KINDS[said["policy"]]
        settings = records.record(said["settings"], kind.settings)
        network, seen = _built(said["policy"], said["layers"], tensors)
        policy = kind.make(
            network=network,
            observation=said["observation"],
            time_aware=said["time_aware"],
            **settings,
        )
    model = said.get("model", {})
    return Saved(policy, seen, said["weights"], said["max_segments"], said["about"], model)


def save_policy(
    path: str | os.PathLike[str],
    policy: Policy | Any,
    on: Bank | Model | str | Path,
    *,
    max_segments: int,
    observation: str = "",
    about: str = "",
) -> Path:
    """Write `path.safetensors` and say where it is: whole or not at all.

    Args:
        policy: what a learner with a network returned (`KINDS`), or an algorithm of
            stable-baselines3 with an MlpPolicy of two actions.
        on: whose segments it was fitted on: a bank, or its name or folder, or a model.
        max_segments: the horizon that it was fitted for, which scales the segment number it sees.
        observation: what an algorithm was shown, if its width fits several sets.
        about: how it was fitted, in one line.

    Raises:
        ValueError: another policy, one that does not see what `on` shows, or no such bank; a
            CheckpointError where the file cannot be written.
    """
    path = place("path", path)
    path = Path(f"{str(path).removesuffix(SUFFIX)}{SUFFIX}")
    on = read_bank(find_bank(on, "fit")) if isinstance(on, (str, Path)) else on
    policy = _with_network(policy, on, observation)
    kind, name = KINDS[type(policy).__name__], type(policy).__name__
    fields = {field.name: getattr(policy, field.name) for field in dataclasses.fields(policy)}
    network = fields.pop("network")
    content = {
        "version": VERSION,
        "policy": name,
        "settings": {key: fields[key] for key in kind.settings},
        "observation": fields["observation"],
        "time_aware": fields["time_aware"],
        "layers": layers_of(network),
        "weights": _weights(on),
        "max_segments": max_segments,
        "about": about,
        "model": {} if on.config is None else config_to(on.config),
    }
    records.record(content, _ENTRIES, _MODEL)
    tensors = {key: value.detach().cpu() for key, value in network.state_dict().items()}
    _, seen = _built(name, content["layers"], tensors)
    if seen != (there := _width(on, fields["observation"], fields["time_aware"])):
        raise ValueError(f"the policy sees {seen} numbers, and {fields['observation']} has {there}")
    save_tensors(path, tensors, {**FORMAT, "policy": json.dumps(content)})
    return path


def check_fits(name: object, on: Bank | Model, max_segments: int) -> None:
    """Refuse a saved policy that was not fitted on segments such as these; other names pass.

    Raises:
        ValueError: it was fitted on another model's, for another horizon, or sees something else.
    """
    if not isinstance(name, (str, os.PathLike)) or not is_saved(name):
        return
    saved, there = read_saved(name), _weights(on)
    cure = "fit it on these and save it again, or pass the object that hrm_rl.load_policy returns"
    label, what = shown(name), "the bank" if isinstance(on, Bank) else "the model"
    if saved.weights and there and saved.weights != there:
        raise ValueError(
            f"{label} was fitted on segments of other weights than {what} has "
            f"({saved.weights[:8]}, not {there[:8]}); {cure}"
        )
    own = config_to(on.config) if saved.model and on.config else saved.model
    if apart := differences(saved.model, own, but="gradient"):  # which no segment shows
        raise ValueError(f"{label} and {what} differ in what thinks: {apart}; {cure}")
    time_aware = getattr(saved.policy, "time_aware", True)
    if time_aware and saved.max_segments != max_segments:
        raise ValueError(
            f"{label} was fitted for {saved.max_segments} segments at most, got {max_segments}; {cure}"
        )
    observation = saved.policy.observation
    if saved.features != (width := _width(on, observation, time_aware)):
        seen = f"{saved.features} numbers, and {observation} of {what} has {width}"
        raise ValueError(f"{label} sees {seen}; {cure}")


def _with_network(policy: Any, on: Bank | Model, observation: str) -> Any:
    """A policy that is kept as it is, or what an algorithm of stable-baselines3 comes to as one."""
    algorithm = getattr(policy, "algorithm", policy)
    if any(base.__module__.startswith("stable_baselines3.") for base in type(algorithm).__mro__):
        network, width = network_of(algorithm)
        if algorithm is policy:
            widths = {name: _width(on, name, False) for name in _sets(on)}
            return QPolicy(network, *seen_by(width, widths, observation))
        return QPolicy(network, policy.observation, policy.time_aware)
    if type(policy) not in {kind.make for kind in KINDS.values()}:
        raise ValueError(
            f"a {type(policy).__name__} cannot be saved: those of {', '.join(KINDS)} can, and "
            "MlpPolicy of stable-baselines3; a rule is kept by its name, such as stable-2"
        )
    return policy


def _built(
    kind: str, layers: Sequence[str], tensors: Mapping[str, Tensor]
) -> tuple[nn.Module, int]:
    """A network of such a policy, and how many numbers it sees."""
    network, seen, outputs = built(layers, tensors)
    if outputs not in KINDS[kind].outputs:
        raise Unfit(f"the network of a {kind} has not {outputs} outputs")
    return network, seen


def _weights(on: Bank | Model) -> str:
    return on.weights if isinstance(on, Bank) else weights_hash(on)


def _sets(on: Bank | Model) -> list[str]:
    """Observation sets that are there, the narrow ones first."""
    if not isinstance(on, Bank):
        return list(features.OBSERVATIONS)
    return [*checked(on).columns, *["q"] * ("scalars" in on.columns and "q" not in on.columns)]


def _width(on: Bank | Model, observation: str, time_aware: bool) -> int:
    """Numbers that a policy sees of an observation set.

    Raises:
        ValueError: there is no such set.
    """
    choice("observation of the policy", observation, _sets(on))
    if isinstance(on, Bank) and observation in on.columns:
        return on.columns[observation].shape[-1] + time_aware
    return len(features.bounds(observation, on.config, time_aware)[0])  # type: ignore[arg-type]
