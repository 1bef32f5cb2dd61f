"""Hierarchical Reasoning Models, and their halting as a reinforcement-learning environment.

Importing this package registers the environment ids with Gymnasium and nothing else: the public
names below load their module, and with it torch, on first use. Functions that share their name
with a module (`hrm_rl.training.train.train`) are not lifted up here, since the import system would put the
module in their place.
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

from hrm_rl.envs import register_envs

if TYPE_CHECKING:
    from hrm_rl.models.checkpoint import load_model, save_model
    from hrm_rl.models.hrm import HRM, HRMConfig
    from hrm_rl.training.config import TrainConfig

__version__ = "0.1.0"

__all__ = [
    "HRM",
    "HRMConfig",
    "TrainConfig",
    "__version__",
    "load_model",
    "register_envs",
    "save_model",
]

_PUBLIC: Final = {
    "HRM": "hrm_rl.models.hrm",
    "HRMConfig": "hrm_rl.models.hrm",
    "TrainConfig": "hrm_rl.training.config",
    "load_model": "hrm_rl.models.checkpoint",
    "save_model": "hrm_rl.models.checkpoint",
}
"""Public name -> the module that defines it."""


def __getattr__(name: str) -> Any:
    """Load a public name from its module (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'hrm_rl' has no attribute {name!r}")
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value  # the next use does not come through here
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not, beside what is here already."""
    return sorted({*globals(), *__all__})


register_envs()
