"""A halting learner of the joint regime on a synthetic chain: no model, only a head that learns.

The head is linear in a table: a column for each pair of being right or wrong and a segment, so that
it can express every policy and value that depends on these.

Shapes: B slots, N puzzles, M segments, D = 2 M columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hrm_rl.banks.synthetic import Chain, generate, population
from hrm_rl.halting import Policy, begun, draw_min_segments, free, halts
from hrm_rl.stopping.exact import Outcome, outcome
from hrm_rl.training.joint import Ended, JointLearner, Schedule, Seen, Segment, Terms
from hrm_rl.training.joint.prices import Constant


def never() -> Tensor:
    raise AssertionError("this was not to be asked for")


def table(correct: Tensor, m: Tensor | int, columns: int) -> Tensor:
    """A row with a single 1 for each answer: at m - 1 if it is wrong, M further if it is right."""
    at = (m - 1 + correct * (columns // 2)).clamp(max=columns - 1)
    return nn.functional.one_hot(at.long(), columns).float()


@dataclass
class Run:
    """Slots on which puzzles of a chain are solved, and a head that learns to halt."""

    learner: JointLearner
    chain: Chain
    slots: int = 64
    seed: int = 0
    lr: float = 0.02
    explore: float = 0.1
    """P(a minimum above 1), for a learner that explores."""
    schedule: Schedule = Constant(0.0)  # noqa: RUF009 # frozen
    practice: int = 0
    """Segments beyond the first that have to be run until every puzzle is as the chain says; before that
    it is wrong. They come one by one: what is never thought about for long is never learned."""

    def __post_init__(self) -> None:
        M = self.chain.max_segments
        self.generator = torch.Generator().manual_seed(self.seed)
        longer = Chain(**{**self.chain.__dict__, "max_segments": M + 1})
        self.correct_MN = generate(longer, 50_000, self.seed).correct_MP
        self.head = nn.Linear(2 * M, 2)
        nn.init.zeros_(self.head.weight)
        self.head.bias.data.copy_(torch.tensor(self.learner.bias))
        self.optimizer = torch.optim.Adam(self.head.parameters(), self.lr)
        self.memory = self.learner.begin(self.slots, 2 * M, torch.device("cpu"))
        self.priced = self.schedule.begin(torch.device("cpu"))
        self.step, self.practised = 0, 0
        self.m_B = torch.zeros(self.slots, dtype=torch.int32)
        self.index_B, self.min_B = self._deal()
        self.lengths: list[int] = []
        """Segments of every episode, in the order in which they halted."""

    def _deal(self) -> tuple[Tensor, Tensor]:
        index_B = torch.randint(self.correct_MN.shape[1], (self.slots,), generator=self.generator)
        probability = self.explore if self.learner.explores else 0.0
        return index_B, draw_min_segments(
            self.slots, self.chain.max_segments, probability, self.generator, torch.device("cpu")
        )

    def _right(self, m_B: Tensor) -> Tensor:
        right_B = self.correct_MN[(m_B - 1).clamp(min=0).long(), self.index_B]
        known = self.practised / self.practice if self.practice else 1.0
        return right_B & (self.index_B < known * self.correct_MN.shape[1])

    def __iter__(self) -> Iterator[Terms]:
        """One segment of every slot, and one step of Adam."""
        M = self.chain.max_segments
        while True:
            price = self.schedule.price(self.priced, self.step + 1)
            self.step += 1
            self.m_B = self.m_B + 1
            self.practised += int((self.m_B > 1).sum())
            z_BD, last_z_BD, next_z_BD = (
                table(self._right(m_B), m_B, 2 * M)
                for m_B in (self.m_B, (self.m_B - 1).clamp(min=1), self.m_B + 1)
            )
            q_B2 = self.head(z_BD)
            seen = Seen(q_B2.detach(), z_BD, self.m_B, never)
            wants_B, self.memory = self.learner.decide(
                self.memory, seen, lambda: torch.rand(self.slots, generator=self.generator)
            )
            halted_B = halts(wants_B, self.m_B, self.min_B, M)
            correct_B = self._right(self.m_B)
            segment = Segment(
                seen=seen, q_B2=q_B2, last_z_BD=last_z_BD, correct_B=correct_B,
                lm_B=1 - correct_B.float(), halted_B=halted_B,
                free_B=free(self.m_B, self.min_B, M), max_segments=M, head=self.head,
                peek=lambda z_BD=next_z_BD: self.head(z_BD).detach(), price=price,
            )  # fmt: skip
            terms, self.memory = self.learner.learn(self.memory, segment)
            self.optimizer.zero_grad()
            if terms:
                sum(term.mean() for term in terms.values()).backward()
            self.optimizer.step()
            self.lengths += self.m_B[halted_B].tolist()
            counts = halted_B.sum(), (correct_B & halted_B).sum(), self.m_B[halted_B].sum()
            self.priced = self.schedule.after(self.priced, Ended(*counts))
            index_B, min_B = self._deal()
            self.m_B = torch.where(halted_B, 0, self.m_B)
            self.index_B = torch.where(halted_B, index_B, self.index_B)
            self.min_B = torch.where(halted_B, min_B, self.min_B)
            yield terms

    def outcome(self, rule: Policy, step_cost: float, stochastic: bool = False) -> Outcome:
        """Exact outcome of a rule that reads the head, over all that can happen."""
        bank, weight_P = population(self.chain)
        read = Reads(self.head, rule)
        return outcome(bank, read, step_cost, stochastic=stochastic, weight_P=weight_P)


@dataclass(frozen=True)
class Reads:
    """A rule on the outputs of a head, where being right is what is seen."""

    head: nn.Module
    rule: Policy
    observation: str = "o"

    def begin(self, rows: int) -> Reads:
        return Reads(self.head, begun(self.rule, rows))

    @torch.no_grad()
    def _q(self, obs_BF: Tensor, m_B: Tensor) -> Tensor:
        columns = self.head.in_features
        return self.head(table(obs_BF[:, 0], m_B, columns))

    def __call__(self, obs_BF: Tensor, m_B: Tensor) -> Tensor:
        return self.rule(self._q(obs_BF, m_B), m_B)

    def probability(self, obs_BF: Tensor, m_B: Tensor) -> Tensor:
        return self.rule.probability(self._q(obs_BF, m_B), m_B)
