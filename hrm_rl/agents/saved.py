"""An algorithm that stable-baselines3 saved, as a policy, without unpickling anything.

`PPO.load` unpickles what it finds beside the weights. Here the tensors alone are read (as torch does
with `weights_only`), and the layers are told from their names and shapes, so that neither the
algorithm's name nor stable-baselines3 is needed.

Shapes: F features.
"""

from __future__ import annotations

import io
import os
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from hrm_rl.agents.learners.inputs import CLIP, Standardise
from hrm_rl.checks.files import parse_json
from hrm_rl.checks.reading import Unfit, shown

ACTIVATIONS: Final = {"Tanh": nn.Tanh, "ReLU": nn.ReLU, "ELU": nn.ELU, "SiLU": nn.SiLU}
"""Activation functions by the end of the name that SB3 writes down."""
CURE = "load it with stable-baselines3 and pass the algorithm itself"
LIMIT: Final = 2**28
"""Bytes of a part that are read."""
_ACTOR, _Q = "mlp_extractor.policy_net", "q_net.q_net"


def read_network(path: str | os.PathLike[str]) -> tuple[nn.Sequential, int]:
    """The network that acts, of what is seen, (B, F) -> two scores with halting FIRST, and F.

    MlpPolicy of PPO, A2C, TRPO, MaskablePPO and DQN, and what our learners make of them. An
    observation that `VecNormalize` scaled is not scaled here: it is saved elsewhere.

    Raises:
        ValueError: no such file, or a policy of another kind.
    """
    try:
        data, state = _parts(Path(path))
        return _network(state, _activation(data))
    except (KeyError, OSError, RuntimeError, EOFError, ValueError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        raise ValueError(
            f"{shown(path)} is no policy that can be read ({reason}); {CURE}"
        ) from None
    except pickle.UnpicklingError:
        raise ValueError(f"{shown(path)} holds more than tensors; {CURE}") from None


def network_of(algorithm: Any) -> tuple[nn.Sequential, int]:
    """The same of an algorithm that is at hand; how `VecNormalize` scaled observations goes before it.

    Raises:
        ValueError: a policy of another kind, or observations that were clipped elsewhere than at 10.
    """
    state, activation = algorithm.policy.state_dict(), algorithm.policy.activation_fn
    try:
        network, width = _network(state, activation)
        normalizer = algorithm.get_vec_normalize_env()
        if normalizer is None or not normalizer.norm_obs:
            return network, width
        if normalizer.clip_obs != CLIP:
            raise Unfit(f"its VecNormalize clips at {normalizer.clip_obs:g}, not at {CLIP:g}")
    except (AttributeError, KeyError, ValueError) as error:
        name = type(algorithm).__name__
        raise ValueError(
            f"{name} cannot be kept as a network ({error}); algorithm.save keeps it"
        ) from None
    scale = torch.from_numpy(normalizer.obs_rms.var + normalizer.epsilon).sqrt()
    mean = torch.from_numpy(normalizer.obs_rms.mean)
    return nn.Sequential(Standardise(mean.float(), scale.float()), *network).eval(), width


def seen_by(width: int, widths: Mapping[str, int], observation: str = "") -> tuple[str, bool]:
    """The observation set with so many numbers, and whether the segment number is one of them.

    Args:
        widths: of each set that there is, without the segment number.

    Raises:
        ValueError: there is none.
    """
    for name, columns in widths.items():
        for time_aware in (True, False):
            if columns + time_aware == width and observation in ("", name):
                return name, time_aware
    raise ValueError(
        f"the algorithm sees {width} numbers, and the bank has {dict(widths)}, each with or without "
        "the segment number; score it on a bank with the observation that it was trained on"
    )


def _parts(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The JSON that describes the algorithm, and the tensors of its policy."""
    with zipfile.ZipFile(path) as archive:
        sizes = {part.filename: part.file_size for part in archive.infolist()}
        if not {"data", "policy.pth"} <= sizes.keys():
            raise Unfit("it lacks the parts of what stable-baselines3 saves")
        if max(sizes["data"], sizes["policy.pth"]) > LIMIT:
            raise Unfit(f"it has more than the {LIMIT:,} bytes that are read")
        data = parse_json(archive.read("data"))
        state = torch.load(io.BytesIO(archive.read("policy.pth")), "cpu", weights_only=True)
    if not isinstance(state, Mapping) or not all(isinstance(t, Tensor) for t in state.values()):
        raise Unfit("its weights are no tensors by name")
    return data, dict(state)


def _activation(data: Mapping[str, Any]) -> type[nn.Module]:
    kwargs = data.get("policy_kwargs")
    named = kwargs.get("activation_fn") if isinstance(kwargs, Mapping) else None
    if named is None:
        on_policy = "gae_lambda" in data
        return nn.Tanh if on_policy else nn.ReLU  # the defaults of SB3's two kinds of MlpPolicy
    found = re.fullmatch(r"<class 'torch\.nn\.modules\.activation\.(\w+)'>", str(named))
    if found is None or found[1] not in ACTIVATIONS:
        raise Unfit(
            f"its activation function is {named!s:.60}, not one of {', '.join(ACTIVATIONS)}"
        )
    return ACTIVATIONS[found[1]]


def _network(state: Mapping[str, Tensor], activation: type[nn.Module]) -> tuple[nn.Sequential, int]:
    actor = "action_net.weight" in state
    stem, scaled = (_ACTOR, "") if actor else (_Q, "q_net.")
    layers = _numbered(state, stem)
    if actor:
        layers.append("action_net")
    if not layers or any("lstm" in name for name in state):
        raise Unfit("it is no MlpPolicy of two actions")
    modules: list[nn.Module] = []
    width = state[f"{layers[0]}.weight"].shape[-1]
    for prefix in (f"{scaled}features_extractor.standard", "pi_features_extractor.standard"):
        if f"{prefix}.mean_F" in state:
            modules = [Standardise(state[f"{prefix}.mean_F"], state[f"{prefix}.deviation_F"])]
    if not modules and any("features_extractor." in name for name in state):
        raise Unfit("it has a features extractor of its own")
    for name in layers:
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        if weight.ndim != 2 or bias.shape != weight.shape[:1]:
            raise Unfit(f"{name} is no linear layer")
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        last = name == layers[-1]
        order = [1, 0] if last else slice(None)  # SB3's action 0 is to continue
        if last and len(weight) != 2:
            raise Unfit(f"it chooses among {len(weight)} actions, not between two")
        linear.load_state_dict({"weight": weight[order], "bias": bias[order]})
        modules += [linear] if last else [linear, activation()]
    return nn.Sequential(*modules).eval(), int(width)


def _numbered(state: Mapping[str, Tensor], stem: str) -> list[str]:
    """The linear layers under a stem, in their order."""
    found = [re.fullmatch(rf"({re.escape(stem)}\.(\d+))\.weight", name) for name in state]
    numbered = sorted((int(match[2]), match[1]) for match in found if match)
    return [name for _, name in numbered]
