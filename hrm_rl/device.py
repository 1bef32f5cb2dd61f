"""Where and in which number format to compute."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager

import torch
from torch import nn


def resolve_device(name: str = "auto") -> torch.device:
    """ "auto": cuda, then mps, then cpu; anything else as torch names it.

    Raises:
        ValueError: torch does not know the device, or this machine does not have it.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f'device must be "auto", "cpu", "cuda" or "mps", got "{name}"') from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f'device "{name}" is not available on this machine; use "auto" or "cpu"')
    return device


def resolve_dtype(name: str, device: torch.device) -> torch.dtype:
    """The autocast format: "auto" is bfloat16 on GPUs that have it and CPUs with AMX tiles, else float32.

    Other CPUs compute bfloat16 products several times slower than float32 ones.
    """
    if name != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = device.type == "cpu" and bool(torch.cpu.get_capabilities().get("amx_bf16"))
    return torch.bfloat16 if fast else torch.float32


def autocast(dtype: torch.dtype, device: torch.device) -> AbstractContextManager[object]:
    """Autocast to `dtype`; with float32 it changes nothing."""
    return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)


def compile_segment(model: nn.Module) -> None:
    """Compile `model.segment` in place; where that fails (no compiler), warn once and stay eager."""
    eager = model.segment
    fast = torch.compile(eager, dynamic=False)

    def segment(*args: object) -> object:
        nonlocal fast
        try:
            return fast(*args)
        except Exception as error:  # the backend's errors share no useful base class
            if fast is eager:
                raise
            first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            warnings.warn(f"torch.compile failed, going on without it: {first_line}", stacklevel=2)
            fast = eager
            return eager(*args)

    model.segment = segment  # type: ignore[assignment]
