"""Calibrated rules of two sides: an upper threshold, confident, and a lower one, which gives up.

Each side is calibrated as if the other were switched off, at delta / 2. Together either only halts
puzzles that it would have halted at the same segment by itself, so each side's share of the loss is at
most what it was alone: both certificates hold for the rule, with probability 1 - delta, and its
`lost_correct` is at most alpha_up + alpha_down. Source: the two risks of Conformal Thinking
(2602.03814), whose own lower side is charged for what is right later even where the halt is right too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hrm_rl.agents.rules.calibrated import Calibrated, Loss, calibrate, lost_chance, lost_correct
from hrm_rl.agents.rules.thresholds import NEVER, Rising, TwoSided
from hrm_rl.banks.bank import Bank, play


@dataclass(frozen=True)
class BothSides:
    """A rule of two sides, and what is guaranteed of each."""

    policy: TwoSided | Rising
    up: Calibrated
    down: Calibrated


def calibrate_two_sided(
    bank: Bank,
    uppers: Sequence[float],
    lowers: Sequence[float],
    *,
    alpha_up: float,
    alpha_down: float,
    delta: float = 0.1,
    method: str = "ltt",
    patience: int = 4,
    observation: str = "q",
    loss: Loss = lost_correct,
) -> BothSides:
    """An upper threshold by `loss` at `alpha_up`, a lower one by `lost_chance` at `alpha_down`.

    The thresholds may be given in any order.

    Raises:
        ValueError: as `calibrate`.
    """
    up = calibrate(
        bank,
        [TwoSided(u, 0.0, patience, observation) for u in sorted(uppers, reverse=True)],
        loss, alpha_up, delta / 2, method,
    )  # fmt: skip
    down = calibrate(
        bank,
        [TwoSided(1.0, low, patience, observation) for low in sorted(lowers)],
        lost_chance, alpha_down, delta / 2, method,
    )  # fmt: skip
    lower = down.policy.lower if isinstance(down.policy, TwoSided) else 0.0
    return BothSides(TwoSided(_upper(up), lower, patience, observation), up, down)


def calibrate_rising(
    bank: Bank,
    uppers: Sequence[float],
    shifts: Sequence[float],
    *,
    alpha_up: float,
    alpha_down: float,
    delta: float = 0.1,
    slopes: Sequence[float] = (0.5, 1.0, 2.0),
    ceiling: float = 0.5,
    observation: str = "q",
    loss: Loss = lost_correct,
) -> BothSides:
    """The same of a lower threshold that rises with time, by learn-then-test.

    The later it rises, the less it gives up: a family for each of the slopes. They share delta / 2, so
    that all certificates hold at once, and the rule that runs the fewest segments on the bank may be taken
    (the efficiency loss of Conformal Thinking).

    Raises:
        ValueError: no slopes, or as `calibrate`.
    """
    if not len(slopes):
        raise ValueError("slopes must be one or more, got none")
    up = calibrate(
        bank,
        [Rising(u, NEVER, ceiling, observation=observation) for u in sorted(uppers, reverse=True)],
        loss, alpha_up, delta / 2,
    )  # fmt: skip
    found = []
    for slope in slopes:
        family = [
            Rising(1.0, shift, ceiling, slope, observation)
            for shift in sorted(shifts, reverse=True)
        ]
        down = calibrate(bank, family, lost_chance, alpha_down, delta / 2 / len(slopes))
        shift = down.policy.shift if isinstance(down.policy, Rising) else NEVER
        policy = Rising(_upper(up), shift, ceiling, slope, observation)
        found.append(BothSides(policy, up, down))
    return min(found, key=lambda sides: float(play(bank, sides.policy).segment_P.double().mean()))


def _upper(up: Calibrated) -> float:
    return up.policy.upper if isinstance(up.policy, TwoSided | Rising) else 1.0
