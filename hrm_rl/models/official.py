"""State dicts of the public HRM and TRM code: their names, and what weights may be."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from hrm_rl.models.hrm import HRM
from hrm_rl.models.limits import shortened
from hrm_rl.models.tensorfile import CheckpointError
from hrm_rl.models.trm import TRM

PREFIX = "model.inner."
REAL = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
"""Formats of weights; all of them become float32."""


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
    """The same in fp32 under the names of `HRM` and `TRM`, whichever of the two prefixes there was.

    Raises:
        CheckpointError: a weight is there twice.
    """
    plain = {
        name.removeprefix("_orig_mod.").removeprefix(PREFIX): value.float()
        for name, value in state.items()
    }
    if len(plain) < len(state):
        raise CheckpointError("it has some weights twice, with a prefix and without")
    plain.setdefault("puzzle_emb.weights", torch.zeros(1, 0))
    return plain


def check_weights(state: Mapping[str, Tensor]) -> None:
    """Refuse what is no weight: integers, complex or sparse numbers, more of them than the file holds.

    Raises:
        CheckpointError: something is; says what.
    """
    for name, value in state.items():
        if not isinstance(name, str):
            raise CheckpointError(f"its tensors must have names, got {shortened(name)}")
        if value.dtype not in REAL:
            raise CheckpointError(
                f"{shortened(name)} is {_plain(value.dtype)}, weights are real numbers (float32, or halves)"
            )
        if value.layout != torch.strided or value.device.type != "cpu":
            raise CheckpointError(
                f"{shortened(name)} is not stored number by number; save it dense"
            )
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise CheckpointError(
                f"{shortened(name)} claims to be {tuple(value.shape)}, and the file holds less of it"
            )


def check_finite(state: Mapping[str, Tensor]) -> None:
    """Refuse NaN and infinity, by the sum, which is finite only if all that is summed is.

    That takes 20 ms for the 27 million weights of HRM, of the 400 of loading them; `isfinite` takes 90.

    Raises:
        CheckpointError: some weight is not finite.
    """
    for name, value in state.items():
        if not value.sum().isfinite() and (count := int((~value.isfinite()).sum())):
            raise CheckpointError(
                f"{name} has {count} numbers of {value.numel()} that are not finite; take a checkpoint "
                "from before the training diverged"
            )


def rounded(state: Mapping[str, Tensor]) -> str:
    """The format of weights that were rounded when they were written, "" if they were not.

    The initial states are stored in the format that the public code computes in, and do not count.
    """
    dtypes = {v.dtype for name, v in state.items() if not name.endswith(("H_init", "L_init"))}
    return ", ".join(sorted(_plain(dtype) for dtype in dtypes - {torch.float32, torch.float64}))


def _plain(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
