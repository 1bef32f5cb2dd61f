"""What learners with full feedback share: every segment of every puzzle, and descent on a loss of it.

On a frozen model the segments do not depend on the policy, so all that a decision could have led to
is in the bank. Such a learner differs from another in its loss only.

Shapes: M segments, P puzzles, D decisions (M - 1), B puzzles of a batch, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm_rl.agents.learners.inputs import Standardise, asked, logged, mlp
from hrm_rl.banks.bank import observe
from hrm_rl.checks import numbers
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.features import with_time
from hrm_rl.statistics.survival import coin_entropy, halting
from hrm_rl.stopping.exact import rewards

Part = TypeVar("Part", covariant=True)


class Source(Protocol[Part]):
    """Puzzles that a batch can be taken of."""

    @property
    def max_segments(self) -> int: ...

    def take(self, index_B: Int[Tensor, " B"]) -> Part: ...

    def __len__(self) -> int:
        """Number of puzzles."""


@dataclass(frozen=True)
class Feedback:
    """What was seen and what was right, up to the horizon and one segment beyond if it was logged."""

    obs_MPF: Float[Tensor, "M P F"]
    correct_MP: Bool[Tensor, "M P"]
    max_segments: int
    """The horizon; the tensors may hold one segment more."""
    step_cost: float

    @property
    def decisions_DPF(self) -> Float[Tensor, "D P F"]:
        """Observations at which a decision is due: at the last segment none is."""
        return self.obs_MPF[: self.max_segments - 1]

    @property
    def returns_MP(self) -> Float[Tensor, "M P"]:
        """What halting after each segment earns: 1{correct} - step_cost * (m - 1)."""
        return rewards(self.correct_MP[: self.max_segments], self.step_cost).float()

    def take(self, index_B: Int[Tensor, " B"]) -> Feedback:
        """The puzzles of a batch."""
        index_B = index_B.to(self.correct_MP.device)
        return Feedback(
            self.obs_MPF[:, index_B],
            self.correct_MP[:, index_B],
            self.max_segments,
            self.step_cost,
        )

    def __len__(self) -> int:
        """Number of puzzles."""
        return self.correct_MP.shape[1]


def full_feedback(
    env: HaltingVectorEnv, steps: int = 1, seed: int = 0, lr: float = 1e-3
) -> Feedback:
    """Full feedback of an environment (`inputs.logged`), as its learners see it.

    Raises:
        ValueError: halting earns something else than being right, or not every segment may be
            halted at; or as `inputs.asked`.
    """
    asked(env, steps, seed, lr)
    config = env.config
    if config.reward != "exact":
        raise ValueError(
            f'full feedback is about 1{{correct}}: reward must be "exact", got "{config.reward}"'
        )
    if config.min_segments != 1:
        raise ValueError(
            "with full feedback every segment can be halted at: min_segments must be 1, "
            f"got {config.min_segments}"
        )
    bank = logged(env)
    last = min(bank.max_segments, config.max_segments + 1)
    seen = []
    for m in range(1, last + 1):
        columns_PF = observe(bank, config.observation, m, time_aware=False)
        m_P = torch.full((len(bank),), m, device=columns_PF.device)
        seen.append(with_time(columns_PF, m_P, config.max_segments, config.time_aware))
    return Feedback(
        torch.stack(seen).float(), bank.correct_MP[:last], config.max_segments, config.step_cost
    )


def network_for(seen: Feedback, outputs: int, seed: int) -> nn.Sequential:
    """The network of every learner, its inputs standardised over all decisions of the bank."""
    standard = standardise_all(seen)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = mlp(standard, outputs)
    return network.to(seen.obs_MPF.device)


def standardise_all(seen: Feedback) -> Standardise:
    """As `inputs.standardise`, of all puzzles."""
    obs_XF = seen.decisions_DPF.flatten(0, 1).double()
    return Standardise(obs_XF.mean(0).float(), obs_XF.std(0, correction=0).float())


def halting_MP(logit_DP: Float[Tensor, "D P"]) -> Float[Tensor, "M P"]:
    """P(the episode halts after segment m) of the logits of P(halt); differentiable."""
    return halting(torch.cat([logit_DP.sigmoid(), torch.ones_like(logit_DP[:1])]))


def entropy_P(logit_DP: Float[Tensor, "D P"]) -> Float[Tensor, " P"]:
    """Entropy in nats of the coins that an episode of each puzzle tosses, in expectation.

    A coin counts by the chance that the episode gets to it: the chain rule of the entropy of where
    the episode halts.
    """
    p_MP = halting_MP(logit_DP)
    reach_DP = 1 - p_MP[:-1].cumsum(0) + p_MP[:-1]
    return (reach_DP * coin_entropy(logit_DP)).sum(0)


def descend(
    network: nn.Module,
    loss: Callable[[Part, float], Float[Tensor, ""]],
    seen: Source[Part],
    *,
    steps: int,
    batch: int,
    seed: int,
    lr: float,
    progress: Callable[[int], object],
    after: Callable[[int], object] = lambda update: None,
) -> None:
    """Adam with a learning rate that falls linearly to 0, on batches of puzzles with all their segments.

    Args:
        loss: of a batch of puzzles, and of the share of the training that is left, from 1 to 0.
        steps: decisions to learn from, summed over batches.
        batch: puzzles in a batch.
        after: told the number of every update made, from 1.
    """
    each, updates = batches_in(seen, steps, batch)
    optimizer = torch.optim.Adam(network.parameters(), lr)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, updates)
    for update, index_B in enumerate(_batches(seen, batch, updates, seed)):
        optimizer.zero_grad()
        loss(seen.take(index_B), 1 - update / updates).backward()
        optimizer.step()
        decay.step()
        after(update + 1)
        progress(min(each, steps - each * update))
    network.requires_grad_(False).cpu()


def batches_in(seen: Source[object], steps: int, batch: int) -> tuple[int, int]:
    """Decisions in a batch of puzzles, and the batches that hold `steps` of them.

    Raises:
        ValueError: no steps, or no puzzles in a batch.
    """
    numbers.whole("steps", steps, low=1)
    numbers.whole("batch", batch, low=1)
    each = min(batch, len(seen)) * (seen.max_segments - 1)
    return each, -(-steps // each)


def _batches(
    seen: Source[object], batch: int, updates: int, seed: int
) -> Iterator[Int[Tensor, " B"]]:
    """Puzzles without replacement, shuffled anew at every pass; what is left of a pass is dropped."""
    generator = torch.Generator().manual_seed(int(seed))
    batch = min(batch, len(seen))
    left: tuple[Tensor, ...] = ()
    for _ in range(updates):
        if not left:
            shuffled_P = torch.randperm(len(seen), generator=generator)
            left = shuffled_P[: len(seen) // batch * batch].split(batch)
        yield left[0]
        left = left[1:]
