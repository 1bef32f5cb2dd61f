"""What a comparison says of one policy. Mappings go from step cost to what holds at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hrm_rl.halting import Halted
from hrm_rl.statistics.calibration import Calibration
from hrm_rl.statistics.comparisons import Difference, Interval
from hrm_rl.statistics.metrics import Correlation, Errors
from hrm_rl.statistics.tails import Tail

KINDS = ("fixed", "rule", "learner", "snell", "oracle")


@dataclass(frozen=True)
class Yardstick:
    """What the values at one step cost are held against, on the bank that is scored."""

    best_m: int
    """The best fixed number of segments."""
    fixed: Halted
    prophet: Halted
    snell: Halted | None = None
    """Optimal stopping for an observation set, fitted on other puzzles."""


@dataclass(frozen=True)
class Row:
    """How one policy fared, over its seeds and the puzzles of a bank."""

    name: str
    kind: str
    """One of `KINDS`; an oracle looks at the solution."""
    seeds: int
    accuracy: Interval
    """Share of puzzles that are right where the policy halts."""
    segments: Interval
    """Mean segments at halting."""
    value: Mapping[float, Interval]
    """Mean return: 1{correct} - step cost * (segments - 1)."""
    gain: Mapping[float, Difference]
    """Value less that of the best fixed number of segments, on the same puzzles."""
    regret: Mapping[float, Interval]
    """Value of the prophet, who knows where each puzzle is right, less this one's."""
    snell_regret: Mapping[float, Interval]
    """Value of the Snell reference less this one's; empty without a reference."""
    score: Mapping[float, float]
    """0 for the best fixed number of segments, 1 for the prophet."""
    errors: Errors
    """Where answers and segments went."""
    with_rating: Correlation
    """Halting time and rating."""
    with_first_correct: Correlation
    """Halting time and first right segment."""
    q_halt: Calibration | None
    """Of the model's Q_halt over the segments that this policy sees; None if it was not logged."""
    mcnemar: float
    """p-value of being right as often as at the last segment; nan with several seeds, or with copies
    of one puzzle, which are not independent."""
    by_seed: Mapping[float, tuple[float, ...]]
    """Mean return of each seed."""
    iqm: Mapping[float, Interval]
    """Interquartile mean of `by_seed`, on which a run gone wrong counts little; empty below 5 seeds."""
    random: float
    """Accuracy of halting at random, without looking, after as many segments on average."""
    holm: Mapping[float, float] = field(default_factory=dict)
    """p-values of `gain`, adjusted for all rules and learners that are compared."""
    on_fit: Mapping[float, float] = field(default_factory=dict)
    """Mean return on the bank that was fitted on: far above `value` it is overfitted, and below what
    others have there it is an optimisation that failed. Empty where that bank was not given."""
    segments_tail: Tail = Tail()  # noqa: RUF009 # a tuple
    """95th percentile of the segments at halting, and the mean of the longest 5 % (CVaR)."""
    value_tail: Mapping[float, Tail] = field(default_factory=dict)
    """The return that 95 % reach, and the mean of the worst 5 %."""
    risk_coverage: float = float("nan")
    """Area under the risk-coverage curve of Q_halt where the policy halts; nan if it was not logged."""

    def __str__(self) -> str:
        """Two lines: how often it is right and after how long, and what that is worth."""
        seeds = f", {self.seeds} seeds" * (self.seeds > 1)
        lines = [
            f"{self.name}: {_percent(self.accuracy)} right after "
            f"{self.segments.mean:.2f} [{self.segments.low:.2f}, {self.segments.high:.2f}] segments{seeds}"
        ]
        for cost, value in self.value.items():
            line = (
                f"value at {cost:g} a segment {value.mean:.3f} [{value.low:.3f}, {value.high:.3f}]"
            )
            if gain := self.gain.get(cost):
                line += f", {gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] over the best fixed number"
            lines.append(line)
        return "\n".join(lines)


def _percent(share: Interval) -> str:
    return f"{100 * share.mean:.1f} % [{100 * share.low:.1f}, {100 * share.high:.1f}]"
