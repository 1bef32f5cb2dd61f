"""What learners with full feedback share: all segments, halting distributions, batches, descent.

Shapes: M segments, P puzzles, D decisions.
"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scripted import PUZZLES, Scripted
from torch import nn

from hrm_rl.agents.learners import fitting
from hrm_rl.agents.learners.fitting import Feedback, descend, full_feedback
from hrm_rl.agents.learners.inputs import logged, rare_halt
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.banks.bank import log_bank, observe
from hrm_rl.banks.synthetic import bank_a
from hrm_rl.envs.vector import HaltingVectorEnv

M = 5


def feedback(puzzles: int = 6) -> Feedback:
    return full_feedback(play_on(bank_a(puzzles, M + 1), observation="o", max_segments=M))


# --- full feedback --------------------------------------------------------------------------------


def test_the_whole_of_a_live_environment_is_a_bank_of_one_segment_more() -> None:
    env = HaltingVectorEnv(2, model=Scripted(), puzzles=PUZZLES, max_segments=M)
    bank = logged(env)
    assert (bank.max_segments, len(bank)) == (M + 1, len(PUZZLES))
    assert torch.equal(
        bank.columns["scalars"], log_bank(Scripted(), PUZZLES, M + 1).columns["scalars"]
    )


def test_feedback_is_what_a_policy_observes_and_one_segment_beyond() -> None:
    bank = bank_a(20, M + 3)
    seen = full_feedback(play_on(bank, observation="o", max_segments=M, step_cost=0.25, slots=2))
    assert seen.obs_MPF.shape == (M + 1, 20, 2)
    for m in range(1, M + 1):
        assert torch.equal(seen.obs_MPF[m - 1], observe(bank.first(M), "o", m))
    assert seen.obs_MPF[M, 0, -1].item() == pytest.approx((M + 1) / M)
    assert torch.equal(seen.correct_MP, bank.correct_MP[: M + 1])
    right_M = bank.correct_MP[:M, 0].float()
    assert seen.returns_MP[:, 0].tolist() == (right_M - 0.25 * torch.arange(M)).tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reward": "token_accuracy"}, 'reward must be "exact", got "token_accuracy"'),
        ({"min_segments": 2}, "min_segments must be 1, got 2"),
    ],
)
def test_unfit_environments_are_refused(arguments: dict[str, object], message: str) -> None:
    env = HaltingVectorEnv(2, model=Scripted(), puzzles=PUZZLES, max_segments=M, **arguments)
    with pytest.raises(ValueError, match=message):
        full_feedback(env)


# --- halting distributions ------------------------------------------------------------------------


def test_halting_and_entropy_by_hand() -> None:
    """Two fair coins: halts at 1, 2, 3 with 1/2, 1/4, 1/4; an entropy of ln 2 + ln 2 / 2."""
    logit_DP = torch.zeros(2, 1)
    assert fitting.halting_MP(logit_DP)[:, 0].tolist() == [0.5, 0.25, 0.25]
    assert fitting.entropy_P(logit_DP).item() == pytest.approx(1.5 * math.log(2))


@given(st.lists(st.floats(-8, 8), min_size=1, max_size=6))
def test_the_coins_entropy_is_that_of_where_the_episode_halts(logits: list[float]) -> None:
    logit_DP = torch.tensor(logits, dtype=torch.float64)[:, None]
    p_M = fitting.halting_MP(logit_DP)[:, 0]
    assert p_M.sum().item() == pytest.approx(1)
    by_definition = torch.special.entr(p_M).sum().item()
    assert fitting.entropy_P(logit_DP).item() == pytest.approx(by_definition, abs=1e-9)


@pytest.mark.parametrize("max_segments", [2, 8, 16])
def test_the_first_probability_of_halting(max_segments: int) -> None:
    halt = torch.tensor(rare_halt(max_segments)).sigmoid().item()
    assert halt == pytest.approx(1 / max_segments)


def test_one_segment_has_no_probability_of_halting() -> None:
    with pytest.raises(ValueError, match="max_segments must be >= 2, got 1"):
        rare_halt(1)


# --- descent --------------------------------------------------------------------------------------


def test_batches_are_passes_over_all_puzzles() -> None:
    """6 puzzles in batches of 2, 4 decisions each: 48 decisions are two passes."""
    seen, told, shares = feedback(), [], []
    number_P = torch.arange(6.0)
    marked = Feedback(number_P.expand(M, 6)[..., None], seen.correct_MP[:M], M, 0.0)
    drawn: list[int] = []

    def loss(part: Feedback, left: float) -> torch.Tensor:
        drawn.extend(part.obs_MPF[0, :, 0].long().tolist())
        shares.append(left)
        return network(part.obs_MPF).sum()

    network = nn.Linear(1, 1)
    descend(network, loss, marked, steps=45, batch=2, seed=0, lr=0.1, progress=told.append)
    assert sorted(drawn[:6]) == sorted(drawn[6:]) == list(range(6))
    assert drawn[:6] != drawn[6:]
    assert told == [8, 8, 8, 8, 8, 5]
    assert shares == pytest.approx([1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])


def test_descent_takes_adams_steps_at_a_falling_rate() -> None:
    """A constant slope: Adam goes down by the learning rate, which is 1, 3/4, 1/2, 1/4 of 0.1."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    descend(
        network, lambda part, left: network.weight.sum(), feedback(),
        steps=4 * 24, batch=6, seed=0, lr=0.1, progress=lambda n: None,
    )  # fmt: skip
    assert network.weight.item() == pytest.approx(-0.25, rel=1e-4)
    assert not network.weight.requires_grad
