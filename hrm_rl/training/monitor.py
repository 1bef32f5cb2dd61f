"""What a window of training steps says: metrics, and whether the run diverged.

Shapes: S steps of the window, M segments, W parameters (tensors).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from hrm_rl.checks.progress import bar
from hrm_rl.training.train import TrainState

Window = list[dict[str, Tensor]]
"""What `train` yielded, step after step."""


class Diverged(ValueError):
    """A loss, a weight or a gradient is no longer finite."""


def summarise(state: TrainState, window: Window) -> dict[str, float]:
    """Means over the window's steps (losses) and over the slots that halted in it (the rest).

    Raises:
        Diverged: something in the window is not finite; says since which step, and what.
    """
    series = {name: torch.stack([sums[name] for sums in window]).cpu() for name in window[0]}
    _check(state, series)
    scalars = {name: value_S.double() for name, value_S in series.items() if value_S.dim() == 1}
    total = {name: float(value_S.sum()) for name, value_S in scalars.items()}
    halted = max(total["halted"], 1.0)
    metrics = {"step": float(state.step)}
    metrics |= {name: total[name] / len(window) for name in scalars if name.endswith("loss")}
    if "price" in series:
        metrics["price"] = float(series["price"][-1])
    return metrics | {
        "exact_accuracy": total["exact"] / halted,
        "cell_accuracy": total["cells"] / halted,
        "mean_segments": total["segments"] / halted,
        "q_halt_accuracy": total["q_halt_right"] / halted,
        "halted": total["halted"],
        "lr": state.optimizer.param_groups[0]["lr"],
        "weight_norm": float(series["weight_norms"][-1].norm()),
        "gradient_norm": float(series["gradient_norms"].norm(dim=1).mean()),
    }


def shown(
    metrics: Iterable[dict[str, float]], steps: int, title: str, done: int = 0
) -> Iterator[dict[str, float]]:
    """The metrics of a run as they come, with a progress bar of its optimiser steps from `done` on."""
    with bar(total=steps, initial=done, desc=title, unit="step", dynamic_ncols=True) as progress:
        for line in metrics:
            progress.set_postfix_str(
                f"loss {line['lm_loss']:.3f}, exact {line['exact_accuracy']:.1%} at "
                f"{line['mean_segments']:.1f} segments",
                refresh=False,
            )
            progress.update(int(line["step"]) - progress.n)
            yield line


def _check(state: TrainState, series: dict[str, Tensor]) -> None:
    """Raise at the first step with something that is not finite, and name the cause, not the rest.

    A weight that is not finite spoils the losses, and a loss the gradients.
    """
    finite = {name: value.isfinite().flatten(1).all(1) for name, value in _columns(series).items()}
    fine_S = torch.stack(list(finite.values())).all(0)
    if fine_S.all():
        return
    at = int(fine_S.int().argmin())
    names = [name for name, _ in state.model.named_parameters()]

    def bad(norms: str) -> list[str]:
        fine_W = series[norms][at].isfinite().tolist()
        return [name for name, fine in zip(names, fine_W, strict=True) if not fine]

    terms = [name for name in finite if name.endswith("_loss") and not finite[name][at]]
    weights, gradients = (
        bad("weight_norms"),
        [f"the gradient of {n}" for n in bad("gradient_norms")],
    )
    step = state.step - len(fine_S) + 1 + at
    raise Diverged(f"step {step}: {not_finite(weights or terms or gradients or ['loss'])}")


def _columns(series: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each series with steps as rows."""
    return {name: value.view(len(value), -1) for name, value in series.items()}


def not_finite(names: list[str]) -> str:
    """The sentence that says so, of at most three names."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more} {'is' if len(names) == 1 else 'are'} not finite"
