"""A minibatch of one row, which some algorithms of sb3-contrib turn into NaN weights."""

from functools import partial
from typing import Any

import pytest
from borders import BANK
from sb3_contrib import TRPO, MaskablePPO, RecurrentPPO
from stable_baselines3 import A2C, PPO

from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.learners.recurrent_ppo import recurrent_ppo
from hrm_rl.agents.learners.sb3 import sb3_learner

pytestmark = pytest.mark.usefixtures("unchecked_shapes")


def fitted(learner: Any, slots: int = 2) -> None:
    """Learn, and see that no weight became NaN."""
    policy = learner(play_on(BANK, observation="o", slots=slots), steps=2, seed=0)
    assert all(weight.isfinite().all() for weight in policy.algorithm.policy.parameters())


@pytest.mark.parametrize(
    ("slots", "settings"),
    [(13, {"n_steps": 5, "batch_size": 16}), (1, {"rollout": 9, "batch_size": 8}), (1, {"n_steps": 65}),
     (2, {"rollout": 8, "batch_size": 1})],
)  # fmt: skip
def test_a_minibatch_of_one_row_is_refused(slots: int, settings: dict[str, Any]) -> None:
    """65 = 4 * 16 + 1; 64 is MaskablePPO's own batch_size."""
    with pytest.raises(
        ValueError, match=r"batch_size must not leave .* choose one above 1 that divides"
    ):
        fitted(sb3_learner(MaskablePPO, **settings), slots)


def test_the_recurrent_learner_refuses_it_too() -> None:
    with pytest.raises(ValueError, match="RecurrentPPO would make NaN, got 8 of 9 rows"):
        fitted(recurrent_ppo(rollout=9, batch_size=8), 1)


@pytest.mark.parametrize("algorithm", [MaskablePPO, RecurrentPPO])
def test_batches_that_divide_the_rows_or_leave_more_than_one_are_taken(algorithm: Any) -> None:
    """And the one row, where advantages are not normalised."""
    policy = "MlpLstmPolicy" if algorithm is RecurrentPPO else "MlpPolicy"
    for settings in ({"n_steps": 4}, {"n_steps": 5}, {"n_steps": 9, "normalize_advantage": False}):
        learner = sb3_learner(algorithm, policy=policy, batch_size=4, n_epochs=2, **settings)
        fitted(learner, 1 if settings["n_steps"] == 9 else 2)


@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
def test_ppo_guards_itself_and_is_let_through() -> None:
    fitted(sb3_learner(PPO, rollout=9, batch_size=8, n_epochs=2), 1)


def test_a_lone_row_is_seen_in_what_was_built() -> None:
    """However the algorithm was handed over."""
    with pytest.raises(ValueError, match="got 8 of 9 rows"):
        fitted(sb3_learner(partial(MaskablePPO, batch_size=8), rollout=9), 1)


def test_a2c_of_one_row_is_refused_where_it_normalises() -> None:
    with pytest.raises(ValueError, match="n_steps must give A2C more than one row"):
        fitted(sb3_learner(A2C, n_steps=1, normalize_advantage=True), 1)
    fitted(sb3_learner(A2C, n_steps=1), 1)
    fitted(sb3_learner(A2C, n_steps=1, normalize_advantage=True), 2)


@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
def test_trpo_normalises_all_rows_together_and_is_let_through() -> None:
    fitted(sb3_learner(TRPO, n_steps=9, batch_size=8), 1)
