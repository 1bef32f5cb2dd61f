"""Banks made by hand, whose best policies are known in closed form."""

import numpy as np
import torch
from torch import Tensor

from hrm_rl.banks.bank import Bank
from hrm_rl.features import SCALARS
from hrm_rl.halting import Policy
from hrm_rl.puzzles import PuzzleSet, load


def bank_of(correct_MP: Tensor, **scalars: Tensor) -> tuple[Bank, PuzzleSet]:
    """A bank that is right where marked, and puzzles for it (4x4, all alike).

    Args:
        scalars: (M, P) columns of the "scalars" observation; the others are 0.
    """
    M, P = correct_MP.shape
    puzzles = load("sudoku4", "fit").take(np.zeros(P, int))
    right_PT = torch.from_numpy(puzzles.solutions_PL)
    wrong_PT = right_PT.clone()
    wrong_PT[:, 0] = right_PT[:, 1]
    columns_MPF = torch.zeros(M, P, len(SCALARS))
    for name, column_MP in scalars.items():
        columns_MPF[..., SCALARS.index(name)] = column_MP.float()
    predictions_MPT = torch.where(correct_MP[..., None], right_PT, wrong_PT)
    cells_MP = (predictions_MPT == right_PT).float().mean(-1)
    bank = Bank(
        {"scalars": columns_MPF},
        correct_MP,
        cells_MP,
        predictions_MPT,
        torch.from_numpy(puzzles.ratings_P).long(),
        torch.arange(P),
        puzzles,
    )
    return bank, puzzles


SOLVABLE, HAZARD = 0.8, 0.3


def bank_a(puzzles: int, max_segments: int = 16, seed: int = 0) -> tuple[Bank, PuzzleSet]:
    """80 % can be solved; each segment solves 30 % of those left, for good, and one sees it."""
    generator = torch.Generator().manual_seed(seed)
    solvable_P = torch.rand(puzzles, generator=generator) < SOLVABLE
    solved_MP = torch.rand(max_segments, puzzles, generator=generator) < HAZARD
    correct_MP = solvable_P & (solved_MP.cumsum(0) > 0)
    return bank_of(correct_MP, q_halt=4.0 * correct_MP - 2)


def value_on_bank_a(policy: Policy, step_cost: float, max_segments: int = 16) -> float:
    """Expected return on infinitely many such puzzles of a policy that reads (q_halt, 0, m / M)."""
    value, unsolved, right = 0.0, SOLVABLE, 0.0
    hopeless = 1 - SOLVABLE
    for m in range(1, max_segments + 1):
        right, unsolved = right + HAZARD * unsolved, (1 - HAZARD) * unsolved
        obs = torch.tensor([[2.0, 0.0, m / max_segments], [-2.0, 0.0, m / max_segments]])
        stops = [True, True] if m == max_segments else policy(obs, torch.tensor([m, m])).tolist()
        if stops[0]:
            value, right = value + right * (1 - step_cost * (m - 1)), 0.0
        if stops[1]:
            value -= (unsolved + hopeless) * step_cost * (m - 1)
            unsolved = hopeless = 0.0
    return value
