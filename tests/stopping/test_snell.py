"""Optimal stopping by backward induction, and folds, against exact values and by hand.

Shapes: M segments, P puzzles, F features.
"""

from dataclasses import replace

import pytest
import torch
from banks import bank_of
from hypothesis import given
from hypothesis import strategies as st
from scripted import PUZZLES, Scripted
from stoppers import chains, coins, costs

from hrm_rl.agents.rules.basic import FixedSegments
from hrm_rl.banks import synthetic
from hrm_rl.banks.bank import Bank, log_bank, observe, play
from hrm_rl.banks.synthetic import BANK_A, BANK_C
from hrm_rl.halting import Halted
from hrm_rl.statistics.regressors import binned, linear, random_features, table
from hrm_rl.stopping import belief, snell
from hrm_rl.stopping import chains as exact_chains
from hrm_rl.stopping import exact as stopping
from hrm_rl.stopping.snell import backward_induction, cross_fitted, fit_snell, take

# --- optimal stopping -----------------------------------------------------------------------------


@given(chains, costs, st.integers(0, 99))
def test_no_policy_beats_the_snell_envelope(chain, cost, seed):
    """Where the observation is all there is to know. Its own estimate is its value."""
    bank, weight_P = synthetic.population(chain)
    policy, best = belief.full_observation(chain, cost)
    for other in (coins(seed), coins(seed + 1), FixedSegments(1 + seed % 4)):
        found = stopping.outcome(bank, other, cost, weight_P=weight_P)
        assert found.value <= best.value + 1e-9
    first_P = policy.values(observe(bank, "o", 1), torch.ones(len(bank), dtype=torch.long))
    assert float(first_P.amax(-1) @ weight_P) == pytest.approx(best.value, abs=1e-9)


@given(chains, costs)
def test_both_targets_of_backward_induction_agree_where_the_table_is_exact(chain, cost):
    bank, weight_P = synthetic.population(chain)
    values = [
        stopping.outcome(
            bank,
            backward_induction(bank, "o", cost, table, targets=targets, weight_P=weight_P),
            cost,
            weight_P=weight_P,
        ).value
        for targets in ("values", "returns")
    ]
    assert values[0] == pytest.approx(values[1], abs=1e-9)


@given(st.integers(0, 99), costs)
def test_returns_are_what_the_rule_fitted_so_far_gets(seed, cost):
    """The target of going on at 1 is the return of playing on, puzzle by puzzle."""
    bank = synthetic.bank_c(60, 5, seed=seed)
    targets = []

    def spy(obs_PF, target_P, weight_P):
        targets.append(target_P)
        return linear(obs_PF, target_P, weight_P)

    policy = backward_induction(bank, "o", cost, spy, targets="returns")
    segment_P = torch.full((60,), 5)
    for m in (4, 3, 2):
        halts_P = policy(observe(bank, "o", m), torch.full((60,), m))
        segment_P = torch.where(halts_P, m, segment_P)
    halted = Halted(segment_P, bank.correct_MP[segment_P - 1, torch.arange(60)])
    torch.testing.assert_close(targets[-1], halted.value_P(cost))


@given(chains, costs, costs)
def test_dearer_segments_are_never_used_more(chain, cost, other):
    cheap, dear = sorted([cost, other])
    segments = [belief.full_observation(chain, c)[1].segments for c in (cheap, dear)]
    assert segments[1] <= segments[0] + 1e-9


@given(chains, st.floats(1, 3))
def test_what_costs_as_much_as_an_answer_is_never_bought(chain, cost):
    assert belief.full_observation(chain, cost)[1].segments == pytest.approx(1)


def test_free_segments_are_a_matter_of_the_tie():
    """On bank A right answers stay right: halting and going on tie, and so do hopeless puzzles."""
    bank, weight_P = synthetic.population(BANK_A)
    found = {
        tie: stopping.outcome(
            bank, fit_snell(bank, "o", 0.0, tie=tie, weight_P=weight_P), 0.0, weight_P=weight_P
        )
        for tie in ("halt", "continue")
    }
    assert found["continue"].segments == 16
    assert found["halt"].segments == pytest.approx(5.8578, abs=1e-4)
    assert found["halt"].accuracy == pytest.approx(found["continue"].accuracy, abs=1e-12)


@pytest.mark.parametrize("regress", [linear, binned, random_features])
@pytest.mark.parametrize("targets", ["values", "returns"])
def test_fitted_policies_beat_every_fixed_number_of_segments(regress, targets):
    fitted = backward_induction(synthetic.bank_c(5000), "o", 0.02, regress, targets=targets)
    assert exact_chains.score(BANK_C, fitted, 0.02, nodes=2000).value > 0.6922 + 0.015


@pytest.mark.slow
@given(st.integers(0, 9), st.floats(-50, 50), st.sampled_from([-7.0, 0.01, 3.0, 1000.0]))
def test_units_of_an_observation_do_not_matter(seed, shift, scale):
    """Of a linear fit, which halts the same puzzles whatever the score is measured in."""
    bank = synthetic.bank_c(400, seed=seed)
    score_MPF = bank.columns["o"].double()
    plain, moved = (
        replace(bank, columns={"o": part}) for part in (score_MPF, shift + scale * score_MPF)
    )
    for cost in (0.0, 0.02):
        a, b = (
            stopping.outcome(
                part, backward_induction(part, "o", cost, linear, targets="returns"), cost
            )
            for part in (plain, moved)
        )
        assert a[:3] == pytest.approx(b[:3], abs=1e-9)


def test_reference_picks_a_fit_for_the_observation():
    a, c = synthetic.bank_a(2000), synthetic.bank_c(2000)
    assert exact_chains.value_a(fit_snell(a, "o", 0.02), 0.02) == pytest.approx(0.7083, abs=0.01)
    assert exact_chains.value_c(fit_snell(c, "o", 0.02), 0.02) > 0.69
    scalars = log_bank(Scripted(), PUZZLES, 8)
    halted = play(scalars, fit_snell(scalars, "scalars", 0.02))
    assert float(halted.value_P(0.02).mean()) >= stopping.best_fixed(scalars, 0.02)[1]


def test_random_features_are_fitted_on_a_part_of_a_long_bank(monkeypatch):
    """Evenly spread: of nine puzzles three are the first, the middle and the last."""
    bank = log_bank(Scripted(), PUZZLES, 4)
    bank = take(bank, torch.arange(9) % len(bank))
    monkeypatch.setattr(snell, "MOST", 3)
    monkeypatch.setattr(snell, "distinct", lambda part: (65, None))  # as if it were no table
    part = take(bank, torch.tensor([0, 4, 8]))
    found = fit_snell(bank, "scalars", 0.02)
    same = backward_induction(part, "scalars", 0.02, random_features)
    whole = backward_induction(bank, "scalars", 0.02, random_features)
    obs_PF, m_P = observe(bank, "scalars", 1), torch.ones(9, dtype=torch.long)
    assert torch.equal(found.values(obs_PF, m_P), same.values(obs_PF, m_P))
    assert not torch.equal(found.values(obs_PF, m_P), whole.values(obs_PF, m_P))


def test_wrong_inductions_are_refused():
    bank = synthetic.bank_a(10)
    with pytest.raises(ValueError, match='targets must be "values" or "returns", got "both"'):
        backward_induction(bank, "o", 0.0, table, targets="both")
    with pytest.raises(ValueError, match='tie must be "halt" or "continue", got "coin"'):
        fit_snell(bank, "o", 0.0, tie="coin")
    with pytest.raises(ValueError, match=r"fitted for the decisions at 1\.\.15, asked at 16"):
        fit_snell(bank, "o", 0.0)(torch.zeros(1, 2), torch.tensor([16]))


# --- folds ----------------------------------------------------------------------------------------


def test_folds_never_see_what_they_are_scored_on():
    bank = replace(synthetic.bank_a(60), cluster_P=torch.arange(60) // 3 + 7)
    seen: list[set[int]] = []

    def fit(part: Bank) -> FixedSegments:
        seen.append(set(part.cluster_P.tolist()))
        return FixedSegments(len(seen))

    halted = cross_fitted(bank, fit, folds=4)
    for cluster, segment in zip(bank.cluster_P.tolist(), halted.segment_P.tolist(), strict=True):
        assert cluster not in seen[segment - 1]
    assert all(len(clusters) == 15 for clusters in seen)


def test_what_is_learnt_by_heart_is_worth_nothing_on_other_folds():
    """Every puzzle has a number to be known by, and its answers are tosses of a coin."""
    generator = torch.Generator().manual_seed(0)
    correct_MP = torch.rand(4, 400, generator=generator) < 0.5
    bank, _ = bank_of(correct_MP)
    name_MPF = torch.arange(400.0).expand(4, 400)[..., None]
    bank = replace(bank, columns={"o": name_MPF})

    def by_heart(part: Bank):
        return backward_induction(part, "o", 0.05, table)

    in_sample = float(play(bank, by_heart(bank)).value_P(0.05).mean())
    assert in_sample == pytest.approx(float(stopping.prophet(bank, 0.05).value_P(0.05).mean()))
    elsewhere = float(cross_fitted(bank, by_heart).value_P(0.05).mean())
    assert elsewhere < 0.58 < 0.85 < in_sample


def test_wrong_folds_are_refused():
    with pytest.raises(
        ValueError, match=r"folds must be in 2\.\.3, the clusters of puzzles, got 4"
    ):
        cross_fitted(synthetic.bank_a(3), lambda part: FixedSegments(1), folds=4)


def test_part_of_a_real_bank():
    bank = log_bank(Scripted(), PUZZLES, 3)
    part = take(bank, torch.tensor([4, 1]))
    assert torch.equal(part.correct_MP, bank.correct_MP[:, [4, 1]])
    assert torch.equal(part.solutions_PT, bank.solutions_PT[[4, 1]])
    assert torch.equal(observe(part, "q", 2), observe(bank, "q", 2)[[4, 1]])
