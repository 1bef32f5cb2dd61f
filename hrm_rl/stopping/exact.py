"""Exact value of halting policies on a bank, its exact gradient, and the oracles.

A frozen model's segments do not depend on the policy, so the expectation over a policy's coins is a
sum over segments of what was logged: no episode has to be drawn (the reuse of full-length
trajectories in Goel, Dann and Brunskill 2017). `hrm_rl.stopping.snell` finds good policies, and
`hrm_rl.stopping.budget` the best under a limit on mean segments.

Everywhere `weight_P` says how much a puzzle counts (None: all alike), so that a small bank of all
that can happen (`synthetic.population`) gives exact figures. Tables are in double precision.

Shapes: M segments, P puzzles, B rows, F features.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hrm_rl.banks.bank import Bank, checked, observe, play
from hrm_rl.checks.numbers import real
from hrm_rl.halting import Halted, Policy, begun, chance, decide
from hrm_rl.statistics.survival import halting, survival


class Outcome(NamedTuple):
    """What a policy makes of a bank."""

    value: float
    """Mean return: accuracy - step_cost * (segments - 1)."""
    accuracy: float
    segments: float
    halting_M: Tensor
    """Share of the episodes that halt after each segment."""


# --- tables: P(halt) after each segment of each puzzle, if it was reached -------------------------


def rewards(correct_MP: Bool[Tensor, "M P"], step_cost: float) -> Float[Tensor, "M P"]:
    """Return of an episode that halts after segment m: 1{correct} - step_cost * (m - 1).

    Raises:
        ValueError: a step cost below 0, or none.
    """
    step_cost = real("step_cost", step_cost, low=0)
    m_M = torch.arange(len(correct_MP), dtype=torch.float64, device=correct_MP.device)
    return correct_MP.double() - step_cost * m_M[:, None]


def value_to_go(
    halt_MP: Float[Tensor, "M P"], reward_MP: Float[Tensor, "M P"]
) -> Float[Tensor, "M P"]:
    """Expected return from segment m on; its first row is the value of each puzzle. Differentiable.

    V_M = r_M and V_m = P(halt) r_m + (1 - P(halt)) V_{m+1}.
    """
    values = [reward_MP[-1]]
    for halt_P, reward_P in zip(
        reversed(halt_MP[:-1].unbind()), reversed(reward_MP[:-1].unbind()), strict=True
    ):
        values.append(halt_P * reward_P + (1 - halt_P) * values[-1])
    return torch.stack(values[::-1])


def logit_gradient(
    halt_MP: Float[Tensor, "M P"], reward_MP: Float[Tensor, "M P"]
) -> Float[Tensor, "M P"]:
    """Gradient of each puzzle's value by the logits of P(halt): S_m p_m (1 - p_m) (r_m - V_{m+1}).

    The coins are summed out, so it has no action noise, unlike REINFORCE. The forced halt has no
    logit: the last row is 0. Source: the optimal stopping policy gradient of Venkata and
    Bhattacharyya 2023.
    """
    gain_MP = reward_MP[:-1] - value_to_go(halt_MP, reward_MP)[1:]
    slope_MP = halt_MP[:-1] * (1 - halt_MP[:-1])
    inner_MP = survival(halt_MP)[:-1] * slope_MP * gain_MP
    return torch.cat([inner_MP, torch.zeros_like(inner_MP[:1])])


def halt_table(bank: Bank, policy: Policy, stochastic: bool = False) -> Float[Tensor, "M P"]:
    """P(halt) after each segment of each puzzle, 1 at the last; 0 or 1 unless `stochastic`.

    Raises:
        ValueError: a stochastic table is asked of a policy that has no `probability`, or what it
            answers are no probabilities.
    """
    policy = begun(policy, len(checked(bank)))
    ask: Callable[[Policy, Tensor, Tensor], Tensor] = chance if stochastic else decide
    time_aware = getattr(policy, "time_aware", True)
    rows = []
    with torch.no_grad():
        for m in range(1, bank.max_segments):
            obs_PF = observe(bank, policy.observation, m, time_aware)
            rows.append(ask(policy, obs_PF, torch.full((len(bank),), m)).double())
    return torch.stack([*rows, torch.ones(len(bank), dtype=torch.float64)])


# --- outcomes -------------------------------------------------------------------------------------


def outcome(
    bank: Bank,
    policy: Policy,
    step_cost: float,
    *,
    stochastic: bool = False,
    weight_P: Float[Tensor, " P"] | None = None,
) -> Outcome:
    """Exact value, accuracy, mean segments and halting distribution of a policy on a bank.

    Args:
        stochastic: over the policy's coins (`policy.probability`), not of its decisions.

    Raises:
        ValueError: `stochastic`, and the policy has no `probability`; or as `play` and `shares`.
    """
    if not stochastic:
        return outcome_of_halted(bank, play(bank, policy), step_cost, weight_P=weight_P)
    table_MP = halt_table(bank, policy, stochastic=True)
    return outcome_of_table(table_MP, bank.correct_MP, step_cost, weight_P=weight_P)


def outcome_of_halted(
    bank: Bank, halted: Halted, step_cost: float, *, weight_P: Float[Tensor, " P"] | None = None
) -> Outcome:
    """`outcome` of segments that were chosen already: an oracle's, or folds put together.

    Raises:
        ValueError: they are not of this bank's puzzles and segments.
    """
    check_halted(checked(bank), halted)
    step_cost, share_P = real("step_cost", step_cost, low=0), shares(len(bank), weight_P)
    correct_P = bank.correct_MP[halted.segment_P - 1, torch.arange(len(bank))]
    halting_M = torch.zeros(bank.max_segments, dtype=torch.float64)
    halting_M.index_add_(0, halted.segment_P - 1, share_P)
    return _outcome(halting_M, float(correct_P.double() @ share_P), step_cost)


def outcome_of_table(
    halt_MP: Float[Tensor, "M P"],
    correct_MP: Bool[Tensor, "M P"],
    step_cost: float,
    *,
    weight_P: Float[Tensor, " P"] | None = None,
) -> Outcome:
    """`outcome` of a table of P(halt), by survival products.

    Raises:
        ValueError: a step cost below 0, or a table that is none of probabilities.
    """
    step_cost = real("step_cost", step_cost, low=0)
    if halt_MP.shape != correct_MP.shape or not ((halt_MP >= -1e-9) & (halt_MP <= 1 + 1e-9)).all():
        raise ValueError(
            f"a table of P(halt) must hold probabilities in [0, 1], one for each of "
            f"{tuple(correct_MP.shape)} segments and puzzles, got {tuple(halt_MP.shape)} from "
            f"{float(halt_MP.min()):g} to {float(halt_MP.max()):g}"
        )
    share_P = shares(correct_MP.shape[1], weight_P)
    halting_MP = halting(halt_MP.double())
    accuracy = float((halting_MP * correct_MP).sum(0) @ share_P)
    return _outcome(halting_MP @ share_P, accuracy, step_cost)


def _outcome(halting_M: Float[Tensor, " M"], accuracy: float, step_cost: float) -> Outcome:
    segments = 1 + float(halting_M @ torch.arange(len(halting_M), dtype=torch.float64))
    return Outcome(accuracy - step_cost * (segments - 1), accuracy, segments, halting_M)


def shares(puzzles: int, weight_P: Float[Tensor, " P"] | None = None) -> Float[Tensor, " P"]:
    """Weights that sum to 1; all alike if none are given.

    Raises:
        ValueError: weights that are not one for each puzzle, finite, >= 0 and not all 0.
    """
    if weight_P is None:
        return torch.full((puzzles,), 1 / puzzles, dtype=torch.float64)
    if not isinstance(weight_P, Tensor) or weight_P.shape != (puzzles,):
        got = tuple(weight_P.shape) if isinstance(weight_P, Tensor) else type(weight_P).__name__
        raise ValueError(f"weight_P must be a tensor of {puzzles} weights, one a puzzle, got {got}")
    double_P = weight_P.double()
    total = double_P.sum()
    if not (total.isfinite() and total > 0 and (double_P >= 0).all()):
        raise ValueError(
            "weight_P must hold finite numbers >= 0 that are not all 0, got "
            f"{float(double_P.min()):g} to {float(double_P.max()):g}"
        )
    return double_P / total


def check_halted(bank: Bank, halted: Halted) -> None:
    """Refuse halts that are of other puzzles, or beyond the last segment.

    Raises:
        ValueError: they are.
    """
    if not isinstance(halted, Halted):
        raise ValueError(f"where a policy halted is a Halted (bank.play), got {halted!r:.60}")
    if len(halted.segment_P) != len(bank):
        raise ValueError(
            f"halts must be of the bank's {len(bank)} puzzles, got {len(halted.segment_P)}; play "
            "the policy on this bank"
        )
    if (last := int(halted.segment_P.max())) > bank.max_segments:
        raise ValueError(
            f"segments must be in 1..{bank.max_segments}, those of the bank, got {last}; play the "
            "policy on this bank"
        )


# --- what no policy has to look for ---------------------------------------------------------------


def best_fixed(
    bank: Bank, step_cost: float, *, weight_P: Float[Tensor, " P"] | None = None
) -> tuple[int, float]:
    """The best number of segments for all puzzles alike, and its value; the fewest on a tie.

    Raises:
        ValueError: no bank, a step cost below 0, or as `shares`.
    """
    step_cost = real("step_cost", step_cost, low=0)
    share_P = shares(len(checked(bank)), weight_P)
    accuracy_M = torch.stack([correct_P.double() @ share_P for correct_P in bank.correct_MP])
    value_M = accuracy_M - step_cost * torch.arange(len(accuracy_M), dtype=torch.float64)
    best = int(value_M.argmax())
    return best + 1, float(value_M[best])


def prophet(bank: Bank, step_cost: float) -> Halted:
    """ORACLE: halts where the return is highest, knowing the whole future. No policy has more value.

    At step cost 0 it is the first right segment, and segment 1 where none is right.
    """
    segment_P = rewards(checked(bank).correct_MP, step_cost).argmax(0) + 1
    return Halted(segment_P, bank.correct_MP[segment_P - 1, torch.arange(len(bank))])
