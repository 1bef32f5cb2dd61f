"""Section "bank" of the benchmark: how fast episodes are played on logged segments.

Numbers drawn at random stand in for the logged ones: what is in them costs no time.

Shapes: N slots, M segments, P puzzles, T tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv

from hrm_rl.agents.rules.basic import QGreedy
from hrm_rl.banks.bank import Bank, play
from hrm_rl.envs.engine import AUTORESETS
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.slots import OUTPUTS
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.features import SCALARS
from hrm_rl.puzzles import PuzzleSet

SEGMENTS = 17
HALTS = 0.3


def drawn(puzzles: PuzzleSet) -> Bank:
    """A bank of these puzzles with numbers drawn at random."""
    generator = torch.Generator().manual_seed(0)
    M, P = SEGMENTS, len(puzzles)
    return Bank(
        columns={"scalars": torch.randn(M, P, len(SCALARS), generator=generator)},
        correct_MP=torch.rand(M, P, generator=generator) < 0.3,
        cells_MP=torch.rand(M, P, generator=generator),
        predictions_MPT=torch.from_numpy(puzzles.solutions_PL).repeat(M, 1, 1),
        rating_P=torch.from_numpy(puzzles.ratings_P).long(),
        cluster_P=torch.arange(P),
        puzzles=puzzles,
    )


def sides(puzzles: PuzzleSet, slots: int, steps: int) -> dict[str, Callable[[], float]]:
    """What to time: each autoreset mode and output, and the exact score of a rule."""
    bank, found = drawn(puzzles), dict[str, Callable[[], float]]()
    for mode in AUTORESETS:
        for output in OUTPUTS:
            env = HaltingVectorEnv(slots, bank=bank, autoreset_mode=mode, output=output)
            env.reset(seed=0)
            found[f"{mode}, {output}, env-steps/s at N = {slots}"] = walk(env, steps)
    arguments: dict[str, Any] = {"bank": bank}
    few = HaltingVectorEnv(slots // 16, **arguments)
    singles = gymnasium.vector.SyncVectorEnv([lambda: HaltingEnv(**arguments)] * (slots // 16))
    for name, env, count in (("native", few, 40 * steps), ("SyncVectorEnv", singles, 2)):
        env.reset(seed=0)
        found[f"{name}, env-steps/s at N = {slots // 16}"] = still(env, count)
    many = drawn(puzzles.take(np.arange(5 * slots) % len(puzzles))).first(SEGMENTS - 1)

    def scored() -> float:
        play(many, QGreedy())
        return float(len(many))

    return found | {f"exact score of a rule on {len(many)} puzzles, episodes/s": scored}


def beside_cartpole(puzzles: PuzzleSet, slots: int, steps: int) -> dict[str, Callable[[], float]]:
    """Each autoreset mode and output beside Gymnasium's own vector CartPole, which has mode NextStep alone.

    And beside the floor of each mode: to move the bytes of what is shown, and no more.
    """
    bank, found = drawn(puzzles), dict[str, Callable[[], float]]()
    cartpole = CartPoleVectorEnv(slots)
    cartpole.reset(seed=0)
    found["cartpole"] = walk(cartpole, steps)
    for mode in AUTORESETS:
        for output in OUTPUTS:
            for few in (False, True):
                env = HaltingVectorEnv(
                    slots, bank=bank, autoreset_mode=mode, output=output, prediction=not few
                )
                env.reset(seed=0)
                found[f"{mode}, {output}{', no prediction' * few}"] = walk(env, steps)
    return found | {f"the floor of {mode}": floor(bank, slots, steps, mode) for mode in AUTORESETS}


def floor(bank: Bank, slots: int, steps: int, mode: str) -> Callable[[], float]:
    """Observations and predictions of a step gathered, into arrays of numpy's, and nothing decided.

    Ends cost what Gymnasium's form of them costs: in mode SameStep an array of objects that holds a
    row for each, and predictions that are 0 elsewhere; in mode Disabled those, and all observations
    once more.
    """
    columns_RF = bank.columns["scalars"].flatten(0, 1).numpy()
    prediction_RT = bank.predictions_MPT.flatten(0, 1).numpy()
    rng = np.random.default_rng(0)
    place_XN = rng.integers(len(columns_RF), size=(8, slots))
    over_XN = rng.random((8, slots)) < HALTS

    def work() -> float:
        for step in range(steps):
            place_N, over_N = place_XN[step % 8], over_XN[step % 8]
            columns_RF.take(place_N, 0), prediction_RT.take(place_N, 0)
            if mode == "NextStep":
                continue
            rows_B = over_N.nonzero()[0]
            prediction_NT = np.zeros((slots, prediction_RT.shape[1]), prediction_RT.dtype)
            prediction_NT[rows_B] = prediction_RT.take(place_N[rows_B], 0)
            if mode == "Disabled":
                columns_RF.take(place_N, 0)
            else:
                final_N = np.empty(slots, object)
                final_N[rows_B] = np.fromiter(
                    columns_RF.take(place_N[rows_B], 0), object, len(rows_B)
                )
        return float(steps * slots)

    return work


def still(env: gymnasium.vector.VectorEnv[Any, Any, Any], steps: int) -> Callable[[], float]:
    """Steps that continue."""
    action_N = np.zeros(env.num_envs, np.int64)

    def work() -> float:
        for _ in range(steps):
            env.step(action_N)
        return float(steps * env.num_envs)

    return work


def walk(env: gymnasium.vector.VectorEnv[Any, Any, Any], steps: int) -> Callable[[], float]:
    """Steps with random actions; in mode Disabled with the resets that they ask for."""
    rng = np.random.default_rng(0)
    actions: list[Any] = [(rng.random(env.num_envs) < HALTS).astype(np.int64) for _ in range(8)]
    if getattr(env, "output", "numpy") == "torch":
        actions = [torch.from_numpy(action_N) for action_N in actions]

    def work() -> float:
        for step in range(steps):
            over_N = env.step(actions[step % len(actions)])[2]
            if env.metadata["autoreset_mode"].value == "Disabled" and over_N.any():
                env.reset(options={"reset_mask": over_N})
        return float(steps * env.num_envs)

    return work
