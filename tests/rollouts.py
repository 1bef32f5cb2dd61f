"""An actor-critic of the joint regime driven by hand: what goes in and out, segment by segment.

Shapes: B slots, T segments of a rollout, D width.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from chains import never
from torch import Tensor, nn

from hrm_rl.halting import free, halts
from hrm_rl.training.joint import Seen, Segment, Terms
from hrm_rl.training.joint.a2c import A2C
from hrm_rl.training.joint.ppo import PPO
from hrm_rl.training.joint.rollouts import ActorCritic

M, B, D, T = 4, 6, 3, 5
BOTH = pytest.mark.parametrize("kind", [PPO, A2C], ids=["ppo", "a2c"])


@dataclass
class Log:
    """A learner driven with a head that may stand still, and all that went in and came out."""

    learner: ActorCritic
    head: nn.Linear
    seed: int = 0
    rows: tuple[int, int] = (0, B)
    cost: float = 0.0
    minimum: int = 1
    """Of segments, of every other slot."""
    total: Callable[[Tensor], Tensor] = lambda part: part
    z: list[Tensor] = field(default_factory=list)
    halted: list[Tensor] = field(default_factory=list)
    m: list[Tensor] = field(default_factory=list)
    reward: list[Tensor] = field(default_factory=list)
    q: list[Tensor] = field(default_factory=list)
    terms: list[Terms] = field(default_factory=list)

    def play(self, steps: int, move: float = 0.0) -> "Log":
        """Each step shifts the head's biases by `move`. Draws are the same for every learner."""
        generator = torch.Generator().manual_seed(self.seed)
        rows = slice(*self.rows)
        whole = torch.zeros(B)[rows]
        min_B = torch.tensor([1, self.minimum] * (B // 2))[rows]
        m_B = torch.zeros(len(whole), dtype=torch.int32)
        self.memory = self.learner.begin(len(whole), D, torch.device("cpu"))
        for _ in range(steps):
            z_BD, coin_B = (torch.rand(B, n, generator=generator)[rows] for n in (D, 2))
            m_B = m_B + 1
            q_B2 = self.head(z_BD)
            seen = Seen(q_B2.detach(), z_BD, m_B, never)
            wants_B, memory = self.learner.decide(
                self.memory, seen, lambda coin_B=coin_B: coin_B[:, 0]
            )
            halted_B, correct_B = halts(wants_B, m_B, min_B, M), coin_B[:, 1] < 0.4
            segment = Segment(
                seen=seen, q_B2=q_B2, last_z_BD=z_BD, correct_B=correct_B, lm_B=whole,
                halted_B=halted_B, free_B=free(m_B, min_B, M), max_segments=M, head=self.head,
                peek=never, price=self.cost, total=self.total,
            )  # fmt: skip
            terms, self.memory = self.learner.learn(memory, segment)
            self.z.append(z_BD), self.halted.append(halted_B), self.m.append(m_B)
            cost = torch.full((len(whole),), -self.cost)
            self.reward.append(torch.where(halted_B, correct_B.float(), cost))
            self.q.append(q_B2.detach()), self.terms.append(terms)
            m_B = torch.where(halted_B, 0, m_B)
            with torch.no_grad():
                self.head.bias += move
        return self


def a_head() -> nn.Linear:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Linear(D, 2)


def head_gradient(term_B: Tensor, head: nn.Linear) -> Tensor:
    (gradient,) = torch.autograd.grad(term_B.mean(), head.weight, retain_graph=True)
    return gradient
