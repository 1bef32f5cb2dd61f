"""A model that follows a script: right from a given segment of each puzzle on, as its Q says."""

from collections.abc import Sequence

import torch
from torch import Tensor

from hrm_rl.models.hrm import HRM, Carry, HRMConfig, Output
from hrm_rl.puzzles import PuzzleSet, load

NEVER = 1000
PUZZLES = load("sudoku4", "fit").take(range(8))
RIGHT_FROM = (1, 2, 3, 4, 5, 6, NEVER, 3)


class Scripted:
    """Knows `puzzles` by heart. Puzzle p is answered rightly in the segments >= right_from[p].

    Every number it gives depends on its own row alone, bit for bit. Before its time it fills every
    cell with the next digit, less surely as segments go by; its state is the segment number.
    """

    def __init__(
        self,
        puzzles: PuzzleSet = PUZZLES,
        right_from: Sequence[int] = RIGHT_FROM,
        device: torch.device | str = "cpu",
    ) -> None:
        self.config = HRMConfig(puzzles.vocab, puzzles.length, width=4, heads=1, token_mixer="mlp")
        self.x_PT = torch.from_numpy(puzzles.inputs_PL).long().to(device)
        self.y_PT = torch.from_numpy(puzzles.solutions_PL).long().to(device)
        self.right_from_P = torch.tensor(right_from, device=device)
        self.device = torch.device(device)
        self.forwards: list[int] = []
        """Rows of every forward so far."""

    def initial(self, slots: int) -> Carry:
        zeros = torch.zeros(slots, 1 + self.config.length, 4, device=self.device)
        return Carry(zeros, zeros)

    def puzzle_rows(self, id_B: Tensor) -> Tensor:
        return torch.zeros(len(id_B), 4, device=id_B.device)

    def segment(self, carry: Carry, x_BT: Tensor, rows_BE: Tensor) -> tuple[Carry, Output]:
        self.forwards.append(len(x_BT))
        z = carry.z_H + 2**-6  # up to 128 segments
        m_B = z[:, 0, 0] * 64
        p_B = (x_BT[:, None] == self.x_PT).all(-1).float().argmax(-1)
        right_B = m_B >= self.right_from_P[p_B]
        y_BT = self.y_PT[p_B]
        wrong_BT = torch.where(y_BT == self.config.vocab - 1, 2, y_BT + 1)
        answer_BT = torch.where(right_B[:, None], y_BT, wrong_BT)
        one_hot = torch.nn.functional.one_hot(answer_BT, self.config.vocab)
        logits = one_hot * torch.where(right_B, 8.0, 4.0 / m_B)[:, None, None]
        q = torch.stack([torch.where(right_B, 3.0, -3.0), 1 / m_B], -1)
        return Carry(z, z), Output(logits, q)


def tiny_hrm() -> HRM:
    """An untrained HRM for 4x4 Sudoku whose Q depends on what it sees."""
    config = HRMConfig(
        PUZZLES.vocab, PUZZLES.length, width=32, heads=2, H_layers=1, L_layers=1, H_cycles=1
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = HRM(config)
        torch.nn.init.normal_(model.q_head.weight, std=0.5)
    return model.eval().requires_grad_(False)
