"""Learners on synthetic banks and on the shipped one, scored exactly: the tables of docs/learners.

    python scripts/learners.py exact_pg fqi --steps 200000 --seeds 4 --banks A C shipped

On banks A and C fitted on 100,000 puzzles, at 0.02 per segment, and scored on infinitely many
(`chains.score`); policies that remember are scored on 300,000 fresh puzzles. On the shipped bank
of `sudoku9` fitted on the fit split, at 0.01 per segment, and scored on the test split.
"""

from __future__ import annotations

import argparse
import time

from hrm_rl.agents.learners import LEARNERS, learner
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.banks import synthetic
from hrm_rl.banks.files import read_bank
from hrm_rl.banks.synthetic import BANK_A, BANK_C, Chain
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.halting import Policy
from hrm_rl.stopping import chains
from hrm_rl.stopping.exact import Outcome, outcome

PUZZLES, FRESH, SEGMENTS = 100_000, 300_000, 16
BANKS = {"A": BANK_A, "C": BANK_C, "shipped": None}
"""Giving up (the best is 0.7083), hidden correctness (0.7326 without a memory, 0.7408 with), and a
real model."""


def environment(chain: Chain | None) -> HaltingVectorEnv:
    """What is fitted on."""
    if chain is None:
        bank = read_bank("sudoku9-fit", max_segments=SEGMENTS + 1)
        return play_on(bank, step_cost=0.01, max_segments=SEGMENTS)
    return play_on(synthetic.generate(chain, PUZZLES), observation="o", step_cost=0.02)


def score(chain: Chain | None, policy: Policy, stochastic: bool = False) -> Outcome:
    """On other puzzles; exact where the policy has no memory."""
    if chain is None:
        test = read_bank("sudoku9-test").first(SEGMENTS)
        return outcome(test, policy, 0.01, stochastic=stochastic)
    if hasattr(policy, "begin"):
        fresh = synthetic.generate(chain, FRESH, seed=1)
        return outcome(fresh, policy, 0.02, stochastic=stochastic)
    return chains.score(chain, policy, 0.02, stochastic=stochastic)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("learners", nargs="+", choices=LEARNERS)
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--banks", nargs="+", choices=BANKS, default=list(BANKS))
    arguments = parser.parse_args()
    print("| learner | bank | values, one per seed | accuracy | segments | value of its coins |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in arguments.learners:
        for letter in arguments.banks:
            chain = BANKS[letter]
            env = environment(chain)
            start, found, coins = time.perf_counter(), [], []
            for seed in range(arguments.seeds):
                policy = learner(name)(env, steps=arguments.steps, seed=seed)
                found.append(score(chain, policy))
                if hasattr(policy, "probability"):
                    coins.append(score(chain, policy, stochastic=True).value)
            print(_row(name, letter, found, coins), flush=True)
            seconds = (time.perf_counter() - start) / arguments.seeds
            print(f"<!-- {seconds:.0f} s a seed -->", flush=True)


def _row(name: str, letter: str, found: list[Outcome], coins: list[float]) -> str:
    values = ", ".join(f"{o.value:.4f}" for o in found)
    accuracy = sum(o.accuracy for o in found) / len(found)
    segments = sum(o.segments for o in found) / len(found)
    stochastic = f"{sum(coins) / len(coins):.4f}" if coins else "-"
    return f"| {name} | {letter} | {values} | {accuracy:.4f} | {segments:.2f} | {stochastic} |"


if __name__ == "__main__":
    main()
