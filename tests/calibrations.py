"""Banks to calibrate on: written by hand, and drawn."""

from functools import cache

import torch
from banks import bank_of

from hrm_rl.banks.bank import Bank
from hrm_rl.banks.synthetic import bank_noisy


def bank_like(rows: list[str]) -> Bank:
    """A bank from one string for each puzzle, "+" where a segment is right."""
    correct_PM = torch.tensor([[mark == "+" for mark in row] for row in rows])
    return bank_of(correct_PM.T)[0]


@cache
def noisy(puzzles: int, seed: int) -> Bank:
    return bank_noisy(puzzles, seed=seed)
