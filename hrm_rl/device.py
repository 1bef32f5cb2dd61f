"""Where and in which number format to compute."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Final

import torch


def resolve_device(name: str | torch.device = "auto") -> torch.device:
    """ "auto": cuda, then mps, then cpu; anything else as torch names it.

    Raises:
        ValueError: torch does not know the device, or this machine does not have it.
    """
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if has_cuda else "mps" if has_mps else "cpu")
    # Read here, since torch.device("cuda:256") is cuda:0: it keeps the number's last eight bits.
    parts = re.fullmatch(r"([a-z]+)(?::([0-9]{1,9}))?", str(name))
    try:
        device = torch.device(parts[1] if parts else "")
    except RuntimeError as error:
        raise ValueError(
            f'device must be "auto", "cpu", "cuda" or "mps", got "{name}"; a number may follow, as '
            'in "cuda:1"'
        ) from error
    index = int(parts[2] or 0) if parts else 0
    if not _is_there(device, index, has_cuda, has_mps):
        raise ValueError(f'device "{name}" is not available on this machine; use "auto" or "cpu"')
    return torch.device(device.type, index) if parts and parts[2] else device


def _is_there(device: torch.device, index: int, has_cuda: bool, has_mps: bool) -> bool:
    if device.type == "cuda":
        return has_cuda and index < torch.cuda.device_count()
    if device.type == "mps":
        return has_mps and index == 0
    try:
        torch.empty(0, device=torch.device(device.type, index))
    except (RuntimeError, ImportError, AssertionError):  # each kind of device has its own
        return False
    return index == 0 or device.type not in ("cpu", "meta")


def resolve_dtype(name: str, device: torch.device) -> torch.dtype:
    """The autocast format: "float32", "bfloat16", or "auto".

    "auto" is bfloat16 on GPUs that have it and CPUs with instructions for it (AMX tiles or AVX-512's
    dot products), else float32: other CPUs compute bfloat16 products several times slower than float32
    ones.
    """
    if name != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has = torch.cpu.get_capabilities() if device.type == "cpu" else {}
        fast = bool(has.get("amx_bf16") or has.get("avx512_bf16"))
    return torch.bfloat16 if fast else torch.float32


def autocast(dtype: torch.dtype, device: torch.device) -> AbstractContextManager[object]:
    """Autocast to `dtype`; with float32 it changes nothing."""
    if dtype == torch.float32:
        return nullcontext()  # not every device has an autocast to switch off
    return torch.autocast(device.type, dtype=dtype)


# --- what surrounds a computation -----------------------------------------------------------------


@contextmanager
def lighten(cure: str) -> Iterator[None]:
    """Out of memory in here, on any device, is a sentence that says what to lower.

    Args:
        cure: the knob, with its value if that is known: "num_envs (4096)", "slots or batch_size".

    Raises:
        ValueError: there was too little memory.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        asked = re.search(
            r"[Tt]ried to allocate ([\d.]+ ?\w+)|Unable to allocate ([\d.]+ ?\w+)", str(error)
        )
        size = f", {asked[1] or asked[2]} at once" if asked else ""
        raise ValueError(f"there is not enough memory for this{size}; lower {cure}") from error


_TOO_LITTLE: Final = (
    "out of memory",  # CUDA, MPS
    "can't allocate memory",  # CPU
    "not enough memory",  # CPU on Windows
    "alloc_failed",  # cuBLAS, cuDNN
    "storage size calculation overflowed",
    "invalid buffer size",  # MPS
)
"""What torch says in a RuntimeError when there is too little memory, in lower case."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is too little memory, on whatever device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return any(words in str(error).lower() for words in _TOO_LITTLE)


@contextmanager
def shelter(gradients: bool = False) -> Iterator[None]:
    """Compute as if nobody had changed torch's defaults around us.

    Default number format and device, autocast, inference mode and gradients are the caller's own,
    for the caller's own network; what a model shows must not depend on them.
    """
    made = torch.empty(0)  # asks for all defaults at once
    casts = [kind for kind in _CASTS if torch.is_autocast_enabled(kind)]
    plain = made.dtype == torch.float32 and made.device.type == "cpu" and not made.is_inference()
    with torch.set_grad_enabled(gradients):
        if plain and not casts:
            yield
        else:
            with _own_defaults(casts, gradients):
                yield


_CASTS: Final = ("cpu", "cuda", "mps", "xpu")
"""Kinds of devices that torch can autocast on."""


@contextmanager
def _own_defaults(casts: Iterable[str], gradients: bool) -> Iterator[None]:
    dtype = torch.get_default_dtype()
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.set_grad_enabled(gradients))  # the mode above allows them
        stack.enter_context(torch.device("cpu"))
        for kind in casts:
            stack.enter_context(torch.autocast(kind, enabled=False))
        stack.callback(torch.set_default_dtype, dtype)
        torch.set_default_dtype(torch.float32)
        yield
