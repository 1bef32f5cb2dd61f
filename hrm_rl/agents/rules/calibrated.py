"""Halting with a guarantee: the knob of a rule, chosen on a bank so that a loss stays below a level.

`calibrate` walks a family of policies from the safest on, and takes the last before the first that
fails, by learn-then-test ("ltt": with probability 1 - delta the risk is at most alpha) or by conformal
risk control ("crc": the risk is at most alpha on average over banks). Both hold for any score, good
or bad, if the puzzles to come are drawn as those of the bank were, and if the family was fixed
without looking at them: take knobs from `sweep` over ANOTHER bank, or write them down.

`sides` calibrates rules that also give up, `conditional` what is lost by those that halted by m, for every m.

The loss compares halting with running to the bank's last segment, so `bank.first(M)` sets M. Running
to the end has loss 0, and is the answer where no policy passes.

Shapes: M segments, P puzzles, T tokens, C clusters of puzzles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hrm_rl.agents.rules.basic import FixedSegments
from hrm_rl.banks.bank import Bank, checked, play
from hrm_rl.checks.numbers import real, whole
from hrm_rl.halting import Halted, Policy
from hrm_rl.stopping.exact import check_halted

Loss = Callable[[Bank, Halted], Float[Tensor, " P"]]

# --- losses ---------------------------------------------------------------------------------------


def lost_correct(bank: Bank, halted: Halted) -> Float[Tensor, " P"]:
    """1 where the last segment is right and the halt wrong: what stopping early cost."""
    check_halted(checked(bank), halted)
    return (bank.correct_MP[-1] & ~halted.correct_P).double()


def performance_gap(bank: Bank, halted: Halted) -> Float[Tensor, " P"]:
    """c_M - c_tau, from -1 (only the halt is right) to 1; early exit's risk in 2405.20915.

    Both methods need losses in [0, 1] and clip it, which makes it `lost_correct`, and the certificate
    one for the gap too: gains only make the gap smaller.
    """
    check_halted(checked(bank), halted)
    return bank.correct_MP[-1].double() - halted.correct_P.double()


def inconsistent(bank: Bank, halted: Halted) -> Float[Tensor, " P"]:
    """1 where the answer is not that of the last segment; needs no solution (CALM, 2207.07061)."""
    check_halted(checked(bank), halted)
    answer_PT = bank.predictions_MPT[halted.segment_P - 1, torch.arange(len(bank))]
    return (answer_PT != bank.predictions_MPT[-1]).any(-1).double()


def lost_chance(bank: Bank, halted: Halted) -> Float[Tensor, " P"]:
    """1 where the halt is wrong and some later segment is right: the loss of giving up.

    Compared with the best later segment, not the last one, so it's no less than `lost_correct`.
    """
    check_halted(checked(bank), halted)
    m_M1 = torch.arange(1, bank.max_segments + 1)[:, None]
    later_P = (bank.correct_MP & (m_M1 > halted.segment_P)).any(0)
    return (later_P & ~halted.correct_P).double()


# --- tests ----------------------------------------------------------------------------------------


def binomial_tail(k: int, n: int, p: float) -> float:
    """P(X <= k) for X ~ Binomial(n, p), 0 < p < 1; summed in logarithms."""
    k, n = whole("k", k, low=0), whole("n", n, low=1)
    p = real("p", p, low=0, high=1, inside=True)
    if k >= n:
        return 1.0
    j = torch.arange(k + 1, dtype=torch.float64)
    ways = math.lgamma(n + 1) - torch.lgamma(j + 1) - torch.lgamma(n - j + 1)
    return math.exp(float((ways + j * math.log(p) + (n - j) * math.log1p(-p)).logsumexp(0)))


def hoeffding_bentkus(risk: float, n: int, alpha: float) -> float:
    """p-value of "the mean of a loss in [0, 1] is above alpha" when n draws of it average `risk`.

    min(exp(-n h(min(risk, alpha), alpha)), e P(Binomial(n, alpha) <= ceil(n risk))), with
    h(a, b) = a ln(a / b) + (1 - a) ln((1 - a) / (1 - b)), and at most 1. Source: Angelopoulos et al.
    2021 (2110.01052), after Bates et al. 2021 (2101.02703).
    """
    risk, n = real("risk", risk, low=0, high=1), whole("n", n, low=1)
    alpha = real("alpha", alpha, low=0, high=1, inside=True)
    a, b = min(risk, alpha), alpha
    h = (a * math.log(a / b) if a > 0 else 0.0) + (1 - a) * math.log((1 - a) / (1 - b))
    count = math.ceil(n * risk - 1e-9)  # a whole number of losses, but for the rounding of n * risk
    return min(math.exp(-n * h), math.e * binomial_tail(count, n, alpha), 1.0)


def crc_bound(risk: float, n: int) -> float:
    """n / (n + 1) risk + 1 / (n + 1): the risk if the next loss were 1, the largest there is.

    Source: Angelopoulos et al. 2022 (2208.02814), with B = 1.
    """
    risk, n = real("risk", risk, low=0, high=1), whole("n", n, low=1)
    return (n * risk + 1) / (n + 1)


# --- calibration ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Calibrated:
    """A policy, and what is guaranteed of it."""

    policy: Policy
    index: int | None
    """Its place in the family, from 0; None if none passed and it runs to the end."""
    risk: float
    """Mean loss on the calibration bank, clipped to [0, 1]."""
    certificate: str
    """What holds, in words."""


def calibrate(
    bank: Bank,
    policies: Sequence[Policy],
    loss: Loss,
    alpha: float,
    delta: float = 0.1,
    method: str = "ltt",
) -> Calibrated:
    """The boldest of a family of policies whose risk is certified to be at most `alpha`.

    "ltt": fixed-sequence testing at level delta; any loss, and the order of the family decides only
    how far it gets. "crc": needs losses that never fall as policies get bolder; correctness can be
    lost again, so they may, and each puzzle's loss is replaced by its largest one so far, which is
    monotone and no smaller: the bound then holds for the loss itself, if less tightly.

    Copies of one base puzzle (`bank.cluster_P`) are no independent draws: their mean loss is one.

    Args:
        policies: safest first, as `sweep` orders them.
        delta: how often the guarantee may fail; "crc" does not use it.

    Raises:
        ValueError: an empty family, an unknown method, a level outside (0, 1).
    """
    _check(policies, alpha, delta, method)
    checked(bank)
    n = len(bank.cluster_P.unique())
    chosen, chosen_risk, evidence = None, 0.0, 0.0
    worst_P = torch.zeros(len(bank), dtype=torch.float64)
    for index, policy in enumerate(policies):
        loss_P = _lost(bank, loss, policy)
        risk, worst_P = _mean(bank, loss_P), torch.maximum(worst_P, loss_P)
        ltt = method == "ltt"
        found = hoeffding_bentkus(risk, n, alpha) if ltt else crc_bound(_mean(bank, worst_P), n)
        if found > (delta if ltt else alpha):
            break
        chosen, chosen_risk, evidence = index, risk, found
    text = _certificate(loss, n, alpha, delta, method, chosen, len(policies), chosen_risk, evidence)
    if chosen is None:
        last = FixedSegments(bank.max_segments, observation=policies[0].observation)
        return Calibrated(last, None, 0.0, text)
    return Calibrated(policies[chosen], chosen, chosen_risk, text)


def _lost(bank: Bank, loss: Loss, policy: Policy) -> Float[Tensor, " P"]:
    """The loss on every puzzle, clipped to [0, 1]; a nan would pass every test."""
    loss_P = loss(bank, play(bank, policy))
    if not isinstance(loss_P, Tensor) or loss_P.shape != (len(bank),) or loss_P.isnan().any():
        raise ValueError(
            f"the loss must be a tensor of {len(bank)} numbers, one a puzzle and none nan, got "
            f"{loss_P!r:.60}"
        )
    return loss_P.double().clamp(0, 1)


def _check(policies: Sequence[Policy], alpha: float, delta: float, method: str) -> None:
    if not len(policies):
        raise ValueError("policies must not be empty; give a family, safest first")
    if method not in ("ltt", "crc"):
        raise ValueError(f'method must be "ltt" or "crc", got "{method}"')
    for name, level in (("alpha", alpha), ("delta", delta)):
        real(name, level, low=0, high=1, inside=True)


def _mean(bank: Bank, loss_P: Float[Tensor, " P"]) -> float:
    """Mean over clusters of the mean loss in each."""
    _, cluster_P, size_C = bank.cluster_P.unique(return_inverse=True, return_counts=True)
    total_C = loss_P.new_zeros(len(size_C)).index_add(0, cluster_P, loss_P)
    return float((total_C / size_C).mean())


def _certificate(
    loss: Loss,
    n: int,
    alpha: float,
    delta: float,
    method: str,
    chosen: int | None,
    family: int,
    risk: float,
    evidence: float,
) -> str:
    name = getattr(loss, "__name__", "the loss")
    if chosen is None:
        return (
            f"None of {family} policies keeps {name} at or below {alpha:g} by {method} on {n} "
            "puzzles; running to the last segment does, for it is what the loss compares with"
        )
    where = f"policy {chosen + 1} of {family}, {name} {risk:.4g} on {n} calibration puzzles"
    if method == "crc":
        return (
            f"Mean {name} <= {alpha:g} on average over calibration banks, for puzzles drawn alike "
            f"(conformal risk control, monotone bound {evidence:.4g}; {where})"
        )
    return (
        f"Mean {name} <= {alpha:g} with probability >= {1 - delta:g} over calibration banks, for "
        f"puzzles drawn alike (learn-then-test, Hoeffding-Bentkus p = {evidence:.2g}; {where})"
    )
