"""Synthetic banks: what is drawn is what was asked for.

Shapes: M segments, P puzzles or paths.
"""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from stoppers import probability

from hrm_rl.agents.rules.basic import FixedSegments, QThreshold
from hrm_rl.banks import synthetic
from hrm_rl.banks.bank import play
from hrm_rl.banks.synthetic import BANK_A, BANK_B, BANK_C, BANK_NOISY, Chain

markov_chains = st.one_of(
    st.builds(Chain, st.integers(2, 9), probability, probability, loss=probability),
    st.builds(Chain, st.integers(2, 9), probability, probability, solvable=probability),
)


BANKS = {
    "a": (synthetic.bank_a, BANK_A),
    "b": (synthetic.bank_b, BANK_B),
    "c": (synthetic.bank_c, BANK_C),
    "noisy": (synthetic.bank_noisy, BANK_NOISY),
}


@pytest.mark.parametrize("name", BANKS)
def test_banks_are_banks(name):
    make, chain = BANKS[name]
    bank = make(50)
    M = chain.max_segments
    assert (bank.max_segments, len(bank), bank.puzzles) == (M, 50, None)
    assert bank.predictions_MPT.shape == (M, 50, 1)
    assert torch.equal((bank.predictions_MPT == bank.solutions_PT).all(-1), bank.correct_MP)
    assert torch.equal(bank.cells_MP == 1, bank.correct_MP)
    assert bank.cluster_P.tolist() == list(range(50))
    assert play(bank, FixedSegments(3)).segment_P.tolist() == [3] * 50


@pytest.mark.parametrize("name", BANKS)
def test_longer_bank_begins_with_the_shorter_one(name):
    """So that a bank with the segment that the paper's edge looks at holds the same problem."""
    make, chain = BANKS[name]
    short, long = make(40, seed=5), make(40, chain.max_segments + 1, seed=5)
    cut = long.first(chain.max_segments)
    assert torch.equal(cut.correct_MP, short.correct_MP)
    assert all(torch.equal(cut.columns[key], short.columns[key]) for key in short.columns)
    assert not torch.equal(make(40, seed=6).correct_MP, short.correct_MP)


@pytest.mark.parametrize("name", BANKS)
def test_drawn_rates_are_those_of_the_chain(name):
    make, chain = BANKS[name]
    P = 100_000
    share_M = make(P).correct_MP.double().mean(1)
    expected_M = synthetic.right_after(chain)
    se_M = (expected_M * (1 - expected_M) / P).sqrt()
    assert ((share_M - expected_M).abs() < 4.5 * se_M).all()


@given(st.one_of(markov_chains, st.builds(Chain, st.integers(1, 6), *[probability] * 4)))
def test_population_adds_up(chain):
    bank, weight_P = synthetic.population(chain)
    assert float(weight_P.sum()) == pytest.approx(1, abs=1e-12)
    assert len(bank.correct_MP.unique(dim=1)[0]) == len(bank) or len(bank) == 1
    right_M = bank.correct_MP.double() @ weight_P
    assert right_M.tolist() == pytest.approx(synthetic.right_after(chain).tolist(), abs=1e-12)


def test_population_of_two_segments_by_hand():
    bank, weight_P = synthetic.population(Chain(2, first=0.5, hazard=0.25, loss=0.1, solvable=0.8))
    paths = {
        tuple(path): weight
        for path, weight in zip(bank.correct_MP.T.int().tolist(), weight_P.tolist(), strict=True)
    }
    by_hand = {(1, 1): 0.36, (1, 0): 0.04, (0, 1): 0.1, (0, 0): 0.3 + 0.2}
    assert paths == pytest.approx(by_hand)


def test_noise_is_standard_and_tells_nothing_else():
    bank = synthetic.bank_c(50_000, scale=2.0)
    noise_MP = bank.columns["o"][..., 0] - 2 * bank.correct_MP
    assert noise_MP.mean(1).abs().max() < 4.5 / 50_000**0.5
    assert (noise_MP.std(1) - 1).abs().max() < 4.5 / 100_000**0.5
    correlation = torch.corrcoef(torch.cat([noise_MP, bank.correct_MP.float()]))
    off = correlation[:8] - torch.eye(16)[:8]
    assert off.abs().max() < 5 / 50_000**0.5


def test_q_is_calibrated():
    """Of the answers that it gives about 30 %, about 30 % are right."""
    bank = synthetic.bank_noisy(100_000)
    p = bank.columns["q"][..., 0].sigmoid().flatten().double()
    right = bank.correct_MP.flatten()
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        inside = (p >= low) & (p < low + 0.2)
        assert float((right[inside].double() - p[inside]).mean()) == pytest.approx(0, abs=0.01)
    exact = synthetic.bank_a(200)
    assert torch.equal(exact.columns["q"][..., 0] > 0, exact.correct_MP)
    halted = play(exact, QThreshold())
    assert torch.equal(halted.correct_P, exact.correct_MP[-1])


@given(
    st.builds(
        Chain, st.integers(1, 5), probability, probability, probability, probability,
        st.floats(0.5, 3),
    ),
    st.integers(0, 99),
)  # fmt: skip
def test_belief_is_the_posterior_over_all_paths(chain, seed):
    """The filter against Bayes' rule on the list of everything that can happen."""
    generator = torch.Generator().manual_seed(seed)
    score_MP = 2 * torch.randn(chain.max_segments, 7, generator=generator, dtype=torch.float64)
    found_MPF = synthetic.beliefs(chain, score_MP)
    for m in range(1, chain.max_segments + 1):
        paths, weight_P = synthetic.population(replace(chain, max_segments=m))
        log_ratio_MP = synthetic.log_ratio(chain, score_MP[:m])
        likelihood = (paths.correct_MP.double().T @ log_ratio_MP).exp()  # (paths, 7)
        posterior = weight_P[:, None] * likelihood / (weight_P @ likelihood)
        right = (posterior * paths.correct_MP[-1][:, None]).sum(0)
        torch.testing.assert_close(found_MPF[m - 1, :, 0], right, atol=1e-10, rtol=0)
        never = posterior[~paths.correct_MP.any(0)].sum(0)
        assert (found_MPF[m - 1, :, 1] <= never + 1e-12).all()


def test_wrong_chains_are_refused():
    with pytest.raises(
        ValueError, match=r"hazard must be a finite number in 0\.\.1, got 1\.5; it is a probab"
    ):
        Chain(8, 0.5, 1.5)
    with pytest.raises(ValueError, match=r"max_segments must be a whole number in 1\..*, got 0"):
        Chain(0, 0.5, 0.5)
    with pytest.raises(ValueError, match="scale must be a finite number >= 0, got -1"):
        Chain(8, 0.5, 0.5, scale=-1)
    with pytest.raises(ValueError, match=r"2\*\*40 paths, more than"):
        synthetic.population(replace(BANK_B, max_segments=40))
    assert len(synthetic.population(replace(BANK_A, max_segments=40))[0]) == 41
