"""The whole comparison on a frozen model: log banks, fit learners, score every policy, write it down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from hrm_rl.agents.compare import Row, compare, table, write_csv
from hrm_rl.agents.learner import learner
from hrm_rl.agents.rules import RandomHalting, probability_of_mean, rule
from hrm_rl.bank import Bank, log_bank, play
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.halting import Policy
from hrm_rl.models.hrm import HRM
from hrm_rl.puzzles import PuzzleSet

SLOTS = 64


def run_comparison(
    model: HRM,
    fit: PuzzleSet,
    test: PuzzleSet,
    *,
    rules: Sequence[str],
    learners: Sequence[str],
    seeds: int,
    steps: int,
    step_costs: Sequence[float],
    learn_step_cost: float,
    max_segments: int,
    out: Path,
) -> list[Row]:
    """Fit on `fit`, score on `test`; writes compare.csv and pareto.png in `out` and prints the table.

    The model is frozen, so both splits are logged once and every learner plays on the log: the same
    observations and rewards as the live environment, without its forwards.

    Args:
        rules: names for `rules.rule`; "random" halts by a coin, at the mean segments of the first other rule.
        learners: names for `learner.learner`; each is fitted `seeds` times for `steps` decisions, paying
            `learn_step_cost` for each segment.
        step_costs: at which values are reported.

    Raises:
        ValueError: an unknown rule or learner, before anything is computed.
    """
    named: dict[str, Sequence[Policy]] = {name: [rule(name)] for name in rules if name != "random"}
    makers = {name: learner(name) for name in learners}

    print(
        "logging the puzzles that policies are fitted on, then those they are scored on", flush=True
    )
    fit_bank = log_bank(model, fit, max_segments, progress=True)
    test_bank = log_bank(model, test, max_segments, progress=True)
    if "random" in rules:
        reference = next(iter(named.values()), [rule("q")])[0]
        named["random"] = _coins(test_bank, reference, seeds)
    with tqdm(total=len(makers) * seeds * steps, unit="decision", desc="fitting") as bar:
        for name, learn in makers.items():
            bar.set_postfix_str(name)
            named[f"learned {name}"] = [
                learn(
                    HaltingVectorEnv(
                        SLOTS, bank=fit_bank, puzzles=fit, max_segments=max_segments,
                        step_cost=learn_step_cost, autoreset_mode="SameStep",
                    ),
                    steps=steps, seed=seed, progress=bar.update,
                )
                for seed in range(seeds)
            ]  # fmt: skip

    rows = compare(test_bank, named, step_costs)
    out.mkdir(parents=True, exist_ok=True)
    write_csv(rows, out / "compare.csv")
    print("\n" + table(rows))
    print(f"\n{out / 'compare.csv'}")
    _plot(rows, test_bank, out / "pareto.png")
    return rows


def _coins(bank: Bank, policy: Policy, seeds: int) -> list[Policy]:
    """Halting at random that runs as many segments on average as `policy` does, once per seed."""
    mean = float(play(bank, policy).segment_P.double().mean())
    probability = probability_of_mean(mean, bank.max_segments)
    return [RandomHalting(probability, seed) for seed in range(seeds)]


def _plot(rows: Sequence[Row], bank: Bank, path: Path) -> None:
    try:
        from hrm_rl.agents.pareto import plot

        plot(rows, bank, path)
    except ModuleNotFoundError as error:
        print(f"no plot: {error}; install hrm-rl[plots]")
        return
    print(path)
