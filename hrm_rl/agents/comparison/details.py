"""What needs the whole bank beside where a policy halts: where errors and segments go, how far to trust Q.

Suffixes: M segments, P puzzles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hrm_rl.banks.bank import Bank, checked
from hrm_rl.halting import Halted
from hrm_rl.statistics import comparisons as statistics
from hrm_rl.statistics import metrics
from hrm_rl.statistics.calibration import calibration_while_alive, risk_coverage_area
from hrm_rl.statistics.metrics import Correlation, Errors


def details(bank: Bank, halted: Sequence[Halted]) -> dict[str, Any]:
    """What needs the whole bank: errors, correlations, calibration, each a mean over seeds."""
    correct_MP, rating_P = bank.correct_MP.numpy(), bank.rating_P.numpy()
    segments = [run.segment_P.numpy() for run in halted]
    q_halt_MP = logged_q_halt(bank)
    seeds = range(len(halted))
    last = bank.correct_MP[-1].numpy()
    return {
        "errors": Errors(*np.mean([metrics.errors(correct_MP, at) for at in segments], 0).tolist()),
        "with_rating": _mean([metrics.correlation(at, rating_P) for at in segments]),
        "with_first_correct": _mean(
            [metrics.correlation_with_first_correct(correct_MP, at) for at in segments]
        ),
        "q_halt": None
        if q_halt_MP is None
        else calibration_while_alive(
            np.concatenate([q_halt_MP for _ in seeds], 1),
            np.concatenate([correct_MP for _ in seeds], 1),
            np.concatenate(segments),
        ),
        "risk_coverage": float("nan")
        if q_halt_MP is None
        else float(np.mean([_risk_coverage(q_halt_MP, run) for run in halted])),
        "mcnemar": statistics.mcnemar(halted[0].correct_P.numpy(), last)
        if len(halted) == 1 and len(bank.cluster_P.unique()) == len(bank)
        else float("nan"),
    }


def _risk_coverage(q_halt_MP: np.ndarray, run: Halted) -> float:
    score_P = q_halt_MP[run.segment_P.numpy() - 1, np.arange(len(run.segment_P))]
    return risk_coverage_area(score_P, run.correct_P.numpy())


def _mean(found: Sequence[Correlation]) -> Correlation:
    columns = zip(*found, strict=True)
    spearman, kendall, puzzles = (float(np.mean(column)) for column in columns)
    return Correlation(spearman, kendall, int(puzzles))


def logged_q_halt(bank: Bank) -> np.ndarray | None:
    """(M, P) logits of Q_halt, the first column of "q" and of "scalars"; None if neither is there."""
    name = next((name for name in ("q", "scalars") if name in checked(bank).columns), None)
    return None if name is None else bank.columns[name][..., 0].numpy()
