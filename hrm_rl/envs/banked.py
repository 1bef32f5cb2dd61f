"""Segments looked up in a bank, with the numbers of the live model, so that nobody waits for one.

Shapes: B rows, T tokens, F features, M segments, P puzzles, R numbers of a column.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from hrm_rl import features
from hrm_rl.banks.bank import Bank, observe
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.reward import Outcome
from hrm_rl.envs.segments import Pictured, Shown
from hrm_rl.loop import select
from hrm_rl.puzzles import Task, task_of
from hrm_rl.puzzles.verdicts import VALID, valid_optimal

_SMALL = 2**28  # bytes


class BankRows(NamedTuple):
    """On a frozen model the puzzle and the segment say it all."""

    puzzle_B: Int[Tensor, " B"]
    m_B: Int[Tensor, " B"]


class BankLook(NamedTuple):
    puzzle_B: Int[Tensor, " B"]
    m_B: Int[Tensor, " B"]
    place_B: Int[Tensor, " B"]
    """Where that lies in every list of the bank."""


class Layout(NamedTuple):
    """Where a segment of a puzzle lies in an array, seen as a list: one index serves all arrays."""

    step_m: int
    """Places from a segment to the next."""
    step_p: int
    """Places from a puzzle to the next."""

    def list(self, part: Shaped[Tensor, "M P ..."]) -> Shaped[Tensor, "R ..."]:
        """The array as a list: the same memory if it is laid out like this, else a copy that is."""
        M, P, *inner = part.shape
        count = (M - 1) * self.step_m + (P - 1) * self.step_p + 1
        width = part[0, 0].numel()
        if layout(part) == self:
            return part.as_strided((count, *inner), (width, *part.stride()[2:]))
        copy = part.new_empty((count, *inner))
        steps = self.step_m * width, self.step_p * width
        copy.as_strided(part.shape, (*steps, *copy.stride()[1:])).copy_(part)
        return copy


def layout(part: Shaped[Tensor, "M P ..."]) -> Layout | None:
    """Segments first as in memory, puzzles first as on disk; None if it is neither."""
    width, (stride_m, stride_p) = part[0, 0].numel(), part.stride()[:2]
    plain = part[0, 0].is_contiguous() and stride_m and stride_p
    if not plain or stride_m % width or stride_p % width:
        return None
    return Layout(stride_m // width, stride_p // width)


class BankSegments:
    """Segments looked up in a bank.

    Small columns are copied, once, with the segment number behind them and the segments of a puzzle
    side by side; larger ones stay where they are, if need be on the disk.
    """

    cheap = True

    def __init__(self, bank: Bank, mdp: MDP, device: torch.device | None = None) -> None:
        """Raises ValueError if the bank is too short or lacks the observation."""
        if not len(bank):
            raise ValueError("the bank is empty; log one of at least one puzzle")
        if mdp.max_segments > bank.max_segments:
            raise ValueError(
                f"max_segments must be <= {bank.max_segments}, the segments in the bank, "
                f"got {mdp.max_segments}; lower it or log a longer bank"
            )
        self.width = observe(bank, mdp.observation, 1, time_aware=False).shape[1]
        self.puzzles, self.bank, self.mdp = len(bank), bank, mdp
        self.device = device or bank.correct_MP.device
        columns_MPF = _columns(bank, mdp.observation)
        self.ready = columns_MPF.numel() * columns_MPF.element_size() <= _SMALL
        """Whether the columns are observations, with the segment number if it is to be seen."""
        if self.ready:
            columns_MPF = self._with_time(columns_MPF)
        elif columns_MPF.dtype == torch.bfloat16:  # which numpy does not know
            columns_MPF = columns_MPF.float()
        side_by_side = Layout(1, bank.max_segments)
        self.layout = side_by_side if self.ready else layout(columns_MPF) or side_by_side
        self.columns_RF, self.prediction_RT, self.correct_R, self.cells_R = (
            self.layout.list(part.to(self.device))
            for part in (columns_MPF, bank.predictions_MPT, bank.correct_MP, bank.cells_MP)
        )
        self.rating_P = bank.rating_P.to(self.device, torch.int64)
        self.task = self._judged_by_rules()

    def _judged_by_rules(self) -> Task | None:
        """The task, and its tokens at hand, if the solution is not the only right answer."""
        puzzles = self.bank.puzzles
        if puzzles is None or (task := task_of(puzzles.task)).kind not in VALID:
            return None
        self.x_PT = torch.from_numpy(puzzles.inputs_PL).to(self.device)
        self.y_PT = torch.from_numpy(puzzles.solutions_PL).to(self.device)
        return task

    def _with_time(self, columns_MPF: Float[Tensor, "M P F"]) -> Float[Tensor, "M P G"]:
        M, P, _ = columns_MPF.shape
        m_X = torch.arange(1, M + 1, device=columns_MPF.device).repeat_interleave(P)
        columns_XF = columns_MPF[..., : self.width].flatten(0, 1).float()
        mdp = self.mdp
        return features.with_time(columns_XF, m_X, mdp.max_segments, mdp.time_aware).view(M, P, -1)

    def bounds(self) -> tuple[list[float], list[float]]:
        """Those of the model, if the bank tells it; else of the numbers themselves."""
        mdp = self.mdp
        if self.bank.config is not None and mdp.observation in features.OBSERVATIONS:
            return features.bounds(mdp.observation, self.bank.config, mdp.time_aware)
        columns_XF = _columns(self.bank, mdp.observation)[..., : self.width].flatten(0, 1).float()
        finite_XF = torch.where(columns_XF.isfinite(), columns_XF, 0)
        slack_F = 1e-3 * (1 + finite_XF.abs().amax(0))
        low_F, high_F = finite_XF.amin(0) - slack_F, finite_XF.amax(0) + slack_F
        time = ([-1e-3], [1 + 1e-3]) if mdp.time_aware else ([], [])
        return low_F.tolist() + time[0], high_F.tolist() + time[1]

    def fresh(self, puzzle_B: Int[Tensor, " B"], seed_B: Int[Tensor, " B"]) -> BankRows:
        """What was drawn when the bank was logged stays: seeds are not looked at."""
        return BankRows(puzzle_B, torch.zeros_like(puzzle_B))

    def deal(self, rows: BankRows, puzzle_B: Tensor, seed_B: Tensor, where_B: Tensor) -> BankRows:
        return select(where_B, self.fresh(puzzle_B, seed_B), rows)

    def run(self, rows: BankRows) -> BankRows:
        return BankRows(rows.puzzle_B, rows.m_B + 1)

    def look(self, rows: BankRows) -> BankLook:
        (puzzle_B, m_B), (step_m, step_p) = rows, self.layout
        return BankLook(puzzle_B, m_B, (m_B - 1) * step_m + puzzle_B * step_p)

    def outcome(self, look: BankLook) -> Outcome:
        correct_B, cells_B = (
            part.index_select(0, look.place_B) for part in (self.correct_R, self.cells_R)
        )
        if self.task is None:
            return Outcome(correct_B, cells_B, correct_B)
        prediction_BT = self.prediction_RT.index_select(0, look.place_B)
        x_BT, y_BT = self.x_PT[look.puzzle_B], self.y_PT[look.puzzle_B]
        return Outcome(correct_B, cells_B, valid_optimal(self.task, x_BT, prediction_BT, y_BT))

    def show(self, look: BankLook) -> Shown:
        obs_BF = self.columns_RF.index_select(0, look.place_B)
        if not self.ready:
            mdp, columns_BF = self.mdp, obs_BF[:, : self.width].float().contiguous()
            obs_BF = features.with_time(columns_BF, look.m_B, mdp.max_segments, mdp.time_aware)
        return Shown(
            obs_BF,
            self.prediction_RT.index_select(0, look.place_B),
            self.rating_P.index_select(0, look.puzzle_B),
        )

    def pictured(self, look: BankLook) -> Pictured:
        before = self.look(BankRows(look.puzzle_B, (look.m_B - 1).clamp(min=1)))
        at = (look.m_B - 1).cpu(), look.puzzle_B.cpu()
        known = {"q", "scalars"} & self.bank.columns.keys()
        q_B2 = (
            _columns(self.bank, "q")[at][:, :2] if known else torch.full((len(at[0]), 2), torch.nan)
        )
        return Pictured(
            self.show(look).prediction_BT, self.show(before).prediction_BT, q_B2.float()
        )


def _columns(bank: Bank, name: str) -> Float[Tensor, "M P F"]:
    """The columns of a set; those of "q" may be the first two of "scalars"."""
    return bank.columns["scalars" if name == "q" and name not in bank.columns else name]
