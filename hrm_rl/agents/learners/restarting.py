"""Learners with a third action, the next copy of the puzzle, from all states of a bank of copies.

Each, and `restarting_play.q_learning`, fits a network of three outputs to a `stopping.restarts.Problem`;
what it returns is scored by `restarts.outcome`. Where no copy is left restarting is continuing, to
learners as to the environment.

- `fitted_q`: as `fqi`. With c = step_cost, over all states of the puzzles of a batch (`restarts.tree`),

      Q_halt(s) ~ 1{kept answer right},    Q_a(s) ~ max Q'(s after a) - c    for a = continue, restart

  by least squares, Q' the network of the last iteration; after the last segment there is but halting.
- `exact_gradient`: as `exact_pg`. The expected return over a softmax of three, summed over the states
  backwards, plus its entropy's bonus, which falls linearly to 0.

Sources and hyperparameters are those of `fqi` and `exact_pg`, but for batches of 16 puzzles. The first
P(halt) and P(restart) are about 1 / max_segments each.

Shapes: S states, Z states of the next level, B rows, F features.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hrm_rl.agents.learners.fitting import batches_in, descend
from hrm_rl.agents.learners.inputs import Standardise, mlp, no_progress, start_at
from hrm_rl.checks.numbers import real, whole
from hrm_rl.device import shelter
from hrm_rl.halting import SEEDS
from hrm_rl.stopping.restarts import Level, Problem, tree

LEARNT_FROM = 64
"""Puzzles whose states say what is standardised by."""


@dataclass(frozen=True)
class BestAction:
    """The action of the largest output, as a `stopping.restarts.RestartPolicy`."""

    network: nn.Module
    """What is seen (B, F) -> (B, 3): values or logits of continuing, halting and restarting."""
    observation: str

    @torch.no_grad()
    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
        best_B: Tensor = self.network(obs_BF).argmax(-1)
        return best_B


@dataclass(frozen=True)
class Copies:
    """The puzzles of a problem, for `fitting.descend`: a batch is all that can happen to its puzzles."""

    problem: Problem

    @property
    def max_segments(self) -> int:
        return self.problem.max_segments

    def take(self, index_B: Int[Tensor, " B"]) -> list[Level]:
        return tree(self.problem, index_B)

    def __len__(self) -> int:
        return self.problem.puzzles


# --- full feedback --------------------------------------------------------------------------------


@shelter(gradients=True)
def fitted_q(
    problem: Problem,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    batch: int = 16,
    lr: float = 1e-2,
    iterations: int = 30,
) -> BestAction:
    """Fit the three Q on all states of a bank of copies, again and again.

    Args:
        steps: decisions to learn from, max_segments - 1 for each puzzle of a batch.

    Raises:
        ValueError: a number out of range.
    """
    iterations = whole("iterations", iterations, low=1)
    network, seen = network_for(problem, seed), Copies(problem)
    last = copy.deepcopy(network)
    fit = -(-batches_in(seen, steps, batch)[1] // iterations)

    def loss(levels: list[Level], left: float) -> Tensor:
        targets = q_values(outputs(last, levels), levels, problem.step_cost)
        off_S3 = torch.cat(outputs(network, levels)) - torch.cat(targets).detach()
        return off_S3.square().mean()

    def after(update: int) -> None:
        if update % fit == 0:
            last.load_state_dict(network.state_dict())

    descend(
        network, loss, seen,
        steps=steps, batch=batch, seed=seed, lr=real("lr", lr, low=0, inside=True),
        progress=progress, after=after,
    )  # fmt: skip
    return BestAction(network, problem.observation)


@shelter(gradients=True)
def exact_gradient(
    problem: Problem,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object] = no_progress,
    batch: int = 16,
    lr: float = 1e-2,
    entropy: float = 0.03,
) -> BestAction:
    """Climb the exact value of a softmax of three on a bank of copies; what it returns is its mode.

    Args:
        steps: as in `fitted_q`.

    Raises:
        ValueError: a number out of range.
    """
    entropy = real("entropy", entropy, low=0)
    rare = -math.log(max(problem.max_segments - 2, 1))
    network = start_at(network_for(problem, seed), 0.0, rare, rare)

    def loss(levels: list[Level], left: float) -> Tensor:
        logits = outputs(network, levels)
        return -expected_return(logits, levels, problem.step_cost, left * entropy)

    descend(
        network, loss, Copies(problem),
        steps=steps, batch=batch, seed=seed, lr=real("lr", lr, low=0, inside=True),
        progress=progress,
    )  # fmt: skip
    return BestAction(network, problem.observation)


def outputs(network: nn.Module, levels: Sequence[Level]) -> list[Float[Tensor, "_ 3"]]:
    """Of every level at which a decision is due: all but the last."""
    obs = [level.obs_SF for level in levels[:-1]]
    return list(network(torch.cat(obs)).split([len(part) for part in obs]))


def q_values(
    last: Sequence[Float[Tensor, "_ 3"]], levels: Sequence[Level], step_cost: float
) -> list[Float[Tensor, "_ 3"]]:
    """What each action is worth in each state, if `last` is right about the states one segment on."""
    ahead = [*(q_S3.amax(-1) for q_S3 in last[1:]), levels[-1].right_S]
    parts = zip(levels[:-1], ahead, strict=True)
    return [_worth(level, ahead_Z, step_cost) for level, ahead_Z in parts]


def expected_return(
    logits: Sequence[Float[Tensor, "_ 3"]],
    levels: Sequence[Level],
    step_cost: float,
    entropy: float = 0.0,
) -> Float[Tensor, ""]:
    """Mean over puzzles of E[return] + entropy * E[sum of the entropies of the decisions made]."""
    ahead_Z = levels[-1].right_S
    for logit_S3, level in zip(reversed(logits), reversed(levels[:-1]), strict=True):
        log_p_S3 = logit_S3.double().log_softmax(-1)
        gain_S3 = _worth(level, ahead_Z, step_cost) - entropy * log_p_S3
        ahead_Z = (log_p_S3.exp() * gain_S3).sum(-1)
    return ahead_Z.mean()


def _worth(level: Level, ahead_Z: Float[Tensor, " Z"], step_cost: float) -> Float[Tensor, "S 3"]:
    """Continuing, halting and restarting, of what the next level's states are worth."""
    go_S, again_S = ahead_Z[level.go_S] - step_cost, ahead_Z[level.again_S] - step_cost
    return torch.stack([go_S, level.right_S.to(go_S.dtype), again_S], -1)


def network_for(problem: Problem, seed: int) -> nn.Sequential:
    """The network of every learner with three outputs, its inputs standardised over states."""
    seed = whole("seed", seed, low=0, high=SEEDS)
    every = max(problem.puzzles // LEARNT_FROM, 1)
    levels = tree(problem, torch.arange(0, problem.puzzles, every))
    obs_SF = torch.cat([level.obs_SF for level in levels[:-1]]).double()
    standard = Standardise(obs_SF.mean(0).float(), obs_SF.std(0, correction=0).float())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return mlp(standard, 3)
