"""Made-up results of training runs, as `agents.ablation` finds them."""

from __future__ import annotations

from typing import Any

from hrm_rl.agents.ablation.grid import Cell, Done
from hrm_rl.agents.ablation.member import Result
from hrm_rl.agents.ablation.scoring import AREAS, SCORED

M = 4
"""Most segments of these runs."""


def point(
    step: int,
    accuracy: float = 0.5,
    segments: float = 2.0,
    *,
    samples: int = 0,
    own_rule: str = "q",
    training_segments: float = 2.0,
) -> dict[str, Any]:
    """What was found at a step; the run's own rule is so good, and every other is never right."""
    others = [*SCORED, "fixed-1", "fixed-2", "fixed-4"]
    rules = {name: [0.0, 1.0] for name in others} | {own_rule: [accuracy, segments]}
    return {
        "step": step,
        "forwards": step,
        "flops": 1000 * step,
        "samples": samples or 10 * step,
        "halted_after": 0,
        "training_segments": training_segments,
        "own_rule": own_rule,
        "rules": rules | {"own": [accuracy, segments]},
        "beyond": {str(limit): [accuracy, segments] for limit in (2, 4, 8, 16)},
        "accuracy_at": [accuracy * m / 16 for m in range(1, 17)],
        "areas": dict.fromkeys([*AREAS, "own"], accuracy / 2),
        "curve": [[1.0, accuracy / 4], [3.0, accuracy]],
        "frozen": {"0.01": {"own": accuracy / 2, "snell": accuracy, "fixed": 0.0}},
        "ever": accuracy,
    }


def result(*points: dict[str, Any], failed: str = "") -> Result:
    return Result(list(points), [[1, 2, 3, 4]], failed, finished=True)


def runs(**by_variant: list[float]) -> Done:
    """Runs of two points: variants by name, with the last accuracy of each seed."""
    return {
        Cell(name, seed): result(point(1, 0.0), point(2, accuracy))
        for name, accuracies in by_variant.items()
        for seed, accuracy in enumerate(accuracies)
    }
