"""The weights that a run starts from: those of another run, whose blocks may be fewer."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from hrm_rl.models import config_to
from hrm_rl.models.checkpoint import load_model
from hrm_rl.training.config import TrainConfig

HAVE_NO_WEIGHTS = ("H_cycles", "L_cycles", "gradient", "start", "noise")
BLOCKS = ("H_layers", "L_layers", "layers")
WRITE = ("o_proj.weight", "down_proj.weight")
"""What a block adds to its input goes through these."""


def deepened(weights: dict[str, Tensor], fresh: dict[str, Tensor]) -> dict[str, Tensor]:
    """A deeper model's weights that compute what a shallower one's do.

    The blocks that come on top read by weights of their own, as drawn, and add nothing yet: zero is
    what they write by, and what a block passes on is normed already. They learn from the first step
    on (Net2Net, arXiv 1511.05641, has identity matrices to this end).

    Args:
        weights: the state dict of the shallower model.
        fresh: that of the deeper one, as made.

    Returns:
        A state dict of the deeper one.
    """
    new = {name: value for name, value in fresh.items() if name not in weights}
    quiet = {name: torch.zeros_like(value) for name, value in new.items() if name.endswith(WRITE)}
    return weights | new | quiet


def initial_weights(config: TrainConfig, fresh: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `config.init` names, for a model whose own weights are `fresh`.

    The architecture must be the same, but for what has no weights; there may be more blocks
    (`deepened`).

    Raises:
        ValueError: a run that is not there, or another architecture.
        CheckpointError: what is there is no checkpoint.
    """
    run = Path(config.init)
    if run.parent.name == "runs" and not run.exists():
        raise ValueError(
            f"the run starts from the weights of {run}, which is not there; make that first, as by "
            f"hrm-rl train {run.name}, or give other weights, or none: --init ''"
        )
    model, _ = load_model(config.init)
    has, wants = config_to(model.config), config_to(config.model)
    may = dict.fromkeys([*HAVE_NO_WEIGHTS, *BLOCKS])
    shallower = any(has[name] > wants[name] for name in BLOCKS if name in has and name in wants)
    if has | may != wants | may or shallower:
        raise ValueError(
            f"{config.init} has another architecture ({model.config}); start from one like "
            f"{config.model}, of as many layers or fewer"
        )
    deeper = any(has[name] < wants[name] for name in BLOCKS if name in has)
    if deeper and has.get("token_mixer") == "mlp":
        raise ValueError(
            f"{config.init} has fewer layers, and more would change what it computes: the MLP token "
            "mixer norms over positions; give as many layers"
        )
    return deepened(model.state_dict(), fresh)
