"""What others make of the page's puzzles: where each policy halts, fitted on other puzzles.

Shapes: M segments, P puzzles.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hrm_rl.agents.comparison.compare import always_at
from hrm_rl.agents.learners import learner
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.rules import rule
from hrm_rl.banks.bank import Bank, play
from hrm_rl.checks.numbers import real, whole
from hrm_rl.checks.progress import bar as progress_bar
from hrm_rl.halting import MOST, Halted
from hrm_rl.puzzles.task import Task
from hrm_rl.stopping.exact import best_fixed, prophet
from hrm_rl.stopping.snell import fit_snell


class Player(NamedTuple):
    """A policy whose score stands beside yours."""

    name: str
    note: str
    """What it is, in a line."""
    halted: Halted


def players(
    fit: Bank, test: Bank, *, learned: str, steps: int, seed: int, step_cost: float
) -> list[Player]:
    """The Q rule, a learner, optimal stopping, the best fixed number, and the prophet.

    Args:
        fit: of one segment more than `test`, where the paper's edge looks.
        learned: the learner's name.

    Raises:
        ValueError: no such learner, or a number is out of range.
    """
    step_cost = check_players(learned, steps, seed, step_cost)
    M, others = test.max_segments, f"{len(fit):,} other puzzles"
    environment = play_on(fit, step_cost=step_cost, max_segments=M)
    seen = fit.columns["scalars"].shape[-1]
    with progress_bar(total=steps, unit="decision", desc=f"fitting {learned}") as bar:
        policy = learner(learned)(environment, steps=steps, seed=seed, progress=bar.update)
    m, _ = best_fixed(fit.first(M), step_cost)
    snell = fit_snell(fit.first(M), "q", step_cost)
    return [
        Player(
            "Q rule",
            "halts where Q of halting is above Q of going on, as in the paper",
            play(test, rule("q")),
        ),
        Player(
            _NAMES.get(learned, learned),
            f"learned on {others} in {steps:,} decisions from {seen} numbers of a segment, seed {seed}",
            play(test, policy),
        ),
        Player(
            "Snell envelope",
            f"optimal stopping for who sees the two Q alone, by backward induction on {others}",
            play(test, snell),
        ),
        Player(f"Always {m}", f"the best fixed number of segments on {others}", always_at(test, m)),
        Player(
            "Prophet",
            "an oracle: it knows each puzzle's future, and no policy scores more",
            prophet(test, step_cost),
        ),
    ]


_NAMES = {"ppo": "PPO", "a2c": "A2C", "dqn": "DQN", "exact_pg": "Exact gradient"}


def check_players(learned: str, steps: int, seed: int, step_cost: float) -> float:
    """The step cost, if policies can be fitted so.

    Raises:
        ValueError: as `players`.
    """
    learner(learned)
    whole("steps", steps, low=1, high=MOST)
    whole("seed", seed, low=0, high=2**32 - 1)
    return real("step_cost", step_cost, low=0)


def shown_puzzles(test: Bank, game: Task, beside: list[Player]) -> list[dict[str, Any]]:
    """Each puzzle as text, after which segments its answer is right, and where the others halt."""
    puzzles = test.puzzles
    if puzzles is None:
        raise ValueError("a page shows puzzles, and a synthetic bank has none; log one of a model")
    halts_PN = zip(*(one.halted.segment_P.tolist() for one in beside), strict=True)
    return [
        {
            "givens": _text(game, x_L),
            "answer": _text(game, y_L),
            "source": kind.removeprefix("hrm_rl_").replace("_", " "),
            "rating": rating,
            "right": "".join("01"[bit] for bit in right_M),
            "halts": halts_N,
        }
        for x_L, y_L, kind, rating, right_M, halts_N in zip(
            puzzles.inputs_PL,
            puzzles.solutions_PL,
            puzzles.sources,
            test.rating_P.tolist(),
            test.correct_MP.T.int().tolist(),
            halts_PN,
            strict=True,
        )
    ]


def _text(game: Task, tokens_L: Any) -> str:
    return "".join(str(digit) if digit else "." for digit in game.values(tokens_L).tolist())
