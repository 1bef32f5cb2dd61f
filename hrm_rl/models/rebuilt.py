"""A model of given weights: compared with its config before it is built, and built without a trace.

What the caller has set for its own work (a default dtype or device, inference mode, autocast, the state
of the random generators) makes no difference to a model that comes from a file, and is not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from hrm_rl.models import AnyConfig, Model, build
from hrm_rl.models.tensorfile import CheckpointError


def rebuild(config: AnyConfig, state: Mapping[str, Tensor]) -> Model:
    """A frozen model of these weights, in eval mode.

    Raises:
        CheckpointError: the weights are not those of such a model.
    """
    compare(config, state)
    with on_its_own(), Undrawn():
        model = build(config).float()
        model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def compare(config: AnyConfig, state: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not those of such a model, before it is built.

    Raises:
        CheckpointError: names or shapes differ; says the first, and the sizes.
    """
    with on_its_own(), Undrawn(), torch.device("meta"):
        expected = build(config).state_dict()  # names and shapes alone, in no memory
    if wrong := misfit(expected, state):
        sizes = (sum(value.numel() for value in one.values()) for one in (expected, state))
        counts = "{:,} weights against {:,}".format(*sizes)
        raise CheckpointError(f"the weights do not fit their config: {wrong} ({counts})")


def misfit(expected: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """The first thing in names or shapes that is not as expected, in words; "" if all is."""
    for name, tensor in expected.items():
        if name not in given:
            return f"{name} is missing"
        if given[name].shape != tensor.shape:
            return f"{name} is {tuple(given[name].shape)}, not {tuple(tensor.shape)}"
    foreign = sorted(given.keys() - expected.keys())
    return f"{foreign[0]} does not belong there" if foreign else ""


@contextmanager
def on_its_own() -> Iterator[None]:
    """Ordinary tensors on the CPU, whatever the caller has set; all of it is the thread's own."""
    with (
        torch.inference_mode(False),
        torch.autocast("cpu", enabled=False),
        torch.device("cpu"),
    ):
        yield


class Undrawn(TorchFunctionMode):
    """New weights are zeros, for others to be written over them.

    Drawing them would take most of the time that loading takes, and numbers from the caller's
    generator; setting that back would take them from other threads. Zeros and not what lay in memory:
    `trunc_normal_` draws again and again until all numbers lie within its bounds.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in _DRAWING or getattr(func, "__module__", "") == nn.init.__name__:
            drawn: Tensor = args[0] if args else kwargs["tensor"]
            drawn.detach().zero_()
            return drawn
        return func(*args, **kwargs)


_DRAWING = (Tensor.uniform_, Tensor.normal_)
