"""Where and in which number format to compute."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from hrm_rl.loop import SegmentModel


def resolve_device(name: str = "auto") -> torch.device:
    """ "auto": cuda, then mps, then cpu; anything else as torch names it.

    Raises:
        ValueError: torch does not know the device, or this machine does not have it.
    """
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if has_cuda else "mps" if has_mps else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f'device must be "auto", "cpu", "cuda" or "mps", got "{name}"') from error
    missing = {"cuda": not has_cuda, "mps": not has_mps}
    if missing.get(device.type) or (
        device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    ):
        raise ValueError(f'device "{name}" is not available on this machine; use "auto" or "cpu"')
    return device


def resolve_dtype(name: str, device: torch.device) -> torch.dtype:
    """The autocast format: "float32", "bfloat16", or "auto".

    "auto" is bfloat16 on GPUs that have it and CPUs with AMX tiles, else float32: other CPUs
    compute bfloat16 products several times slower than float32 ones.
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
    if dtype == torch.float32:
        return nullcontext()  # not every device has an autocast to switch off
    return torch.autocast(device.type, dtype=dtype)


def compile_segment(model: SegmentModel) -> None:
    """Compile `model.segment` in place; where that fails (no compiler), warn once and stay eager.

    Both give the same numbers up to rounding.
    """
    eager: Callable[..., Any] = model.segment
    fast: Callable[..., Any] = torch.compile(eager, dynamic=False)

    def segment(*args: object) -> Any:
        nonlocal fast
        try:
            return fast(*args)
        except Exception as error:  # the backends' errors share no base class of their own
            if fast is eager:
                raise
            lines = str(error).strip().splitlines() or [type(error).__name__]
            warnings.warn(f"torch.compile failed, going on without: {lines[0]}", stacklevel=2)
            fast = eager
            return eager(*args)

    model.segment = segment  # type: ignore[assignment, method-assign]
