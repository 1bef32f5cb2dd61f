"""Halting rules: where each halts, on what it sees alone.

Shapes: B slots, F features, M segments, P puzzles.
"""

import pytest
import torch
from banks import bank_a, bank_of
from hypothesis import given
from hypothesis import strategies as st
from scripted import PUZZLES, RIGHT_FROM, Scripted

from hrm_rl.agents import rules
from hrm_rl.agents.rules import basic
from hrm_rl.agents.rules.coins import Cumulative, Sampled
from hrm_rl.agents.rules.moving import Still
from hrm_rl.agents.rules.thresholds import SCORES, Rising
from hrm_rl.banks.bank import Bank, log_bank, play
from hrm_rl.features import SCALARS
from hrm_rl.halting import begun

M = 8


def scalars(**columns: list[float]) -> torch.Tensor:
    """What a rule sees of B slots: the named columns, zeros elsewhere, and the segment."""
    rows = len(next(iter(columns.values())))
    obs_BF = torch.zeros(rows, len(SCALARS) + 1)
    for name, values in columns.items():
        obs_BF[:, SCALARS.index(name)] = torch.tensor(values)
    return obs_BF


def decisions(policy, obs_BF: torch.Tensor, m: int = 1) -> list[bool]:
    return policy(obs_BF, torch.full((len(obs_BF),), m)).tolist()


@pytest.fixture(scope="module")
def scripted_bank() -> Bank:
    return log_bank(Scripted(), PUZZLES, M)


# --- one by one -----------------------------------------------------------------------------------


def test_q_greedy_is_the_papers_rule():
    obs = scalars(q_halt=[1.0, 0.5, -3.0, -1.0], q_continue=[0.0, 0.5, -2.0, -2.0])
    assert decisions(rules.QGreedy(), obs) == [True, False, False, True]
    assert decisions(rules.QGreedy(tie="halt"), obs) == [True, True, False, True]
    assert decisions(rules.QGreedy(margin=-1.5), obs) == [True, True, True, True]
    assert decisions(rules.QGreedy(margin=1.5), obs) == [False, False, False, False]


def test_q_threshold_is_trms_rule():
    obs = scalars(q_halt=[0.1, 0.0, -0.1, 3.0], q_continue=[9.0] * 4)
    assert decisions(rules.QThreshold(), obs) == [True, False, False, True]
    assert decisions(rules.QThreshold(0.9), obs) == [False, False, False, True]


def test_stable_counts_segments_without_a_change():
    obs = scalars(stable=[0.0, 1.0, 2.0, 3.0])
    assert decisions(rules.StableFor(), obs) == [False, True, True, True]
    assert decisions(rules.StableFor(3), obs) == [False, False, False, True]


def test_stable_on_a_model_that_settles(scripted_bank):
    """Its answer changes once, when it becomes right, unless it was from the start."""
    halted = play(scripted_bank, rules.StableFor(2))
    # Wrong answers are unchanged too: at 3, unless they turn right at r <= 3, which is then r + 2.
    expected = [3 if r == 1 or r > 3 else r + 2 for r in RIGHT_FROM]
    assert halted.segment_P.tolist() == expected


def test_rules_that_read_q_work_on_either_observation(scripted_bank):
    for kind in (rules.QGreedy, rules.QThreshold):
        a, b = (play(scripted_bank, kind(observation=name)) for name in ("q", "scalars"))
        assert torch.equal(a.segment_P, b.segment_P)
        assert a.segment_P.tolist() == [min(r, M) for r in RIGHT_FROM]  # the script's Q is right


# --- random halting -------------------------------------------------------------------------------


@given(st.integers(2, 32), st.floats(0, 1))
def test_probability_and_mean_are_inverse(max_segments, place):
    mean = 1 + place * (max_segments - 1)
    p = basic.probability_of_mean(mean, max_segments)
    assert basic.mean_of_probability(p, max_segments) == pytest.approx(mean, abs=1e-6)


def test_mean_of_random_halting_by_hand():
    """p = 1/2, at most 3: halts at 1 half of the time, at 2 and at 3 a quarter each: 7/4."""
    assert basic.mean_of_probability(0.5, 3) == 1.75
    assert basic.random_accuracy(torch.tensor([0.0, 0.4, 0.8]), 1.75) == pytest.approx(0.3)
    with pytest.raises(ValueError, match=r"mean must lie in \[1, 3\], got 4"):
        basic.probability_of_mean(4, 3)


def test_random_halting_has_the_mean_and_the_accuracy_foretold():
    bank, _ = bank_a(20_000)
    policy = rules.RandomHalting(basic.probability_of_mean(5.0, 16), seed=3)
    halted = play(bank, policy)
    assert halted.segment_P.double().mean().item() == pytest.approx(5.0, abs=0.1)
    foretold = basic.random_accuracy(bank.correct_MP.double().mean(1), 5.0)
    assert halted.correct_P.double().mean().item() == pytest.approx(foretold, abs=0.015)


def test_random_halting_is_its_seed():
    runs = [play(bank_a(100)[0], rules.RandomHalting(0.2, seed)).segment_P for seed in (1, 1, 2)]
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])


# --- the oracle -----------------------------------------------------------------------------------


def test_oracle_halts_at_the_first_right_answer():
    correct_MP = torch.tensor([[0, 1, 0, 0], [1, 0, 0, 0], [1, 1, 0, 1]]).bool()
    bank, _ = bank_of(correct_MP)
    assert basic.first_correct(bank).segment_P.tolist() == [2, 1, 3, 3]
    assert basic.first_correct(bank, give_up=True).segment_P.tolist() == [2, 1, 1, 3]
    assert basic.first_correct(bank).correct_P.tolist() == [True, True, False, True]


@given(
    st.integers(0, 99),
    st.sampled_from(
        ["fixed-3", "q", "trm", "confidence", "stable", "random", "two-sided", "rising", "eat"]
    ),
)
def test_no_rule_beats_the_oracle(seed, name):
    """Neither in accuracy, nor in value while a segment costs less than an answer is worth."""
    generator = torch.Generator().manual_seed(seed)
    correct_MP = torch.rand(M, 30, generator=generator) < 0.3
    noise = {
        name: torch.randn(M, 30, generator=generator)
        for name in ("q_halt", "q_continue", "confidence_min")
    }
    bank, _ = bank_of(correct_MP, **noise)
    halted, best = play(bank, rules.rule(name)), basic.first_correct(bank, give_up=True)
    assert (halted.correct_P <= best.correct_P).all()
    assert (halted.value_P(0.1) <= best.value_P(0.1) + 1e-12).all()


# --- names and sweeps -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("q", rules.QGreedy()),
        ("q--0.5", rules.QGreedy(-0.5)),
        ("trm", rules.QThreshold(0.5)),
        ("trm-0.9", rules.QThreshold(0.9)),
        ("sampled", Sampled(0.0)),
        ("sampled--1.5", Sampled(-1.5)),
        ("cumulative", Cumulative(0.99)),
        ("cumulative-0.5", Cumulative(0.5)),
        ("fixed-8", rules.FixedSegments(8)),
        ("stable-2", rules.StableFor(2)),
        ("patience-3", rules.Patience(3)),
        ("confidence-0.9", SCORES["confidence"].threshold(0.9)),
        ("entropy", SCORES["entropy"].threshold(0.01)),
        ("entropy-0.05", SCORES["entropy"].threshold(0.05)),
        ("entropy-max-1e-3", SCORES["entropy-max"].threshold(0.001)),
        ("two-sided", rules.TwoSided(0.5, 0.01, 4)),
        ("two-sided-0.9", rules.TwoSided(0.9, 0.01, 4)),
        ("two-sided-0.9-1e-05", rules.TwoSided(0.9, 1e-5, 4)),
        ("two-sided-0.9-0.02-2", rules.TwoSided(0.9, 0.02, 2)),
        ("random-0.25", rules.RandomHalting(0.25)),
        ("rising-0.9-6", Rising(0.9, 6.0, 0.5, 1.0)),
        ("rising-0.9--1.5-0.2-2", Rising(0.9, -1.5, 0.2, 2.0)),
        ("eat-0.01", Still(0.01, 0.8, 2)),
        ("eat-1e-5-0.5-4", Still(1e-5, 0.5, 4)),
    ],
)
def test_rules_by_name(name, expected):
    assert rules.rule(name) == expected


@pytest.mark.parametrize("kind", sorted(rules.RULES))
def test_every_policy_of_a_sweep_has_a_name_that_makes_it_again(kind):
    bank, _ = bank_a(50, max_segments=M)
    for policy in [rules.rule(kind), *rules.sweep(kind, bank, 9)]:
        assert rules.rule(rules.name_of(policy)) == policy
        assert rules.name_of(policy).startswith(kind)


def test_names_that_would_hide_something_are_refused():
    for policy in (rules.QGreedy(tie="halt"), rules.RandomHalting(seed=1), Scripted()):
        with pytest.raises(ValueError, match="no rule by name is"):
            rules.name_of(policy)


@pytest.mark.parametrize("name", sorted(rules.RULES))
def test_every_rule_has_a_default_and_decides(name):
    policy = begun(rules.rule(name), 2)
    halts_B = policy(scalars(q_halt=[0.0, 1.0]), torch.tensor([1, 2]))
    assert halts_B.shape == (2,) and halts_B.dtype == torch.bool
    assert policy.observation in ("q", "scalars")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("trn", 'no rule "trn"; there are fixed, random, q, trm, sampled, cumulative, two-sided'),
        ("", 'no rule ""; there are fixed'),
        ("two", 'no rule "two"; there are fixed'),
        ("fixed-2.5", 'segments of "fixed" must be a whole number, got "fixed-2.5"'),
        ("trm-high", 'threshold of "trm" must be a number, got "trm-high"'),
        ("trm-", 'threshold of "trm" must be a number, got "trm-"'),
        ("trm-0.5-0.6", '"trm" has no more knobs than threshold, got "trm-0.5-0.6"'),
        ("entropy-low", 'knob of "entropy" must be a number, got "entropy-low"'),
        ("two-sided-0.9-0.1-2.5", 'patience of "two-sided" must be a whole number'),
        ("fixed-0", r"segments must be a whole number in 1\.\.2147483647, got 0"),
        ("stable-0", r"segments must be a whole number in 1\.\.64, got 0"),
        ("random-1.5", r"probability must be a finite number in 0\.\.1, got 1\.5"),
    ],
)
def test_wrong_names_are_refused(name, message):
    with pytest.raises(ValueError, match=message):
        rules.rule(name)


def test_sweeps_of_rules_without_a_score():
    """From the last to halt to the first; those of scores are in test_thresholds."""
    bank, _ = bank_a(500, max_segments=M)
    assert [p.segments for p in rules.sweep("fixed", bank)] == [8, 7, 6, 5, 4, 3, 2, 1]
    for kind in ("stable", "patience"):
        assert [p.segments for p in rules.sweep(kind, bank)] == [7, 6, 5, 4, 3, 2, 1]
    coins = rules.sweep("random", bank, 9)
    means = [play(bank, p).segment_P.double().mean().item() for p in coins]
    assert means == pytest.approx([8, 7.125, 6.25, 5.375, 4.5, 3.625, 2.75, 1.875, 1], abs=0.4)
    assert (means[0], means[-1]) == (8, 1)


def test_a_bank_of_one_segment_has_sweeps_too():
    bank, _ = bank_a(10, max_segments=1)
    for kind in rules.RULES:
        assert all((play(bank, p).segment_P == 1).all() for p in rules.sweep(kind, bank, 9))


def test_unknown_sweep_is_refused():
    with pytest.raises(ValueError, match='no rule "sparse" to sweep'):
        rules.sweep("sparse", bank_a(5)[0])
