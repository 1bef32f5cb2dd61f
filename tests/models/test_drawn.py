"""States that are drawn: their distribution, what they depend on, and that the rest draws nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from tiny import ATTENTION, batch, talkative, tiny_run

from hrm_rl import loop
from hrm_rl.agents.rules import rule
from hrm_rl.banks.bank import log_bank, play
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.evaluate import evaluate, solve
from hrm_rl.models import config_from, config_to
from hrm_rl.models.drawn import normal, seeds, truncated_normal, uniform
from hrm_rl.models.trm import TRM, TRMConfig
from hrm_rl.puzzles import load
from hrm_rl.training.train import TrainState, think, train

RANDOM = replace(ATTENTION, start="random")
NOISY = replace(RANDOM, noise=0.3)
SEEDS = torch.tensor([5, -7, 2**62, 5])
PUZZLES = load("sudoku4", "fit").take(range(12))


def rows(config: Any, seed_B: torch.Tensor, segments: int = 0) -> loop.Slots:
    """Slots of as many puzzles, after so many segments."""
    model = talkative(config)
    slots = loop.fresh(model, batch(len(seed_B)), seed_B)
    for _ in range(segments):
        slots, _ = loop.advance(model, slots)
    return slots


# --- numbers --------------------------------------------------------------------------------------


def test_numbers_of_the_normal_are_at_their_place() -> None:
    """Half of it lies below 0, and erf(1 / sqrt 2) = 68.27 % between -1 and 1."""
    u = torch.tensor([0.0, 0.6826895, -0.9544997])
    torch.testing.assert_close(normal(u), torch.tensor([0.0, 1.0, -2.0]), atol=1e-5, rtol=0)
    ends = truncated_normal(torch.tensor([-1.0, 0.0, 1.0]))
    cut = 2 / 0.8796256610342398
    torch.testing.assert_close(ends, torch.tensor([-cut, 0.0, cut]), atol=1e-4, rtol=0)


def test_what_is_drawn_has_the_moments_of_its_distribution() -> None:
    u = uniform(torch.tensor(3), torch.arange(200_000))
    assert -1 < u.min() < -0.9999 and 0.9999 < u.max() < 1
    for drawn in (normal(u), truncated_normal(u)):
        assert abs(drawn.mean()) < 4 / math.sqrt(200_000)
        assert abs(drawn.std() - 1) < 0.01
    assert abs((normal(u) ** 4).mean() - 3) < 0.1
    assert normal(u).isfinite().all()


# --- what states depend on ------------------------------------------------------------------------


def test_every_position_of_every_puzzle_has_a_start_of_its_own() -> None:
    z_H, z_L = rows(RANDOM, SEEDS).carry
    vectors = torch.cat([z_H[:3].flatten(0, 1), z_L[:3].flatten(0, 1)])
    assert len(vectors.unique(dim=0)) == len(vectors) == 3 * 2 * 17
    assert torch.equal(z_H[0], z_H[3]) and torch.equal(z_L[0], z_L[3])  # of one seed
    assert abs(z_H[:3].std() - 1) < 0.1


def test_a_slot_sees_what_it_would_see_alone() -> None:
    """The start and the noise, bit for bit, whatever the batch; and so what the model makes of them."""
    model = talkative(NOISY)
    together = loop.fresh(model, batch(4), SEEDS)
    for i in range(4):
        alone = loop.fresh(model, loop.take(batch(4), slice(i, i + 1)), SEEDS[i : i + 1])
        for a, b in zip(alone.carry, together.carry, strict=True):
            assert torch.equal(a[0], b[i])
        stirred = [model.stirred(s.carry, s.seed_B, s.m_B + 3) for s in (alone, together)]
        for a, b in zip(*stirred, strict=True):
            assert torch.equal(a[0], b[i])
    seen, other = rows(NOISY, SEEDS, 3).carry.z_H, rows(NOISY, SEEDS.flip(0), 3).carry.z_H
    torch.testing.assert_close(seen[0], other[0])  # neighbours have changed, the seed is the same
    assert not torch.allclose(seen[1], other[1])


def test_noise_is_another_in_each_segment_and_state() -> None:
    model, z = talkative(NOISY), torch.zeros(4, 17, 32)
    found = []
    for m in range(3):
        m_B = torch.full((4,), m, dtype=torch.int32)
        found += list(model.stirred(loop.Carry(z, z), SEEDS, m_B))
    found += [part * 0.3 for part in model.initial(4, SEEDS)]
    pairs = [(a, b) for i, a in enumerate(found) for b in found[:i]]
    assert all(not torch.isclose(a, b).float().mean() > 0.01 for a, b in pairs)
    assert all(abs(part[:3].std() - 0.3) < 0.02 for part in found)


def test_a_segment_run_again_is_the_same() -> None:
    """So a look ahead, of which the weights are the same, sees what will come."""
    model = talkative(NOISY)
    slots, _ = loop.advance(model, loop.fresh(model, batch(4), SEEDS))
    (_, one), (_, two) = loop.advance(model, slots), loop.advance(model, slots)
    assert torch.equal(one.q, two.q)


def test_dealing_draws_where_marked() -> None:
    model = talkative(NOISY)
    used = rows(NOISY, SEEDS, 2)
    where_B = torch.tensor([True, False, True, False])
    dealt = loop.deal(model, used, batch(4), where_B, SEEDS + 1)
    assert dealt.seed_B is not None
    assert dealt.seed_B.tolist() == [6, -7, 2**62 + 1, 5] and dealt.m_B.tolist() == [0, 2, 0, 2]
    fresh = model.initial(4, SEEDS + 1)
    assert torch.equal(dealt.carry.z_L[0], fresh.z_L[0])
    assert torch.equal(dealt.carry.z_L[1], used.carry.z_L[1])


def test_a_fixed_start_with_noise_starts_as_ever() -> None:
    model = talkative(replace(ATTENTION, noise=0.3))
    slots = loop.fresh(model, batch(4), SEEDS)
    assert torch.equal(slots.carry.z_H, talkative().initial(4).z_H) and slots.seed_B is SEEDS
    after, _ = loop.advance(model, slots)
    assert not torch.allclose(after.carry.z_H[0], rows(ATTENTION, SEEDS, 1).carry.z_H[0])


def test_without_either_there_are_no_seeds() -> None:
    model, state = talkative(), torch.get_rng_state()
    slots = loop.fresh(model, batch(4), SEEDS)
    assert not model.draws and slots.seed_B is None
    assert loop.deal(model, slots, batch(4), slots.m_B == 0, SEEDS).seed_B is None
    assert torch.equal(slots.carry.z_H[2, 5], model.H_init)
    after, _ = loop.advance(model, slots)
    carry, _ = model.segment(slots.carry, slots.batch.x_BT, model.puzzle_rows(slots.batch.id_B))
    assert torch.equal(after.carry.z_H, carry.z_H)
    loop.fresh(talkative(NOISY), batch(4), SEEDS)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_trm_draws_its_answer_and_its_latent() -> None:
    config = TRMConfig(6, 16, 32, 2, 1, 2.0, puzzle_positions=None, start="random", noise=0.1)
    model = TRM(config)
    slots = loop.fresh(model, batch(4), SEEDS)
    assert len(torch.cat(list(slots.carry), 1)[:3].flatten(0, 1).unique(dim=0)) == 3 * 2 * 17
    assert not torch.equal(slots.carry.z_H, loop.advance(model, slots)[0].carry.z_H)
    assert config_from(config_to(config)) == config


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start": "drawn"}, "start must be one of fixed, random, got 'drawn'"),
        ({"noise": -0.1}, r"noise must be >= 0, got -0\.1"),
        ({"noise": float("nan")}, "noise must be a finite number"),
    ],
)
def test_what_is_no_start_is_refused(changes: dict[str, Any], said: str) -> None:
    for config in (ATTENTION, TRMConfig(6, 16, 32, 2)):
        with pytest.raises(ValueError, match=said):
            replace(config, **changes)


# --- who walks the loop ---------------------------------------------------------------------------


def test_an_evaluation_repeats_by_its_seed() -> None:
    model, policy = talkative(NOISY), rule("q")

    def halts(seed: int, **how: Any) -> list[int]:
        return evaluate(model, PUZZLES, policy, 8, seed=seed, **how).segment_P.tolist()

    first = halts(1)
    assert first == halts(1) == halts(1, batch_size=5) == halts(1, early_exit=False)
    assert any(halts(seed) != first for seed in (2, 3))
    with pytest.raises(ValueError, match="seed must be a whole number"):
        halts(-1)


def test_a_bank_holds_what_an_evaluation_of_seed_0_sees() -> None:
    model, policy = talkative(NOISY), rule("q")
    played = play(log_bank(model, PUZZLES, 8, batch_size=5), policy)
    assert torch.equal(played.segment_P, evaluate(model, PUZZLES, policy, 8).segment_P)


def test_a_puzzle_is_solved_anew_by_another_seed() -> None:
    model, x_T = talkative(NOISY), torch.from_numpy(PUZZLES.inputs_PL[0])
    q = [
        [float(s.q_2[0]) for s in solve(model, x_T, rule("fixed-3"), 3, seed=n)] for n in (0, 0, 1)
    ]
    assert q[0] == q[1] != q[2]


def test_a_puzzle_asked_for_is_thought_about_by_its_own_number_and_the_seed() -> None:
    """One board twice in a set: other noise; asked for again: the same; another seed: another."""
    twins = PUZZLES.take([0, 0])
    env = HaltingEnv(model=talkative(NOISY), puzzles=twins, max_segments=4)
    seen = [env.reset(seed=1, options={"puzzle": i})[0] for i in (0, 1)]
    seen += [env.reset(options={"puzzle": 1})[0], env.reset(seed=2, options={"puzzle": 1})[0]]
    assert np.array_equal(seen[1], seen[2])
    assert not np.allclose(seen[0], seen[1]) and not np.allclose(seen[1], seen[3])


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_an_episode_depends_on_its_seed_alone(mode: AutoresetMode) -> None:
    """Row i of three sees what a single environment with its seed sees, episode after episode."""
    how: dict[str, Any] = {"model": talkative(NOISY), "puzzles": PUZZLES, "max_segments": 4}
    many = HaltingVectorEnv(3, autoreset_mode=mode, **how)
    singles = SyncVectorEnv([lambda: HaltingEnv(**how)] * 3, autoreset_mode=mode)
    seen, alone = many.reset(seed=10)[0], singles.reset(seed=10)[0]
    for t in range(12):
        np.testing.assert_allclose(seen, alone, rtol=1e-4, atol=1e-5)
        actions = np.array([0, 1, t % 2])
        (seen, _, over, *_), (alone, _, ended, *_) = many.step(actions), singles.step(actions)
        assert over.tolist() == ended.tolist()


def test_a_run_draws_a_seed_for_every_puzzle_dealt() -> None:
    config = tiny_run(model=NOISY, halting="fixed-2")
    state, again = TrainState.create(config), TrainState.create(config)
    assert torch.equal(state.slots.carry.z_H, again.slots.carry.z_H)
    assert state.slots.seed_B is not None and len(state.slots.seed_B.unique()) == 4
    first_B = state.slots.seed_B
    steps = train(state)
    next(steps)
    assert torch.equal(state.slots.seed_B, first_B)
    next(steps)
    assert not (state.slots.seed_B == first_B).any() and state.slots.m_B.tolist() == [0] * 4
    assert torch.equal(state.slots.carry.z_H, state.model.initial(4, state.slots.seed_B).z_H)
    assert torch.equal(think(state).output.q, think(state).output.q)


def test_seeds_are_those_of_the_puzzle_and_of_the_run() -> None:
    index_P = torch.arange(1000)
    both = torch.cat([seeds(0, index_P), seeds(1, index_P)])
    assert len(both.unique()) == 2000
    assert torch.equal(seeds(1, index_P[7:9]), both[1007:1009])
