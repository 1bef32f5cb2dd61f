"""What are restarts worth? Rules, the best policy and learners on banks of copies, at equal segments.

    hrm-rl bank sudoku9 --puzzles sudoku9_hard --split fit --copies 8 --out banks/hard-fit
    hrm-rl bank sudoku9 --puzzles sudoku9_hard --split test --copies 8 --out banks/hard-test
    python scripts/restart_rules.py banks/hard-fit banks/hard-test [--restarts 1 3 7] [--max-segments 16]
                                    [--step-cost 0.01] [--recall verified] [--learn 0] [--ppo 0]
                                    [--seeds 3] [--out FILE.json]

The budget is of all copies together, so that a restart takes segments from the present one. Knobs are
chosen, and policies fitted, on the first bank; all is scored on the second. Each row's gain is over the
best rule without restarts, paired by puzzle, with a 95 % bootstrap interval.

Shapes: P puzzles.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hrm_rl.agents.learners.restarting import exact_gradient, fitted_q
from hrm_rl.agents.learners.restarting_play import q_learning
from hrm_rl.agents.rules.basic import FixedSegments, QGreedy, QThreshold
from hrm_rl.agents.rules.restarts import NeverRestart, restart_rules
from hrm_rl.banks.bank import Bank
from hrm_rl.banks.copies import originals
from hrm_rl.banks.files import read_bank
from hrm_rl.features import RECALLS
from hrm_rl.models.tensorfile import write_atomically
from hrm_rl.statistics.comparisons import paired_difference
from hrm_rl.stopping.restart_snell import fit
from hrm_rl.stopping.restarts import Outcome, Problem, RestartPolicy, outcome, play
from hrm_rl.stopping.snell import fit_snell


class Row(NamedTuple):
    """A policy's scores on the second bank."""

    name: str
    scores: Outcome
    value_P: np.ndarray


LEARNERS = {"fitted Q": fitted_q, "exact gradient": exact_gradient, "Q-learning": q_learning}


def halting_rules(max_segments: int) -> dict[str, RestartPolicy]:
    """Rules that never restart, on all that is seen; what they halt by is among the scalars."""
    sure = (0.1, 0.5, 0.9, 0.99)
    rules: dict[str, Any] = {
        **{f"halt at {p}": QThreshold(p, "scalars") for p in sure},
        "Q greedy": QGreedy(observation="scalars"),
        **{f"fixed {m}": FixedSegments(m, "scalars") for m in range(1, max_segments + 1)},
    }
    return {f"never, {name}": NeverRestart(rule) for name, rule in rules.items()}


def chosen(problem: Problem, rules: Mapping[str, RestartPolicy]) -> tuple[str, RestartPolicy]:
    """The rule of the largest value on this bank."""
    name = max(rules, key=lambda name: outcome(problem, rules[name]).value)
    return name, rules[name]


def scored(problem: Problem, name: str, policy: RestartPolicy) -> Row:
    played = play(problem, policy)
    paid_P = problem.step_cost * (played.segment_P - 1).double()
    return Row(name, outcome(problem, policy), (problem.right(played.at) - paid_P).numpy())


def learnt(bank: Bank, problem: Problem, steps: int, seed: int) -> RestartPolicy:
    """PPO of stable-baselines3, on the bank's environment."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecNormalize

    from hrm_rl.agents.sb3 import SB3RestartPolicy, SB3VecEnv, initial_halt_bias
    from hrm_rl.envs.vector import HaltingVectorEnv

    env = HaltingVectorEnv(
        64, bank=bank, autoreset_mode="SameStep", prediction=False, recall=problem.recall,
        observation=problem.observation, restarts=problem.restarts,
        max_segments=problem.max_segments, step_cost=problem.step_cost,
    )  # fmt: skip
    seen = VecNormalize(SB3VecEnv(env), norm_reward=False)
    model = PPO(
        "MlpPolicy", seen, n_steps=64, batch_size=512, gamma=1.0, seed=seed, device="cpu",
        learning_rate=lambda left: 1e-3 * left,
    )  # fmt: skip
    initial_halt_bias(model, problem.max_segments)
    model.learn(steps)
    seen.training = False
    return SB3RestartPolicy(model, problem.observation)


def study(fitted: Bank, tested: Bank, restarts: int, asked: Any) -> list[Row]:
    """All policies of one number of restarts; the first row is the best without any."""
    settings = {
        "step_cost": asked.step_cost,
        "recall": asked.recall,
        "max_segments": asked.max_segments,
    }
    here, there = (Problem(bank, restarts, **settings) for bank in (fitted, tested))
    snell = fit_snell(originals(fitted).first(asked.max_segments), "scalars", asked.step_cost)
    rows = [
        scored(there, *chosen(here, halting_rules(asked.max_segments))),
        scored(there, "never, fit_snell", NeverRestart(snell)),
    ]
    for kind in ("restart at", "restart if"):
        rules = restart_rules(asked.max_segments)
        mine = {name: rule for name, rule in rules.items() if name.startswith(kind)}
        rows.append(scored(there, *chosen(here, mine)))
    rows.append(scored(there, "restart_snell", fit(here, seed=asked.seed)))
    for seed in range(asked.seed, asked.seed + asked.seeds):
        for name, learn in LEARNERS.items() if asked.learn else ():
            policy = learn(here, steps=asked.learn, seed=seed)
            rows.append(scored(there, f"{name}, seed {seed}", policy))
        if asked.ppo:
            rows.append(scored(there, f"PPO, seed {seed}", learnt(fitted, here, asked.ppo, seed)))
    return rows


def table(restarts: int, rows: list[Row]) -> list[dict[str, Any]]:
    """Scores, and gains over the first row."""
    found = []
    for row in rows:
        gain = paired_difference(row.value_P, rows[0].value_P)
        found.append(
            {"restarts allowed": restarts, "policy": row.name, **row.scores._asdict()}
            | {"gain": gain.mean, "low": gain.low, "high": gain.high}
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("fit", help="bank that knobs are chosen on")
    parser.add_argument("test", help="bank that is scored")
    parser.add_argument("--restarts", type=int, nargs="+", default=[1, 3, 7])
    parser.add_argument("--max-segments", type=int, default=16)
    parser.add_argument("--step-cost", type=float, default=0.01)
    parser.add_argument("--recall", choices=RECALLS, default="verified")
    parser.add_argument(
        "--learn", type=int, default=0, help="steps of our learners; 0 leaves them out"
    )
    parser.add_argument("--ppo", type=int, default=0, help="steps of PPO; 0 leaves it out")
    parser.add_argument("--seeds", type=int, default=3, help="of each learner")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    fitted, tested = read_bank(asked.fit), read_bank(asked.test)
    rows: list[dict[str, Any]] = []
    print("| restarts | policy | value | right | segments | restarted | gain |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for restarts in asked.restarts:
        for row in table(restarts, study(fitted, tested, restarts, asked)):
            rows.append(row)
            print(
                f"| {restarts} | {row['policy']} | {row['value']:.3f} | {row['accuracy']:.1%} | "
                f"{row['segments']:.2f} | {row['restarts']:.2f} | "
                f"{row['gain']:+.3f} [{row['low']:.3f}, {row['high']:.3f}] |",
                flush=True,
            )
        if asked.out:
            said = {name: str(value) for name, value in vars(asked).items()}
            write_atomically(asked.out, json.dumps(said | {"rows": rows}, indent=2).encode())


if __name__ == "__main__":
    main()
