"""Synthetic banks, on which the best policy is known: unit tests for anybody's halting learner.

A puzzle is right or wrong after each segment by a Markov chain, and one sees that, or a noisy score
of it. `BANK_A` tests giving up, `BANK_B` losing a right answer, `BANK_C` not knowing; `BANK_NOISY`
is for calibration. `generate` draws a bank of any chain, `population` lists all that can happen to
a puzzle with its probability. The exact value of a policy on infinitely many puzzles is in
`hrm_rl.stopping.chains`, the best that is possible in `snell` and, for noisy scores, `belief` there.

Observation sets of a bank: "o" is what is seen, `correct` or scale * correct + N(0, 1). "q" is what
a calibrated Q-head would say: the log-odds of being right given o and the segment, and 0 for
continuing. "belief" (noisy scores only) is the probability of being right given all scores so far,
and, if not all puzzles are solvable, that of being hopeless. It sums up the past.

Shapes: M segments, P puzzles, N quadrature nodes, B rows, F features.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hrm_rl.banks.bank import Bank
from hrm_rl.checks.numbers import real, whole
from hrm_rl.features import Q_BOUND
from hrm_rl.halting import MOST, SEEDS

MOST_PATHS = 2**18
_STREAM = 0x5EED
"""A policy that tosses coins with the same seed must not toss those of the puzzles."""


@dataclass(frozen=True)
class Chain:
    """How a puzzle becomes right, and wrong again, and what is seen of it."""

    max_segments: int
    first: float
    """P(right after segment 1) of a solvable puzzle."""
    hazard: float
    """P(right after the next segment) of a solvable puzzle that is wrong."""
    loss: float = 0.0
    """P(wrong after the next segment) of a puzzle that is right: overthinking."""
    solvable: float = 1.0
    """Share of the puzzles that are ever right."""
    scale: float | None = None
    """None: one sees whether the answer is right. Else scale * correct + N(0, 1)."""

    def __post_init__(self) -> None:
        for name in ("first", "hazard", "loss", "solvable"):
            real(name, getattr(self, name), low=0, high=1, cure="it is a probability")
        whole("max_segments", self.max_segments, low=1, high=MOST)
        if self.scale is not None:
            real("scale", self.scale, low=0, cure="None shows whether the answer is right")


BANK_A = Chain(16, first=0.3, hazard=0.3, solvable=0.8)
"""Giving up: 80 % can be solved, each segment solves 30 % of what is left of them, for good."""
BANK_B = Chain(8, first=0.3, hazard=0.25, loss=0.1)
"""Overthinking: what is wrong becomes right by 0.25, and what is right becomes wrong by 0.1."""
BANK_C = Chain(8, first=0.2, hazard=0.2, scale=2.0)
"""Hidden correctness: all can be solved, each segment solves 20 %, and the score is noisy."""
BANK_NOISY = Chain(16, first=0.3, hazard=0.3, solvable=0.8, scale=2.0)
"""Bank A seen through a noisy score: for risk control, where halting early loses right answers."""


def bank_a(
    puzzles: int,
    max_segments: int = 16,
    seed: int = 0,
    solvable: float = 0.8,
    hazard: float = 0.3,
) -> Bank:
    """Puzzles of `BANK_A`. More segments than a policy may run: `bank.first(16)` is that bank."""
    chain = replace(
        BANK_A, max_segments=max_segments, solvable=solvable, first=hazard, hazard=hazard
    )
    return generate(chain, puzzles, seed)


def bank_b(puzzles: int, max_segments: int = 8, seed: int = 0) -> Bank:
    """Puzzles of `BANK_B`; at horizon 8 the paper's edge looks at segment 9: max_segments=9."""
    return generate(replace(BANK_B, max_segments=max_segments), puzzles, seed)


def bank_c(puzzles: int, max_segments: int = 8, seed: int = 0, scale: float = 2.0) -> Bank:
    """Puzzles of `BANK_C`; at scale=1 the score says less."""
    return generate(replace(BANK_C, max_segments=max_segments, scale=scale), puzzles, seed)


def bank_noisy(puzzles: int, max_segments: int = 16, seed: int = 0, scale: float = 2.0) -> Bank:
    """Puzzles of `BANK_NOISY`."""
    return generate(replace(BANK_NOISY, max_segments=max_segments, scale=scale), puzzles, seed)


def generate(chain: Chain, puzzles: int, seed: int = 0) -> Bank:
    """Draw puzzles. A shorter chain with the same seed is the beginning, bit for bit.

    Raises:
        ValueError: no puzzles, or a seed below 0.
    """
    puzzles = whole("puzzles", puzzles, low=1, high=MOST)
    seed = whole("seed", seed, low=0, high=SEEDS)
    generator = torch.Generator().manual_seed(seed ^ _STREAM)
    solvable_P = torch.rand(puzzles, generator=generator) < chain.solvable
    correct: list[Tensor] = []
    noise: list[Tensor] = []
    for m in range(chain.max_segments):
        coin_P = torch.rand(puzzles, generator=generator)
        noise.append(torch.randn(puzzles, generator=generator))
        if m == 0:
            right_P = coin_P < chain.first
        else:
            right_P = torch.where(correct[-1], coin_P >= chain.loss, coin_P < chain.hazard)
        correct.append(right_P & solvable_P)
    return bank_of(chain, torch.stack(correct), torch.stack(noise), history=True)


def generate_copies(chain: Chain, puzzles: int, copies: int, seed: int = 0) -> Bank:
    """Draw K copies of each puzzle, independent of each other: being solvable is a copy's own.

    Raises:
        ValueError: no puzzles or copies, or a seed below 0.
    """
    copies = whole("copies", copies, low=1, high=MOST)
    puzzles = whole("puzzles", puzzles, low=1, high=MOST)
    bank = generate(chain, puzzles * copies, seed)
    return replace(bank, cluster_P=torch.arange(puzzles).repeat_interleave(copies), copies=copies)


def population_copies(chain: Chain, copies: int) -> tuple[Bank, Float[Tensor, " P"]]:
    """All that can happen to K independent copies of a puzzle, and its probability.

    Raises:
        ValueError: too many paths.
    """
    one, weight_P = population(chain)
    copies, P = whole("copies", copies, low=1, high=MOST), len(weight_P)
    if P**copies > MOST_PATHS:
        raise ValueError(
            f"{copies} copies with {P} paths each have {P}**{copies} together, more than {MOST_PATHS}; "
            "take fewer copies, or a shorter chain"
        )
    path_PK = torch.cartesian_prod(*[torch.arange(P)] * copies).view(-1, copies)
    correct_MP = one.correct_MP[:, path_PK.flatten()]
    bank = bank_of(replace(chain, scale=None), correct_MP, torch.zeros(correct_MP.shape))
    cluster_P = torch.arange(len(path_PK)).repeat_interleave(copies)
    return replace(bank, cluster_P=cluster_P, copies=copies), weight_P[path_PK].prod(1)


def population(chain: Chain) -> tuple[Bank, Float[Tensor, " P"]]:
    """All that can happen to a puzzle, each path once, and its probability.

    The columns are those of a chain without noise, which is not part of a path.

    Raises:
        ValueError: too many paths; they double with each segment if answers can be lost.
    """
    if chain.loss > 0 and 2**chain.max_segments > MOST_PATHS:
        raise ValueError(
            f"{chain.max_segments} segments of a chain that loses answers have "
            f"2**{chain.max_segments} paths, more than {MOST_PATHS}; take a shorter one"
        )
    correct_MP = torch.zeros(0, 1, dtype=torch.bool)
    solvable_P = torch.tensor([chain.solvable], dtype=torch.float64)
    hopeless_P = 1 - solvable_P
    for m in range(chain.max_segments):
        last_P = correct_MP[-1] if m else torch.zeros(1, dtype=torch.bool)
        rates = (chain.hazard if m else chain.first, 1 - chain.loss)
        right_P = torch.tensor(rates, dtype=torch.float64)[last_P.long()]
        solvable_P = torch.cat([solvable_P * right_P, solvable_P * (1 - right_P)])
        hopeless_P = torch.cat([torch.zeros_like(hopeless_P), hopeless_P])
        now_P = torch.arange(len(solvable_P)) < len(last_P)
        correct_MP = torch.cat([torch.cat([correct_MP, correct_MP], 1), now_P[None]])
        kept_P = solvable_P + hopeless_P > 0
        correct_MP = correct_MP[:, kept_P]
        solvable_P, hopeless_P = solvable_P[kept_P], hopeless_P[kept_P]
    exact = replace(chain, scale=None)
    return bank_of(exact, correct_MP, torch.zeros(correct_MP.shape)), solvable_P + hopeless_P


# --- what is seen ---------------------------------------------------------------------------------


def right_after(chain: Chain) -> Float[Tensor, " M"]:
    """P(right) after each segment: the accuracy of a fixed number of segments."""
    rate = chain.first
    rates = []
    for _ in range(chain.max_segments):
        rates.append(chain.solvable * rate)
        rate = rate * (1 - chain.loss) + (1 - rate) * chain.hazard
    return torch.tensor(rates, dtype=torch.float64)


def log_odds(chain: Chain, score_MP: Float[Tensor, "M P"]) -> Float[Tensor, "M P"]:
    """Log-odds of being right given the noisy score and the segment, without the past."""
    return right_after(chain).logit()[:, None] + log_ratio(chain, score_MP.double())


def log_ratio(chain: Chain, score: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """log p(score | right) - log p(score | wrong)."""
    assert chain.scale is not None
    return chain.scale * score - chain.scale**2 / 2


def beliefs(chain: Chain, score_MP: Float[Tensor, "M P"]) -> Float[Tensor, "M P F"]:
    """P(right) and, if there are hopeless puzzles, P(hopeless), given all scores so far."""
    ratio_MP = log_ratio(chain, score_MP.double()).exp()
    right_P = torch.full_like(ratio_MP[0], chain.solvable * chain.first)
    hopeless_P = torch.full_like(right_P, 1 - chain.solvable)
    rows = []
    for m, ratio_P in enumerate(ratio_MP):
        if m:
            wrong_P = 1 - right_P - hopeless_P
            right_P = right_P * (1 - chain.loss) + wrong_P * chain.hazard
        total_P = right_P * ratio_P + (1 - right_P)
        right_P, hopeless_P = right_P * ratio_P / total_P, hopeless_P / total_P
        rows.append(torch.stack([right_P, hopeless_P][: 1 + (chain.solvable < 1)], -1))
    return torch.stack(rows)


def bank_of(
    chain: Chain,
    correct_MP: Bool[Tensor, "M P"],
    noise_MP: Float[Tensor, "M P"],
    history: bool = False,
) -> Bank:
    """Args: history: whether segments of a column follow each other, so that a belief is defined."""
    P = correct_MP.shape[1]
    right_MP = correct_MP.float()
    seen_MP = right_MP if chain.scale is None else chain.scale * right_MP + noise_MP
    odds_MP = (
        (2 * Q_BOUND * right_MP - Q_BOUND) if chain.scale is None else log_odds(chain, seen_MP)
    )
    odds_MP = odds_MP.clamp(-Q_BOUND, Q_BOUND).float()
    columns = {"o": seen_MP[..., None], "q": torch.stack([odds_MP, 0 * odds_MP], -1)}
    if chain.scale is not None and history:
        columns["belief"] = beliefs(chain, seen_MP).float()
    return Bank(
        columns=columns,
        correct_MP=correct_MP,
        cells_MP=right_MP,
        predictions_MPT=correct_MP[..., None].to(torch.uint8),
        rating_P=torch.zeros(P, dtype=torch.long),
        cluster_P=torch.arange(P),
    )
