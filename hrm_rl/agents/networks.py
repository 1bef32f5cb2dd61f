"""Networks of halting policies as lists of layers, and back: what a file of tensors does not tell.

Shapes: B rows, F features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from hrm_rl.agents.learners.inputs import Standardise
from hrm_rl.agents.learners.recurrent_pg import Memory
from hrm_rl.agents.saved import ACTIVATIONS
from hrm_rl.checks.reading import Unfit

MOST: Final = 64
"""Layers of a network."""
_MEMORY: Final = Memory.__name__
_LAYERS: Final[Mapping[str, type[nn.Module]]] = {
    "Standardise": Standardise,
    "Linear": nn.Linear,
    **ACTIVATIONS,
}


class Built(NamedTuple):
    """A network, and what goes in and comes out."""

    network: nn.Module
    features: int
    outputs: int


def layers_of(network: Any) -> list[str]:
    """The names of its layers.

    Raises:
        ValueError: a layer that has no name here.
    """
    if type(network) is Memory:
        return [_MEMORY]
    parts = list(network) if isinstance(network, nn.Sequential) else [network]
    names = [next((n for n, kind in _LAYERS.items() if type(p) is kind), "") for p in parts]
    if "" in names:
        odd = type(parts[names.index("")]).__name__
        raise ValueError(
            f"a network is of {', '.join([*_LAYERS, _MEMORY])} layers in a row, got {odd}"
        )
    return names


def built(layers: Sequence[str], tensors: Mapping[str, Tensor]) -> Built:
    """The network of these layers with these tensors, tried once. No random number is drawn.

    Raises:
        ValueError: the two do not fit each other.
    """
    if any(t.dtype != torch.float32 or not t.isfinite().all() for t in tensors.values()):
        raise Unfit("its tensors must be finite numbers in float32")
    if not 0 < len(layers) <= MOST:
        raise Unfit(f"a network has 1 to {MOST} layers, got {len(layers)}")
    try:
        with torch.device("meta"):
            network = _empty(layers, tensors)
        network.load_state_dict(dict(tensors), assign=True)
        network.eval().requires_grad_(False)
        features = _features(network)
        seen = torch.zeros(1, features)
        outputs = network(seen[None])[0] if layers == [_MEMORY] else network(seen)
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise Unfit(f"its layers {'-'.join(layers)[:80]} do not fit its tensors") from error
    return Built(network, features, 1 if layers == [_MEMORY] else int(outputs.shape[1]))


def _empty(layers: Sequence[str], tensors: Mapping[str, Tensor]) -> nn.Module:
    """A network of those shapes, without numbers."""
    if list(layers) == [_MEMORY]:
        return Memory(_standard(tensors["standard.mean_F"]), 0.0)
    modules: list[nn.Module] = []
    for i, name in enumerate(layers):
        if name == "Standardise":
            modules.append(_standard(tensors[f"{i}.mean_F"]))
        elif name == "Linear":
            outputs, inputs = tensors[f"{i}.weight"].shape
            modules.append(nn.Linear(inputs, outputs))
        else:
            modules.append(_LAYERS[name]())
    return nn.Sequential(*modules)


def _standard(mean_F: Tensor) -> Standardise:
    (features,) = mean_F.shape
    return Standardise(torch.zeros(features), torch.ones(features))


def _features(network: nn.Module) -> int:
    """What the first layer that has tensors sees."""
    for part in network.modules():
        if isinstance(part, Standardise):
            return len(part.mean_F)
        if isinstance(part, nn.Linear):
            return part.in_features
    raise Unfit("it has no layer with numbers")
