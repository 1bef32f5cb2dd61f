"""Forecasts: by hand, where they are optimal, and where a plan is worth less than deciding again."""

from dataclasses import replace

import pytest
import torch
from calibrations import bank_like

from hrm_rl.agents.learners import learner
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.learners.reforc import forecast
from hrm_rl.banks.bank import observe, play
from hrm_rl.banks.synthetic import BANK_A, bank_c, population
from hrm_rl.statistics.regressors import table
from hrm_rl.stopping.chains import score
from hrm_rl.stopping.snell import fit_snell


def test_forecasts_by_hand() -> None:
    """Of four puzzles that look alike 1, 1, 3 and 2 are right after segments 1 to 4.

    After 1 the best plan is two segments more, for 2/4 - 2 cost; after 2 it is one, for 2/4 - cost; after
    3 one more is for -1/4.
    """
    bank = bank_like(["++++", "--++", "--+-", "----"])
    m_P = torch.ones(4).int()
    policy = forecast(bank, "scalars", 0.1, table)
    found = [policy.gains(observe(bank, "scalars", m), m * m_P)[0].item() for m in (1, 2, 3)]
    assert found == pytest.approx([0.5 - 0.2, 0.5 - 0.1, -0.25 - 0.1])
    for cost, segment in ((0.1, 3), (0.24, 3), (0.26, 1)):
        halted = play(bank, forecast(bank, "scalars", cost, table))
        assert halted.segment_P.tolist() == [segment] * 4
    with pytest.raises(ValueError, match=r"fitted for the decisions at 1\.\.3, asked at 4"):
        policy.gains(observe(bank, "scalars", 4), 4 * m_P)


def test_is_the_optimum_where_one_segment_more_is_always_the_best_plan() -> None:
    """Bank A, with every path and its probability: gives up after segment 12, as the best rule does."""
    bank, weight_P = population(BANK_A)
    policy = forecast(bank, "o", 0.02, table, weight_P=weight_P)
    best = fit_snell(bank, "o", 0.02, weight_P=weight_P)
    assert torch.equal(play(bank, policy).segment_P, play(bank, best).segment_P)
    assert score(BANK_A, policy, 0.02).value == pytest.approx(0.708332, abs=1e-6)


def test_a_plan_is_worth_less_than_to_decide_again() -> None:
    """Half of the puzzles show after segment 2 whether they will be solved at 4, the others never are.

    From 1 the best plan, three segments, gains 1/2 - 3 * 0.2 < 0 and is not begun; who may decide again
    pays 0.2 to look, and 0.4 more in half of the cases: 1/2 (1 - 0.4) - 0.2 = 0.1.
    """
    bank = bank_like(["---+", "----"])
    shown_MP = torch.tensor([[0.0, 0.0], [1.0, -1.0], [1.0, -1.0], [1.0, -1.0]])
    bank = replace(bank, columns={"o": shown_MP[..., None]})
    assert play(bank, forecast(bank, "o", 0.2, table)).segment_P.tolist() == [1, 1]
    assert play(bank, fit_snell(bank, "o", 0.2)).segment_P.tolist() == [4, 2]
    assert play(bank, forecast(bank, "o", 0.16, table)).segment_P.tolist() == [4, 2]


def test_the_seed_draws_the_features() -> None:
    bank = bank_c(200, 5)
    obs_BF, m_B = observe(bank, "o", 2), torch.full((200,), 2)

    def gains(seed: int) -> torch.Tensor:
        env = play_on(bank, observation="o", step_cost=0.02)
        found: torch.Tensor = learner("reforc")(env, steps=1, seed=seed).gains(obs_BF, m_B)  # type: ignore[attr-defined]
        return found

    assert torch.equal(gains(0), gains(0)) and not torch.equal(gains(0), gains(1))
