"""An exact machine in the shape of a model: every segment takes one step of a known algorithm.

Parity folds the last two bits into one, Life runs a generation and strikes a mark. The state is the
puzzle as it stands, and once nothing is left to do it stays as it is. So the number of segments that
a puzzle needs is known: its rating. Nothing is learned, and the best policy can be written down.

Shapes: B slots, T tokens, L = 1 + T positions, D width, V vocabulary, S rows and columns of a board.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm_rl.checks.numbers import whole
from hrm_rl.models.base import Carry, Model, Output, PuzzleEmbedding
from hrm_rl.models.limits import HIGHEST
from hrm_rl.puzzles.kinds import task_of

NOTHING: Final = 1
"""The token of an empty cell."""
BIT_0, BIT_1 = 2, 3
ALIVE, MARK = 2, 3
SURE, UNSURE = 12.0, 1.0
"""Logit of a cell's token where the machine is done with it, and where work is left."""
Q: Final = 8.0
"""Q logit of halting when nothing is left to do; minus that before, and the other way round of
continuing."""


class Machine(NamedTuple):
    """An algorithm on the tokens of a puzzle."""

    step: Callable[[Tensor], Tensor]
    """The tokens one step on; the same when nothing is left to do."""
    left: Callable[[Tensor], Tensor]
    """bool like the tokens: one cell for each step that is left."""


def fold(x_BT: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
    """Replace the last two of the bits in front by their parity; a single one stays."""
    bits_B1 = (x_BT != NOTHING).sum(1, keepdim=True)
    at_T = torch.arange(x_BT.shape[1], device=x_BT.device)
    last_BT, before_BT = at_T == bits_B1 - 1, at_T == bits_B1 - 2
    last_B1 = ((x_BT == BIT_1) & last_BT).any(1, keepdim=True)
    folded_BT = torch.where((x_BT == BIT_1) ^ last_B1, BIT_1, BIT_0)
    one_less_BT = torch.where(last_BT, NOTHING, torch.where(before_BT, folded_BT, x_BT))
    return torch.where(bits_B1 > 1, one_less_BT, x_BT)


def folds_left(x_BT: Int[Tensor, "B T"]) -> Bool[Tensor, "B T"]:
    """Every bit but the first."""
    return (x_BT != NOTHING) & (torch.arange(x_BT.shape[1], device=x_BT.device) > 0)


def live(x_BT: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
    """Run a generation and strike the last mark; a board without marks stays."""
    side = _side(x_BT.shape[1])
    x_BSS = x_BT.view(-1, side + 1, side)
    alive_BSS, marks_BS = x_BSS[:, :side] == ALIVE, x_BSS[:, side] == MARK
    count_B1 = marks_BS.sum(1, keepdim=True)
    three_BSS = sum(alive_BSS.int().roll(shift, 1) for shift in (-1, 0, 1))
    nine_BSS = sum(torch.as_tensor(three_BSS).roll(shift, 2) for shift in (-1, 0, 1))
    next_BSS = (nine_BSS == 3) | (alive_BSS & (nine_BSS == 4))  # the cell itself is counted too
    kept_BS = torch.arange(side, device=x_BT.device) < count_B1 - 1
    after_BSS = torch.cat(
        [torch.where(next_BSS, ALIVE, NOTHING), torch.where(kept_BS, MARK, NOTHING)[:, None]], 1
    )
    return torch.where(count_B1 > 0, after_BSS.flatten(1), x_BT)


def generations_left(x_BT: Int[Tensor, "B T"]) -> Bool[Tensor, "B T"]:
    """The marks."""
    return x_BT == MARK


def _side(length: int) -> int:
    """The S of S * (S + 1) tokens."""
    return int(length**0.5)


MACHINES: Final[Mapping[str, Machine]] = MappingProxyType(
    {"parity": Machine(fold, folds_left), "life": Machine(live, generations_left)}
)
"""The algorithm for each kind of puzzle that there is one for."""


@dataclass(frozen=True)
class StepperConfig:
    """What rebuilds a stepper; lies as JSON beside its weights, which are fixed."""

    task: str
    """Which puzzles it steps through: "parity16", "life8"."""

    def __post_init__(self) -> None:
        if not isinstance(self.task, str):
            raise ValueError(f'task must be a name, as "parity16", got {str(self.task)[:80]}')
        if (kind := task_of(self.task).kind) not in MACHINES:
            raise ValueError(
                f"a stepper knows the steps of {', '.join(MACHINES)}, got {kind}; train a model"
            )
        whole(f"tokens of {self.task}", self.length, high=HIGHEST["length"])

    @property
    def vocab(self) -> int:
        return task_of(self.task).vocab

    @property
    def length(self) -> int:
        return task_of(self.task).length

    @property
    def cells(self) -> int:
        """Tokens that have a place in the states."""
        return self.length

    @property
    def width(self) -> int:
        """A column for each token."""
        return self.vocab

    @property
    def prefix(self) -> int:
        """One position, for the Q-head to read."""
        return 1


class Stepper(Model):
    """A machine in place of layers. Its state is what it has written so far.

    z_H has a position in front, which the Q-head reads: 1 once it has begun; 1 if it is done and
    -1 if not; the share of cells that stand for work left. Behind it every token is a unit vector.
    """

    config: StepperConfig

    def __init__(self, config: StepperConfig) -> None:
        super().__init__(config)
        self.puzzle_emb = PuzzleEmbedding(1, config.width)
        self.q_head = nn.Linear(config.width, 2)
        nn.init.zeros_(self.q_head.bias)
        nn.init.zeros_(self.q_head.weight)
        self.q_head.weight.data[:, 1] = torch.tensor([Q, -Q])
        self.machine = MACHINES[task_of(config.task).kind]

    def initial(self, slots: int) -> Carry:
        """Nothing has begun: zeros."""
        c = self.config
        zeros = self.q_head.weight.new_zeros(slots, c.prefix + c.length, c.width)
        return Carry(zeros, zeros)

    def segment(
        self, carry: Carry, x_BT: Int[Tensor, "B T"], rows_BE: Float[Tensor, "B E"]
    ) -> tuple[Carry, Output]:
        """One step. Both states are the same; puzzle embeddings are not looked at."""
        begun_B1 = carry.z_H[:, :1, 0] > 0
        state_BT = self.machine.step(torch.where(begun_B1, carry.z_H[:, 1:].argmax(-1), x_BT))
        left_BT = self.machine.left(state_BT)
        tokens_BTV = nn.functional.one_hot(state_BT, self.config.vocab).to(carry.z_H.dtype)
        z_H = torch.cat([self._summary(left_BT, tokens_BTV), tokens_BTV], 1)
        logits_BTV = tokens_BTV * torch.where(left_BT, UNSURE, SURE)[..., None]
        return Carry(z_H, z_H), self.shown(logits_BTV, z_H)

    def _summary(self, left_BT: Tensor, like: Tensor) -> Float[Tensor, "B 1 D"]:
        share_B = left_BT.to(like.dtype).mean(1)
        done_B = torch.where(left_BT.any(1), -1.0, 1.0).to(like.dtype)
        columns = [torch.ones_like(share_B), done_B, share_B]
        columns += [torch.zeros_like(share_B)] * (self.config.width - len(columns))
        return torch.stack(columns, -1)[:, None]
