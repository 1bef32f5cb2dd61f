"""Segments by torch.compile: as they are in training, and without gradients in blocks of rows."""

from __future__ import annotations

import copy
import inspect
import re
import warnings
from collections.abc import Callable
from typing import Any, Final, TypeVar

import torch

from hrm_rl.loop import SegmentModel, check_model, each, take

M = TypeVar("M", bound=SegmentModel)


def compile_segment(model: SegmentModel) -> None:
    """Compile `model.segment` in place; where that fails (no compiler), warn once and stay eager.

    Both give the same numbers up to rounding; on a CPU graphs are left as they are written (`_PLAIN`). A
    model has torch's limit of recompilations to itself, and 64 in place of 8, where torch can do that
    (2.13 can); else all models of a class share 8, and torch says so where it goes on without compiling.
    """
    eager: Callable[..., Any] = model.segment
    how = _PLAIN if _on_cpu(model) else {}
    fast: Callable[..., Any] = torch.compile(eager, dynamic=False, **_OWN_LIMIT, **how)

    def segment(*args: object) -> Any:
        nonlocal fast
        try:
            return fast(*args)
        except Exception as error:  # the backends' errors share no base class of their own
            if fast is eager:
                raise
            said = _short(error)
            cure = "; install g++ or clang, or compile nothing" if "C++ compiler" in said else ""
            warnings.warn(f"torch.compile failed, going on without: {said}{cure}", stacklevel=2)
            fast = eager
            return eager(*args)

    model.segment = segment  # type: ignore[assignment, method-assign]


def _on_cpu(model: SegmentModel) -> bool:
    return bool(model.initial(1).z_H.device.type == "cpu")


def of_compiler(error: BaseException) -> str:
    """What to do about an error of torch's compiler, which comes as late as in a backward pass; "" of others.

    A process that is killed while its compiler links leaves an empty file in torch's cache, on which
    every later one fails.
    """
    if not type(error).__module__.startswith(("torch._inductor", "torch._dynamo")):
        return ""
    said = _short(error)
    broken = re.search(r"(\S+\.so): file too short", said)
    cure = f"remove {broken[1]}, which a killed process left, or " if broken else ""
    return f"torch.compile failed: {said}; {cure}go on without it (`--no-compile`)"


def _short(error: BaseException) -> str:
    """Its first line that says anything: "backend='inductor' raised:" may stand above."""
    lines = [line for line in str(error).strip().splitlines() if not line.endswith("raised:")]
    return (lines or [type(error).__name__])[0]


_OWN_LIMIT: Final[dict[str, Any]] = {
    name: value
    for name, value in (("isolate_recompiles", True), ("recompile_limit", 64))
    if name in inspect.signature(torch.compile).parameters
}

_PLAIN: Final[dict[str, Any]] = {"options": {"pattern_matcher": False}}
"""torch's rewriting of graphs puts its fused attention where ours is plain, among others; on a CPU all
of it costs 4 to 9 % of a segment's speed (docs/speed.md)."""

BLOCK: Final = 16
"""Rows that `compiled` computes at once, for each thread of a CPU."""
BLOCK_ELSEWHERE: Final = 256


def compiled(model: M) -> M:
    """The model for use without gradients, faster: compiled, and computed in blocks of rows.

    Blocks have one shape, so that a batch that shrinks is not compiled again and again, and on a CPU
    they fit into its caches. Answers are the same up to rounding; once there was a batch of a block or
    more, a row's do not depend on how many rows there are. The first segment takes the time of
    compiling, half a minute.

    Returns:
        A model that shares its weights with `model`, which stays as it is. A deep copy has its own.

    Raises:
        ValueError: it is no model.
    """
    check_model(model)
    fast = copy.copy(model)
    compile_segment(fast)
    one_block: Callable[..., tuple[Any, Any]] = fast.segment
    most, size = BLOCK * torch.get_num_threads() if _on_cpu(model) else BLOCK_ELSEWHERE, 1

    def segment(carry: Any, x_BT: torch.Tensor, rows_BE: torch.Tensor) -> tuple[Any, Any]:
        nonlocal size
        B = len(x_BT)
        size = max(size, min(most, 1 << (B - 1).bit_length()))
        parts = []
        for start in range(0, B, size):
            rows: Any = slice(start, start + size)
            if start + size > B:  # filled up with its last row
                rows = torch.arange(start, start + size, device=x_BT.device).clamp(max=B - 1)
            # contiguous: a fresh carry is one state, expanded, which would be compiled once more
            block = (each(torch.Tensor.contiguous, take(t, rows)) for t in (carry, x_BT, rows_BE))
            parts.append(one_block(*block))
        carries, outputs = zip(*parts, strict=True)
        return _joined(B, carries), _joined(B, outputs)

    fast.segment = segment  # type: ignore[method-assign]
    # what `segment` closes over would be shared with a copy
    vars(fast)["__deepcopy__"] = lambda memo: compiled(copy.deepcopy(model, memo))
    return fast


def _joined(B: int, parts: tuple[Any, ...]) -> Any:
    return each(lambda *tensors: torch.cat(tensors)[:B], *parts)
