"""Threshold rules: what each cuts and in which direction, and what all have in common.

Shapes: B slots, F features, M segments, P puzzles, N values of a score.
"""

from itertools import pairwise

import pytest
import torch
from banks import bank_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import PUZZLES, RIGHT_FROM, Scripted
from torch import Tensor

from hrm_rl.agents.rules import RULES, rule, sweep
from hrm_rl.agents.rules.thresholds import NEVER, SCORES, Rising, TwoSided, knobs_across
from hrm_rl.banks.bank import Bank, log_bank, play
from hrm_rl.features import SCALARS
from hrm_rl.halting import Policy

M, P = 6, 20
CUT = sorted([*SCORES, "q", "trm", "two-sided", "rising"])
"""Kinds whose knobs are values of a score."""


def scalars(**columns: list[float]) -> Tensor:
    """What a rule sees of B slots: the named columns, -7 elsewhere, and the segment."""
    obs_BF = torch.full((len(next(iter(columns.values()))), len(SCALARS) + 1), -7.0)
    for name, values in columns.items():
        obs_BF[:, SCALARS.index(name)] = torch.tensor(values)
    return obs_BF


def decisions(policy: Policy, obs_BF: Tensor, m: int = 1) -> list[bool]:
    halts: list[bool] = policy(obs_BF, torch.full((len(obs_BF),), m)).tolist()
    return halts


def noisy_bank(seed: int, puzzles: int = P) -> Bank:
    """Every scalar is noise, rounded so that values are shared."""
    generator = torch.Generator().manual_seed(seed)
    noise = {name: torch.randn(M, puzzles, generator=generator) for name in SCALARS}
    rounded = {name: (4 * column_MP).round() / 4 for name, column_MP in noise.items()}
    return bank_of(torch.rand(M, puzzles, generator=generator) < 0.4, **rounded)[0]


def segments(bank: Bank, policy: Policy) -> Tensor:
    return play(bank, policy).segment_P


# --- one by one -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "column", "values", "expected"),
    [
        ("confidence-0.75", "confidence_min", [0.75, 0.76, 0.9], [False, True, True]),
        ("max-probability-0.75", "confidence_mean", [0.75, 0.76, 0.2], [False, True, False]),
        ("margin-0.5", "margin_min", [0.5, 0.51, 1.0], [False, True, True]),
        ("product-0.5", "confidence_product", [0.5, 0.51, 0.0], [False, True, False]),
        ("entropy-0.25", "entropy_mean", [0.25, 0.24, 2.0], [False, True, False]),
        ("entropy-max-0.25", "entropy_max", [0.25, 0.24, 2.0], [False, True, False]),
        ("kl", "kl", [5.1e-4, 4.9e-4, 30.0], [False, True, False]),
        ("entropy-change", "entropy_change", [1.1e-3, 0.9e-3, 0.0], [False, True, True]),
        ("residual", "residual_H", [0.031, 0.029, 4.0], [False, True, False]),
    ],
)
def test_each_rule_cuts_its_column_strictly(
    name: str, column: str, values: list[float], expected: list[bool]
) -> None:
    obs_BF = scalars(**{column: values})
    assert decisions(rule(name), obs_BF) == expected
    assert decisions(rule(name), obs_BF[:, :-1]) == expected  # without the segment too


def test_acceleration_has_to_be_small_twice() -> None:
    now, last = [0.02, 0.05, 0.02, 0.05], [0.02, 0.02, 0.05, 0.05]
    obs_BF = scalars(acceleration_H=now, acceleration_H_last=last)
    assert decisions(rule("acceleration-0.03"), obs_BF) == [True, False, False, False]


def test_every_score_is_tested_above_and_says_its_source() -> None:
    tested = {*SCORES} - {"acceleration"}
    cases = test_each_rule_cuts_its_column_strictly.pytestmark[0].args[1]
    assert {RULES[kind]() for kind in tested} == {
        RULES[max((k for k in SCORES if name.startswith(k)), key=len)]() for name, *_ in cases
    }
    assert all(score.source for score in SCORES.values())


def test_two_sided_halts_the_confident_and_in_time_the_hopeless() -> None:
    obs_BF = scalars(q_halt=[3.0, 0.0, -5.0], q_continue=[9.0] * 3)  # P = 0.953, 0.5, 0.0067
    policy = TwoSided(0.9, 0.02, patience=3)
    assert decisions(policy, obs_BF, m=2) == [True, False, False]
    assert decisions(policy, obs_BF, m=3) == [True, False, True]
    assert decisions(TwoSided(1.0, 0.02, 3), obs_BF, m=3) == [False, False, True]
    assert decisions(TwoSided(0.9, 0.0, 3), obs_BF, m=3) == [True, False, False]


def test_switched_off_sides_hold_at_any_logit() -> None:
    obs_BF = scalars(q_halt=[1e4, -1e4])
    assert decisions(TwoSided(1.0, 0.0), obs_BF, m=9) == [False, False]
    assert decisions(Rising(1.0, NEVER), obs_BF, m=9) == [False, False]


def test_the_lower_threshold_rises_with_time() -> None:
    """0.4 sigmoid(m - 3): 0.0477 at 1, 0.1076 at 2, 0.2 at 3, 0.3523 at 5; P is 0.953, 0.182, 0.076."""
    obs_BF = scalars(q_halt=[3.0, -1.5, -2.5], q_continue=[9.0] * 3)
    policy = Rising(0.9, shift=3.0, ceiling=0.4, slope=1.0)
    expected = torch.tensor([0.0477, 0.1076, 0.2, 0.3523], dtype=torch.float64)
    torch.testing.assert_close(
        policy.lower(torch.tensor([1, 2, 3, 5])), expected, atol=5e-5, rtol=0
    )
    assert decisions(policy, obs_BF, m=1) == [True, False, False]
    assert decisions(policy, obs_BF, m=2) == [True, False, True]
    assert decisions(policy, obs_BF, m=3) == [True, True, True]
    assert decisions(Rising(0.9, NEVER, 0.4), obs_BF, m=9) == [True, False, False]


@given(st.integers(0, 999), st.floats(0, 1), *[st.floats(-3, 9)] * 2)
def test_what_has_to_rise_earlier_gives_up_no_later(
    seed: int, upper: float, a: float, b: float
) -> None:
    bank = noisy_bank(seed)
    late, soon = Rising(upper, max(a, b)), Rising(upper, min(a, b))
    assert (segments(bank, late) >= segments(bank, soon)).all()


def test_rules_that_look_for_rest_on_a_model_that_settles() -> None:
    """Its answer no longer moves once it is right, and its state by the same step in each segment.

    So KL and entropy stand still a segment after that; the state grows by 1/m of itself, and the
    step's change is 1 in the first segment and 0 later, the second time in the third.
    """
    bank = log_bank(Scripted(), PUZZLES, 8)
    rest = [min(r + 1, 8) for r in RIGHT_FROM]
    assert segments(bank, rule("kl")).tolist() == rest
    assert segments(bank, rule("entropy-change")).tolist() == rest
    assert set(segments(bank, rule("residual-0.3")).tolist()) == {4}
    assert set(segments(bank, rule("acceleration")).tolist()) == {3}


# --- all of them ----------------------------------------------------------------------------------


@given(st.sampled_from(CUT), st.integers(0, 999), st.integers(9, 30))
def test_a_sweep_reaches_from_never_halting_to_halting_at_once(
    kind: str, seed: int, points: int
) -> None:
    bank = noisy_bank(seed)
    policies = sweep(kind, bank, points)
    assert len(policies) <= points
    assert (segments(bank, policies[0]) == M).all()
    assert (segments(bank, policies[-1]) == 1).all()


@settings(max_examples=25)
@given(st.sampled_from([*CUT, "fixed", "stable", "patience"]), st.integers(0, 999))
def test_a_stricter_knob_never_halts_earlier(kind: str, seed: int) -> None:
    """Sweeps go from strict to lenient; those of two knobs, row by row."""
    bank = noisy_bank(seed)
    policies = sweep(kind, bank, 16)
    for strict, lenient in pairwise(policies):
        if not isinstance(strict, TwoSided | Rising) or strict.upper == lenient.upper:
            assert (segments(bank, strict) >= segments(bank, lenient)).all()


@given(st.integers(0, 999), *[st.floats(0, 1)] * 4)
def test_both_knobs_of_two_sided_are_monotone(
    seed: int, a: float, b: float, c: float, d: float
) -> None:
    bank = noisy_bank(seed)
    strict = TwoSided(max(a, b), min(c, d), patience=2)
    lenient = TwoSided(min(a, b), max(c, d), patience=2)
    assert (segments(bank, strict) >= segments(bank, lenient)).all()


@given(st.sampled_from(CUT), st.integers(0, 999), st.permutations(range(P)))
def test_rows_are_decided_alone_and_without_memory(kind: str, seed: int, order: list[int]) -> None:
    bank = noisy_bank(seed)
    policies = sweep(kind, bank, 9)
    policy = policies[len(policies) // 2]
    obs_BF, m_B = bank.columns["scalars"][2], torch.full((P,), 3)
    halts_B = policy(obs_BF, m_B)
    assert torch.equal(policy(obs_BF[order], m_B), halts_B[order])
    assert torch.equal(policy(obs_BF, m_B), halts_B)


@given(st.lists(st.floats(-100, 100, width=32), min_size=1), st.integers(3, 20), st.booleans())
def test_knobs_are_values_and_one_that_all_values_pass(
    values: list[float], points: int, above: bool
) -> None:
    score_N = torch.tensor(values)
    knobs = knobs_across(score_N, points, above)
    assert len(knobs) <= points and knobs == sorted(knobs, reverse=above)
    assert set(knobs[:-1]) <= set(values)
    assert knobs[0] == (max(values) if above else min(values))
    assert all(v > knobs[-1] if above else v < knobs[-1] for v in values)


def test_knobs_by_hand() -> None:
    """Ranks 0, 2 and 4 of five values, and one below."""
    assert knobs_across(torch.tensor([5.0, 1.0, 3.0, 2.0, 4.0]), 4)[:3] == [5.0, 3.0, 1.0]
    with pytest.raises(ValueError, match=r"points must be a whole number >= 3, got 2"):
        knobs_across(torch.zeros(5), 2)


def test_wrong_knobs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"upper must be a finite number in 0\.\.1, got 1\.5"):
        TwoSided(1.5)
    with pytest.raises(ValueError, match=r"lower must be a finite number in 0\.\.1, got -1"):
        TwoSided(0.5, -1)
    with pytest.raises(ValueError, match=r"patience must be a whole number in 1\.\..*, got 0"):
        TwoSided(0.5, 0.1, 0)
    with pytest.raises(ValueError, match="knob must be a finite number, got nan"):
        rule("entropy-nan")
    with pytest.raises(ValueError, match=r"ceiling must be a finite number in 0\.\.1, got 2"):
        Rising(0.5, 8.0, 2.0)
    with pytest.raises(ValueError, match=r"slope must be .* got 0; more is a step"):
        Rising(slope=0)
