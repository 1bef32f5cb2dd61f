"""The fast engine of a bank: what a plain one gives and what the torch engine gives, bit for bit."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import data_equivalence
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import PlainVector, drawn_mdp

from hrm_rl.banks.bank import Bank
from hrm_rl.envs.arrays import maker
from hrm_rl.envs.bank_engine import BankEngine
from hrm_rl.envs.engine import AUTORESETS, Engine
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.puzzles import jit, load

pytestmark = pytest.mark.skipif(not jit.HAVE_NUMBA, reason="numba is not installed")
SEGMENTS, PUZZLES = 6, 5


def drawn(seed: int, **changes: Any) -> Bank:
    """A bank of numbers drawn at random, without puzzles."""
    g = torch.Generator().manual_seed(seed)
    M, P = SEGMENTS, PUZZLES
    parts: dict[str, Any] = {
        "columns": {"o": torch.randn(M, P, 3, generator=g)},
        "correct_MP": torch.rand(M, P, generator=g) < 0.5,
        "cells_MP": torch.rand(M, P, generator=g),
        "predictions_MPT": torch.randint(0, 9, (M, P, 4), generator=g, dtype=torch.uint8),
        "rating_P": torch.randint(0, 99, (P,), generator=g),
        "cluster_P": torch.arange(P),
    }
    return Bank(**parts | changes)


def of_mazes() -> Bank:
    """Several answers are right, so that `valid_optimal` is a verdict of its own."""
    puzzles = load("maze8", "test").take(range(PUZZLES))
    right_MPT = torch.from_numpy(puzzles.solutions_PL).repeat(SEGMENTS, 1, 1)
    right_MPT[::2, :, 0] = 1
    return drawn(0, predictions_MPT=right_MPT, puzzles=puzzles)


@pytest.mark.parametrize("mode", AUTORESETS)
@given(data=st.data())
@settings(max_examples=15)
def test_it_gives_what_a_plain_loop_over_slots_gives(mode: str, data: st.DataObject) -> None:
    def draw(name: str, strategy: Any) -> Any:
        return data.draw(strategy, label=name)

    last = draw("max_segments", st.integers(2, SEGMENTS))
    mdp: dict[str, Any] = {
        "observation": "o",
        **drawn_mdp(draw, last),
    }
    n, seed = draw("num_envs", st.integers(1, 6)), draw("seed", st.integers(0, 99))
    bank, rng = drawn(seed), np.random.default_rng(seed)
    env = HaltingVectorEnv(n, bank=bank, autoreset_mode=mode, **mdp)
    assert isinstance(env.engine, BankEngine)
    plain = PlainVector(bank, MDP(**mdp), n, mode)
    same(env.reset(seed=seed), plain.reset(seed))
    for _ in range(12):
        actions = (rng.random(n) < 0.3).astype(np.int64)
        found = env.step(actions)
        same(found, plain.step(actions))
        over = found[2] if mode == "Disabled" else rng.random(n) < 0.2
        if over.any() and (mode == "Disabled" or rng.random() < 0.2):
            puzzle = rng.integers(PUZZLES, size=n) if rng.random() < 0.3 else None
            again = seed + 7 if rng.random() < 0.3 else None
            options = {"reset_mask": over.copy(), "puzzle": puzzle}
            same(env.reset(seed=again, options=options), plain.reset(again, over, puzzle))


def same(one: Any, other: Any) -> None:
    assert data_equivalence(one, other, exact=True), (one, other)


@pytest.mark.parametrize("mode", AUTORESETS)
@pytest.mark.parametrize("output", ["numpy", "torch"])
@pytest.mark.parametrize("reward", ["token_accuracy", "valid_optimal"])
def test_it_gives_what_the_torch_engine_gives(
    mode: str, output: str, reward: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU, and where there is no numba, the bank is read in torch."""
    arguments: dict[str, Any] = {
        "bank": of_mazes(), "observation": "o", "max_segments": 4, "reward": reward,
        "step_cost": 0.1, "autoreset_mode": mode, "output": output,
    }  # fmt: skip
    fast = HaltingVectorEnv(7, **arguments)
    monkeypatch.setattr(jit, "HAVE_NUMBA", False)
    slow = HaltingVectorEnv(7, **arguments)
    assert isinstance(fast.engine, BankEngine) and isinstance(slow.engine, Engine)
    alike(fast.reset(seed=3), slow.reset(seed=3))
    rng, verdicts = np.random.default_rng(0), set()
    for _ in range(30):
        actions: Any = (rng.random(7) < 0.3).astype(np.int64)
        actions = torch.from_numpy(actions) if output == "torch" else actions
        found = fast.step(actions)
        alike(found, slow.step(actions))
        alike(fast.action_masks(), slow.action_masks())
        verdicts |= set((found[4]["valid_optimal"] != found[4]["correct"]).tolist())
        if mode == "Disabled" and found[2].any():
            alike(*(env.reset(options={"reset_mask": found[2]}) for env in (fast, slow)))
    assert verdicts == {False, True}
    frames = [env.engine.moment for env in (fast, slow)]
    alike(frames[0].over_N, frames[1].over_N)  # type: ignore[union-attr]
    alike(frames[0].look, frames[1].look)  # type: ignore[union-attr]


def alike(one: Any, other: Any) -> None:
    """The same kinds of containers, arrays or tensors, number formats and numbers."""
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype and torch.equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        alike(tuple(one.values()), tuple(other.values()))
    elif isinstance(one, tuple):
        for part, like in zip(one, other, strict=True):
            alike(part, like)
    else:
        same(one, other)


def test_an_array_comes_back_when_nobody_holds_it() -> None:
    empty = maker(5000)
    held = empty((5000,), np.float64)
    assert empty((5000,), np.float64) is not held
    view = held[7:9]
    address, held = held.ctypes.data, None
    assert empty((5000,), np.float64).ctypes.data != address, "a view holds it"
    tensor, view = torch.from_numpy(view), None
    assert empty((5000,), np.float64).ctypes.data != address, "a tensor holds it"
    del tensor
    assert empty((5000,), np.float64).ctypes.data == address


@pytest.mark.parametrize("mode", AUTORESETS)
def test_what_is_kept_of_many_slots_stays_as_it_was(mode: str) -> None:
    """Rows are held longer than arrays are spared, and each by something else."""
    env = HaltingVectorEnv(
        1500, bank=drawn(0), observation="o", max_segments=3, autoreset_mode=mode
    )
    env.reset(seed=0)
    rng, held, copies = np.random.default_rng(0), [], []
    for _ in range(8):
        obs, reward, over, _, info = env.step((rng.random(1500) < 0.3).astype(np.int64))
        held.append(
            [obs[3:5], torch.from_numpy(reward), over, info["prediction"][0], info["cells"]]
        )
        copies.append([np.asarray(part).copy() for part in held[-1]])
        if mode == "Disabled":
            env.reset(options={"reset_mask": np.ones(1500, bool)})
    for parts, expected in zip(held, copies, strict=True):
        for part, copy in zip(parts, expected, strict=True):
            assert np.array_equal(part, copy)
