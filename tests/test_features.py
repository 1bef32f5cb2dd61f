"""Observations: their bounds, what they may not depend on, and their numbers by hand."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import ATTENTION, MLP, batch, talkative
from torch import Tensor

from hrm_rl import features, loop
from hrm_rl.features import OBSERVATIONS, SCALARS, Seen
from hrm_rl.loop import Slots
from hrm_rl.models.hrm import Carry, HRMConfig, Output

B, T, V = 5, 16, 6


def slots(seed: int, m: int, scale: float = 1.0) -> Slots:
    """Slots with normed random states, after segment m."""
    draw = torch.Generator().manual_seed(seed)
    z_H, z_L = (torch.randn(B, 17, 32, generator=draw) for _ in range(2))
    carry = Carry(*(z / z.norm(dim=-1, keepdim=True) * 32**0.5 * scale for z in (z_H, z_L)))
    return Slots(carry, batch(B), torch.full((B,), m, dtype=torch.int32))


def output(seed: int, scale: float) -> Output:
    draw = torch.Generator().manual_seed(seed)
    logits = torch.randn(B, T, V, generator=draw).clamp(-3, 3) * scale
    return Output(logits, torch.randn(B, 2, generator=draw).clamp(-3, 3) * scale)


def column(seen: Seen, name: str) -> Tensor:
    return seen.scalars_BF[:, SCALARS.index(name)]


def by_hand(
    logits_1TV: list[list[float]], last: Seen | None = None, m: int = 1, q: float = 0.0
) -> Seen:
    """What is seen of one puzzle of a few cells, with states that stand still."""
    logits = torch.tensor([logits_1TV])
    still = Carry(torch.ones(1, 3, 4), torch.ones(1, 3, 4))
    tokens = torch.ones(1, logits.shape[1], dtype=torch.long)
    dealt = loop.Batch(tokens, tokens, torch.zeros(1, dtype=torch.long))
    before, after = (Slots(still, dealt, torch.tensor([at])) for at in (m - 1, m))
    return features.look(before, after, Output(logits, torch.tensor([[q, -q]])), last)


@given(
    seeds=st.tuples(st.integers(0, 1000), st.integers(0, 1000)),
    scales=st.tuples(*[st.sampled_from([0.0, 1e-6, 1.0, 30.0, 1e4, 1e30, 1e38])] * 2),
    stretch=st.sampled_from([0.0, 1.0]),
)
def test_every_observation_is_finite_and_within_its_bounds(
    seeds: tuple[int, int], scales: tuple[float, float], stretch: float
) -> None:
    last, before = None, slots(seeds[0], 0, stretch)
    for m, (seed, scale) in enumerate(zip(seeds, scales, strict=True), start=1):
        after = slots(seed, m)
        last = features.look(before, after, output(seed, scale), last)
        for name in OBSERVATIONS:
            obs = features.with_time(features.columns(name, last), after.m_B, 2)
            low, high = (torch.tensor(bound) for bound in features.bounds(name, ATTENTION))
            assert obs.dtype == torch.float32
            assert obs.shape == (B, len(low))
            assert obs.isfinite().all(), name
            assert ((low <= obs) & (obs <= high)).all(), name
        before = after


@pytest.mark.parametrize("config", [ATTENTION, MLP], ids=["attention", "mlp"])
def test_a_real_model_stays_within_the_bounds_too(config: HRMConfig) -> None:
    model, seen = talkative(config), None
    now = loop.fresh(model, batch(B))
    for m in range(1, 5):
        before = now
        now, out = loop.advance(model, before)
        seen = features.look(before, now, out, seen)
        for name in OBSERVATIONS:
            obs = features.with_time(features.columns(name, seen), now.m_B, 4)
            low, high = (torch.tensor(bound) for bound in features.bounds(name, config))
            assert ((low <= obs) & (obs <= high)).all(), name
        assert float(obs[0, -1]) == m / 4


def test_without_time_the_last_column_goes() -> None:
    seen = features.look(slots(0, 0), slots(1, 1), output(1, 1.0), None)
    for name in OBSERVATIONS:
        obs = features.columns(name, seen)
        assert torch.equal(features.with_time(obs, torch.ones(B).int(), 4, time_aware=False), obs)
        assert len(features.bounds(name, ATTENTION, time_aware=False)[0]) == obs.shape[1]


def test_the_solution_is_not_looked_at() -> None:
    before, after, out = slots(0, 0), slots(1, 1), output(1, 1.0)
    solved = after._replace(batch=after.batch._replace(y_BT=out.logits.argmax(-1)))
    same = features.look(before, solved, out, None)
    assert torch.equal(same.scalars_BF, features.look(before, after, out, None).scalars_BF)


def test_the_first_segment_depends_on_nothing_before_it() -> None:
    """Whatever is left in the slot of the puzzle that halted there."""
    before, after, out = slots(0, 0), slots(1, 1), output(1, 1.0)
    alone = features.look(before, after, out, None)
    left_over = features.look(slots(7, 4), slots(8, 5), output(9, 3.0), None)
    assert torch.equal(features.look(before, after, out, left_over).scalars_BF, alone.scalars_BF)
    assert (column(alone, "changed") == 1).all()
    assert (column(alone, "stable") == 0).all()
    p = out.logits.softmax(-1)
    from_uniform = (1 / V * (math.log(1 / V) - p.log())).sum(-1).mean(-1)
    torch.testing.assert_close(column(alone, "kl"), from_uniform)


@settings(max_examples=20)
@given(order=st.permutations(range(B)).map(torch.tensor))
def test_rows_do_not_see_each_other(order: Tensor) -> None:
    first = features.look(slots(0, 0), slots(1, 1), output(1, 1.0), None)
    before, after, out = slots(1, 1), slots(2, 2), output(2, 2.0)
    straight = features.look(before, after, out, first)
    permuted = features.look(
        *(loop.take(part, order) for part in (before, after, out)), loop.take(first, order)
    )
    for name in OBSERVATIONS:
        assert torch.equal(
            features.columns(name, permuted), features.columns(name, straight)[order]
        )


def test_scalars_by_hand() -> None:
    """Two cells, two words: p = (3/4, 1/4) and (1/2, 1/2), then (1/4, 3/4) and (1/2, 1/2)."""
    log3 = math.log(3)
    first = by_hand([[log3, 0.0], [0.0, 0.0]], q=40.0)
    entropies = (-0.75 * math.log(0.75) - 0.25 * math.log(0.25), math.log(2))
    want = {
        "q_halt": 30.0,
        "q_continue": -30.0,
        "entropy_mean": sum(entropies) / 2,
        "entropy_max": math.log(2),
        "confidence_min": 0.5,
        "confidence_mean": 0.625,
        "log_confidence": (math.log(0.75) + math.log(0.5)) / 2,
        "margin_min": 0.0,
        "changed": 1.0,
        "kl": (-0.5 * math.log(0.75 * 0.25) - math.log(2)) / 2,
        "stable": 0.0,
        "residual_H": 0.0,
        "residual_L": 0.0,
        "confidence_product": 0.375,
        "entropy_change": (math.log(2) - entropies[0]) / 2,
        "acceleration_H": 0.0,
        "acceleration_H_last": 4.0,
    }
    assert first.scalars_BF[0].tolist() == pytest.approx([want[name] for name in SCALARS], abs=1e-5)
    second = by_hand([[0.0, log3], [0.0, 0.0]], last=first, m=2)
    assert float(column(second, "changed")) == 0.5
    kl = 0.75 * math.log(0.75 / 0.25) + 0.25 * math.log(0.25 / 0.75)
    assert float(column(second, "kl")) == pytest.approx(kl / 2, abs=1e-6)


def test_residuals_by_hand() -> None:
    before, after = slots(0, 1), slots(0, 2)
    carry = Carry(after.carry.z_H * 2, -after.carry.z_L)
    seen = features.look(before, after._replace(carry=carry), output(0, 1.0), None)
    torch.testing.assert_close(column(seen, "residual_H"), torch.full((B,), 0.5))
    torch.testing.assert_close(column(seen, "residual_L"), torch.full((B,), 2.0))


def test_entropy_that_rises_in_one_cell_and_falls_in_another_has_changed() -> None:
    """Certain and undecided, then the other way round: their mean stays, each moved by log 2."""
    first = by_hand([[50.0, 0.0], [0.0, 0.0]])
    second = by_hand([[0.0, 0.0], [50.0, 0.0]], last=first, m=2)
    assert float(column(second, "entropy_mean")) == float(column(first, "entropy_mean"))
    assert float(column(second, "entropy_change")) == pytest.approx(math.log(2))


def walk(states: list[list[float]]) -> list[Seen]:
    """What is seen of one puzzle whose z_H goes from state to state."""
    tokens = torch.ones(1, 1, dtype=torch.long)
    dealt = loop.Batch(tokens, tokens, torch.zeros(1, dtype=torch.long))
    unsure = Output(torch.zeros(1, 1, 2), torch.zeros(1, 2))
    path = [Carry(torch.tensor([[state]]), torch.ones(1, 1, 2)) for state in states]
    slots_M = [Slots(carry, dealt, torch.tensor([m])) for m, carry in enumerate(path)]
    seen: list[Seen] = []
    for before, after in pairwise(slots_M):
        seen.append(features.look(before, after, unsure, seen[-1] if seen else None))
    return seen


def test_acceleration_by_hand() -> None:
    """Steps (3, 4), (3, 4) and (4, -3) to states of norms 5, 10 and sqrt(125).

    The first follows a standstill; the second goes on alike; the third turns by a right angle at
    the same length, which no norm of a step tells: ||(1, -7)|| = sqrt(50).
    """
    seen = walk([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0], [10.0, 5.0]])
    now = [float(column(part, "acceleration_H")) for part in seen]
    assert now == pytest.approx([1.0, 0.0, math.sqrt(50 / 125)])
    last = [float(column(part, "acceleration_H_last")) for part in seen]
    assert last == pytest.approx([4.0, 1.0, 0.0])


def test_stable_counts_segments_without_a_change() -> None:
    a, b = [[1.0, 0.0]], [[0.0, 1.0]]
    surer = [[2.0, 0.0]]
    seen, counts = None, []
    for m, logits in enumerate([a, a, surer, b, b, a, a, a], start=1):
        seen = by_hand(logits, last=seen, m=m)
        counts.append(float(column(seen, "stable")))
    assert counts == [0, 1, 2, 0, 1, 0, 1, 2]


def test_stable_starts_anew_with_a_new_puzzle() -> None:
    seen = by_hand([[1.0, 0.0]])
    for m in (2, 3):
        seen = by_hand([[1.0, 0.0]], last=seen, m=m)
    assert float(column(seen, "stable")) == 2
    assert float(column(by_hand([[1.0, 0.0]], last=seen, m=1), "stable")) == 0


def test_states_are_what_the_sets_say() -> None:
    seen = features.look(slots(0, 0), slots(1, 1), output(1, 1.0), None)
    z_H, z_L = seen.carry
    assert torch.equal(features.columns("z_H", seen), z_H[:, 0])
    assert torch.equal(features.columns("z_H_pool", seen), z_H.mean(1))
    assert torch.equal(features.columns("full", seen), torch.cat([z_H, z_L], 1).flatten(1))
    assert torch.equal(features.columns("q", seen), seen.scalars_BF[:, :2])
    bounds = features.bounds("full", replace(ATTENTION, width=64, puzzle_width=0))
    assert len(bounds[0]) == 2 * 16 * 64 + 1


def test_an_unknown_set_is_refused() -> None:
    seen = features.look(slots(0, 0), slots(1, 1), output(1, 1.0), None)
    said = "observation must be one of q, scalars, z_H, z_H_pool, full, got 'everything'"
    with pytest.raises(ValueError, match=said):
        features.columns("everything", seen)
    with pytest.raises(ValueError, match=said):
        features.bounds("everything", ATTENTION)
