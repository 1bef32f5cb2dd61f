"""Restarts: both engines against a plain loop, against each other, against the live model."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from copied import ARGUMENTS, BANK, MODEL, K, drawn, same
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import PlainVector, drawn_mdp
from scripted import PUZZLES, tiny_hrm

from hrm_rl.banks.bank import log_bank
from hrm_rl.banks.synthetic import Chain, generate_copies
from hrm_rl.envs.bank_engine import BankEngine
from hrm_rl.envs.engine import AUTORESETS, Engine
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.features import RECALLS
from hrm_rl.puzzles import jit
from hrm_rl.stopping.restart_snell import fit
from hrm_rl.stopping.restarts import Problem, play


@pytest.mark.skipif(not jit.HAVE_NUMBA, reason="numba is not installed")
@pytest.mark.parametrize("mode", AUTORESETS)
@given(data=st.data())
@settings(max_examples=12)
def test_the_bank_gives_what_a_plain_loop_over_slots_gives(mode: str, data: st.DataObject) -> None:
    def draw(name: str, strategy: Any) -> Any:
        return data.draw(strategy, label=name)

    last, copies = draw("max_segments", st.integers(2, 6)), draw("copies", st.integers(2, 4))
    mdp: dict[str, Any] = {
        "observation": draw("observation", st.sampled_from(["o", "q"])),
        **drawn_mdp(draw, last),
        "restarts": draw("restarts", st.integers(1, min(copies, last) - 1)),
        "recall": draw("recall", st.sampled_from(["best-q", "last"])),
    }
    n, seed = draw("num_envs", st.integers(1, 5)), draw("seed", st.integers(0, 99))
    bank, rng = drawn(seed, copies), np.random.default_rng(seed)
    env = HaltingVectorEnv(n, bank=bank, autoreset_mode=mode, **mdp)
    assert isinstance(env.engine, BankEngine)
    plain = PlainVector(bank, MDP(**mdp), n, mode)
    same(env.reset(seed=seed), plain.reset(seed))
    for _ in range(14):
        actions = rng.choice(3, size=n, p=[0.4, 0.2, 0.4])
        found = env.step(actions)
        same(found, plain.step(actions))
        same(env.action_masks(), found[4]["action_mask"].astype(bool))
        over = found[2] if mode == "Disabled" else rng.random(n) < 0.1
        if over.any() and (mode == "Disabled" or rng.random() < 0.2):
            same(env.reset(options={"reset_mask": over.copy()}), plain.reset(None, over))


def compare(one: Any, other: Any, mode: str, like: Any = same, steps: int = 25) -> None:
    """Reset and step both with the same actions, and compare all that they return."""
    n, rng = one.num_envs, np.random.default_rng(1)
    like(one.reset(seed=3), other.reset(seed=3))
    for _ in range(steps):
        actions: Any = rng.choice(3, size=n, p=[0.4, 0.2, 0.4])
        found = one.step(actions)
        like(found, other.step(actions))
        if mode == "Disabled" and found[2].any():
            like(*(env.reset(options={"reset_mask": found[2].copy()}) for env in (one, other)))


@pytest.mark.parametrize("recall", RECALLS)
@pytest.mark.parametrize("mode", AUTORESETS)
def test_bank_and_model_give_the_same(
    mode: str, recall: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row by row and bit for bit: live, from the bank by look-ups, from the bank in torch."""
    arguments = ARGUMENTS | {"recall": recall, "autoreset_mode": mode}
    live = HaltingVectorEnv(5, model=MODEL, puzzles=PUZZLES, **arguments)
    banked = HaltingVectorEnv(5, bank=BANK, **arguments)
    assert isinstance(live.engine, Engine)
    assert live.observation_space == banked.observation_space
    assert live.single_action_space == gymnasium.spaces.Discrete(3)
    compare(live, banked, mode)
    monkeypatch.setattr(jit, "HAVE_NUMBA", False)
    slow = HaltingVectorEnv(5, bank=BANK, **arguments)
    assert isinstance(slow.engine, Engine)
    compare(slow, banked, mode)
    moments = [env.engine.moment for env in (live, slow, banked)]
    for moment in moments[1:]:
        for part in ("puzzle_B", "copy_B", "m_B", "left_B", "kept_B"):
            wanted = getattr(moments[0].look, part)  # type: ignore[union-attr]
            assert getattr(moment.look, part).tolist() == wanted.tolist()  # type: ignore[union-attr]


@pytest.mark.parametrize("mode", AUTORESETS)
def test_a_real_model_gives_what_its_bank_holds(mode: str) -> None:
    """Sums over other batch sizes round differently, in fp64 by far less than the 1e-5 allowed."""
    model = tiny_hrm().double()
    arguments = ARGUMENTS | {"autoreset_mode": mode}
    live = HaltingVectorEnv(4, model=model, puzzles=PUZZLES, **arguments)
    banked = HaltingVectorEnv(4, bank=log_bank(model, PUZZLES, 5, copies=4), **arguments)

    def close(one: Any, other: Any) -> None:
        assert data_equivalence(one, other), (one, other)

    compare(live, banked, mode, close, steps=15)


@pytest.mark.parametrize("thinks", [{"bank": BANK}, {"model": MODEL, "puzzles": PUZZLES}])
@pytest.mark.parametrize("mode", AUTORESETS)
def test_rows_are_single_environments(mode: str, thinks: dict[str, Any]) -> None:
    arguments = ARGUMENTS | thinks
    native = HaltingVectorEnv(3, autoreset_mode=mode, **arguments)
    singles = SyncVectorEnv([lambda: HaltingEnv(**arguments)] * 3, autoreset_mode=mode)
    compare(native, singles, mode)


@pytest.mark.parametrize("recall", ["best-q", "last"])
def test_the_environment_is_the_problem_of_the_bank(recall: str) -> None:
    """Episode by episode, by the best policy: returns, segments and copies."""
    bank = generate_copies(Chain(5, first=0.3, hazard=0.3, loss=0.1, scale=1.5), 30, K, seed=2)
    problem = Problem(bank, 2, 0.05, observation="o", recall=recall)
    policy = fit(problem)
    env = HaltingEnv(
        bank=bank, observation="o", recall=recall, restarts=2, max_segments=5, step_cost=0.05
    )
    played = play(problem, policy)
    returns = problem.right(played.at) - 0.05 * (played.segment_P - 1)
    copies = set()
    for p in range(30):
        obs, info = env.reset(seed=0, options={"puzzle": p})
        total, over = 0.0, False
        while not over:
            m = info["segment"]
            (action,) = policy(torch.from_numpy(obs)[None], torch.tensor([m])).tolist()
            obs, reward, over, _, info = env.step(action)
            total += reward
        assert total == pytest.approx(float(returns[p])) and info["puzzle_id"] == p
        assert (info["segment"], info["copy"]) == (played.segment_P[p], played.at.copy_B[p])
        copies.add(info["copy"])
    assert len(copies) > 1
