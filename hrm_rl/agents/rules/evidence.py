"""The rule that gathers evidence against "the model cannot solve this", and halts at 1 / alpha.

A score is compared with those of a pool of hard negatives: the highest score of each puzzle that the
model never solved. That gives a p-value, which a calibrator turns into an e-value, of mean 1 or less
if the puzzle is one of those; their product over segments is the evidence E. By Ville's inequality
E >= 1 / alpha ever happens to a puzzle that cannot be solved with probability alpha or less, whenever
one looks.

What that rests on: given its earlier scores, a score of such a puzzle is no higher than one drawn from
the pool. Noise that is new in every segment has that; a puzzle that once scored high and then
scores high again for the same reason has not, and E counts the one reason every time. Measure the share
that halts on a bank that the pool is not from.

Source: Cho and Sun 2026 (2605.12947), of whom the pool, the e-process and its bound are; the calibrator
is the usual power of Vovk and Wang 2021 (1912.06116).

Shapes: N hard negatives, B rows, F features, K rows that stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.banks.bank import Bank, checked, observe
from hrm_rl.checks.numbers import real
from hrm_rl.halting import Remembers


def p_value(score_B: Float[Tensor, " B"], pool_N: Float[Tensor, " N"]) -> Float[Tensor, " B"]:
    """(1 + number of the pool that score as high) / (N + 1), of a sorted pool; 1 if it is empty."""
    below_B = torch.searchsorted(pool_N, score_B.contiguous())
    return (1 + len(pool_N) - below_B).double() / (len(pool_N) + 1)


def log_e_value(p_B: Float[Tensor, " B"], kappa: float) -> Float[Tensor, " B"]:
    """Logarithm of kappa p^(kappa - 1), whose mean over a uniform p is 1."""
    return log(kappa) + (kappa - 1) * p_B.log()


def hard_negatives(bank: Bank, observation: str = "q") -> tuple[float, ...]:
    """The highest score, before the last segment, of each puzzle that is never right; sorted.

    The score is the first column of the observation.

    Raises:
        ValueError: the bank lacks the observation.
    """
    decisions = range(1, max(checked(bank).max_segments, 2))
    score_DP = torch.stack([observe(bank, observation, m, False)[:, 0] for m in decisions])
    never_P = ~bank.correct_MP.any(0)
    return tuple(score_DP[:, never_P].amax(0).double().sort().values.tolist())


@dataclass(frozen=True)
class Evidence(Remembers):
    """Halt where the evidence that this puzzle is none of the hard negatives reaches 1 / `alpha`.

    It never gives up: what cannot be solved is to run to the end.
    """

    pool: tuple[float, ...]
    """Scores of hard negatives (`hard_negatives`); without any there is never evidence."""
    alpha: float = 0.1
    """The share of puzzles that cannot be solved and may yet halt early."""
    kappa: float = 0.5
    """Of the calibrator: near 0 it waits for one score above all of the pool, near 1 for many."""
    observation: str = "q"
    """Its first column is the score."""

    def __post_init__(self) -> None:
        for name in ("alpha", "kappa"):
            real(name, getattr(self, name), low=0, high=1, inside=True)
        if list(self.pool) != sorted(self.pool):
            raise ValueError("pool must be sorted, lowest score first; hard_negatives sorts it")

    def begin(self, rows: int) -> Gathering:
        return Gathering(self)


class Gathering:
    """An `Evidence` in the middle of episodes; a row whose segment is 1 begins a new one."""

    def __init__(self, rule: Evidence) -> None:
        self.rule, self.observation = rule, rule.observation
        self.pool_N = torch.tensor(rule.pool, dtype=torch.float64)
        self.log_e_B = torch.zeros((), dtype=torch.float64)

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        p_B = p_value(obs_BF[:, 0].double(), self.pool_N.to(obs_BF.device))
        new_B = log_e_value(p_B, self.rule.kappa)
        self.log_e_B = torch.where(m_B == 1, 0.0, self.log_e_B) + new_B
        return self.log_e_B >= -log(self.rule.alpha)

    def keep(self, index_K: Int[Tensor, " K"]) -> None:
        """Rows that go on; the others have left."""
        self.log_e_B = self.log_e_B[index_K.to(self.log_e_B.device)]
