"""Q-learning with a third action, from play on a bank of copies: `act_q` with three outputs.

In every state s that is visited, with c = step_cost and targets held fixed,

    Q_halt(s) ~ 1{kept answer right},    Q_a(s) ~ max Q(s after a) - c

by BCE on rescaled Q, where a is the action by which play went on; after the last segment there is but
halting. No replay, no target network. Where no copy is left restarting is continuing.

Source: as `act_q`. Deviation: an episode that explores has a minimum of segments, and until then restarts
with a probability that is drawn for it from U(0, 1), so that copies are seen early and late.

Hyperparameters: batches of 16 episodes, learning rate 1e-2 that falls linearly to 0, exploration 1/2.

Shapes: B rows, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm_rl.agents.learners.act_q import first_logit
from hrm_rl.agents.learners.inputs import no_progress, start_at
from hrm_rl.agents.learners.restarting import BestAction, network_for
from hrm_rl.checks.numbers import real, whole
from hrm_rl.device import shelter
from hrm_rl.halting import CONTINUE, HALT, RESTART, draw_min_segments
from hrm_rl.stopping.restarts import At, Problem
from hrm_rl.training import q_targets


class Decision(NamedTuple):
    """A decision in every row, and what it led to."""

    obs_BF: Float[Tensor, "B F"]
    right_B: Float[Tensor, " B"]
    """1 where a halt would be right, halted or not."""
    action_B: Int[Tensor, " B"]
    next_obs_BF: Float[Tensor, "B F"]
    """One segment later; means nothing where it was halted."""
    next_right_B: Float[Tensor, " B"]
    forced_B: Bool[Tensor, " B"]
    """The next segment is the last, where no decision is due."""


@shelter(gradients=True)
def q_learning(
    problem: Problem,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    batch: int = 16,
    lr: float = 1e-2,
    explore_probability: float = 0.5,
) -> BestAction:
    """Play episodes of puzzles that are drawn, and make one gradient step a batch of them.

    Args:
        steps: decisions made.

    Raises:
        ValueError: a number out of range.
    """
    steps, batch = whole("steps", steps, low=1), whole("batch", batch, low=1)
    lr = real("lr", lr, low=0, inside=True)
    network = network_for(problem, seed)
    first = first_logit(problem.max_segments, problem.step_cost)
    optimizer = torch.optim.Adam(start_at(network, first, first, first).parameters(), lr)
    generator, made = torch.Generator().manual_seed(seed), 0
    while made < steps:
        puzzle_B = torch.randint(problem.puzzles, (batch,), generator=generator)
        parts = list(episodes(problem, puzzle_B, network, explore_probability, generator))
        seen = Decision(*(torch.cat(part) for part in zip(*parts, strict=True)))
        for group in optimizer.param_groups:
            group["lr"] = lr * (1 - made / steps)
        optimizer.zero_grad()
        q_learning_loss(network, seen, problem.max_segments, problem.step_cost).backward()
        optimizer.step()
        progress(min(len(seen.action_B), steps - made))
        made += len(seen.action_B)
    return BestAction(network.requires_grad_(False), problem.observation)


@torch.no_grad()
def episodes(
    problem: Problem,
    puzzle_B: Int[Tensor, " B"],
    network: Callable[[Tensor], Tensor],
    explore_probability: float,
    generator: torch.Generator,
) -> Iterator[Decision]:
    """Episodes of these puzzles, segment by segment until all were halted or max_segments were run."""
    rows, M = len(puzzle_B), problem.max_segments
    min_B = draw_min_segments(rows, M, explore_probability, generator, puzzle_B.device)
    restarts_B = torch.rand(rows, generator=generator)
    at = problem.begin(puzzle_B)
    for m in range(1, M):
        obs_BF, coin_B = problem.observe(at, m), torch.rand(len(min_B), generator=generator)
        tried_B = torch.where(coin_B < restarts_B, RESTART, CONTINUE)
        action_B = torch.where(m < min_B, tried_B, network(obs_BF).argmax(-1))
        after = problem.go(at, action_B == RESTART)
        forced_B = torch.full_like(action_B, m == M - 1, dtype=torch.bool)
        yield Decision(
            obs_BF, problem.right(at), action_B,
            problem.observe(after, m + 1), problem.right(after), forced_B,
        )  # fmt: skip
        alive_B = action_B != HALT
        at = At(*(part_B[alive_B] for part_B in after))
        min_B, restarts_B = min_B[alive_B], restarts_B[alive_B]
        if not len(min_B):
            return


def q_learning_loss(
    network: Callable[[Tensor], Tensor], seen: Decision, max_segments: int, step_cost: float
) -> Float[Tensor, ""]:
    """BCE of Q_halt, and of Q of the action taken where it went on, as a mean over rows."""
    q_B3, M = network(seen.obs_BF), max_segments
    with torch.no_grad():
        best_B = network(seen.next_obs_BF).amax(-1)
    last_B = q_targets.halt_target(seen.next_right_B.bool(), M, step_cost).logit()
    ahead_B = torch.where(seen.forced_B, last_B, best_B)
    target_B = q_targets.one_segment_on(ahead_B, M, step_cost)
    taken_B = q_B3.gather(1, seen.action_B[:, None])[:, 0]
    halt_B = q_targets.halt_target(seen.right_B.bool(), M, step_cost)
    went_on_B = torch.where(seen.action_B != HALT, q_targets.q_loss(taken_B, target_B), 0)
    return (q_targets.q_loss(q_B3[:, HALT], halt_B) + went_on_B).mean()
