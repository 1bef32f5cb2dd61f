"""What a policy answers is checked wherever it is asked: one bool, or one probability, a row.

Shapes: B rows, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from scripted import PUZZLES, tiny_hrm
from torch import Tensor

from hrm_rl.banks.bank import play
from hrm_rl.banks.synthetic import Chain, bank_a
from hrm_rl.evaluate import evaluate, solve
from hrm_rl.halting import Halted
from hrm_rl.stopping import chains, exact

BANK = bank_a(6, 3)
MODEL = tiny_hrm()


@pytest.fixture(autouse=True)
def as_users_run_it(unchecked_shapes: None) -> Iterator[None]:
    yield


@dataclass(frozen=True)
class Says:
    """A policy, and a chance, that answers whatever it is told to."""

    answer: Callable[[Tensor], Any]
    observation: str = "q"

    def __call__(self, obs_BF: Tensor, m_B: Tensor) -> Any:
        return self.answer(obs_BF)

    def probability(self, obs_BF: Tensor, m_B: Tensor) -> Any:
        return self.answer(obs_BF)


ASKED: dict[str, Callable[[Any], Any]] = {
    "play": lambda policy: play(BANK, policy).segment_P,
    "halt_table": lambda policy: exact.halt_table(BANK, policy),
    "outcome": lambda policy: exact.outcome(BANK, policy, 0.0),
    "chains": lambda policy: chains.score(Chain(3, 0.3, 0.3), policy, 0.0),
    "evaluate": lambda policy: evaluate(MODEL, PUZZLES, policy, 2, batch_size=3).segment_P,
    "solve": lambda policy: list(solve(MODEL, torch.from_numpy(PUZZLES.inputs_PL[0]), policy, 2)),
}
NO_DECISIONS: dict[str, Callable[[Tensor], Any]] = {
    "nothing": lambda obs: None,
    "one bool": lambda obs: True,
    "no rows": lambda obs: torch.zeros(0, dtype=torch.bool),
    "a row too many": lambda obs: torch.ones(len(obs) + 1, dtype=torch.bool),
    "a column": lambda obs: torch.ones(len(obs), 1, dtype=torch.bool),
    "a scalar": lambda obs: torch.tensor(True),
    "zeros and ones": lambda obs: torch.ones(len(obs), dtype=torch.long),
    "logits": lambda obs: obs[:, 0],
    "numpy": lambda obs: (obs[:, 0] > 0).numpy(),
    "a list": lambda obs: (obs[:, 0] > 0).tolist(),
    "elsewhere": lambda obs: torch.ones(len(obs), dtype=torch.bool, device="meta"),
}


@pytest.mark.parametrize("answer", NO_DECISIONS)
@pytest.mark.parametrize("asked", ASKED)
def test_an_answer_that_is_not_one_bool_a_row_is_refused(asked: str, answer: str) -> None:
    with pytest.raises(ValueError, match=r"Says must answer with a bool tensor of shape") as error:
        ASKED[asked](Says(NO_DECISIONS[answer]))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("asked", ASKED)
def test_one_bool_a_row_is_taken(asked: str) -> None:
    assert len(ASKED[asked](Says(lambda obs: obs[:, 0] > 0)))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda obs: None, "must answer with a float tensor"),
        (lambda obs: obs[:1, 0], "must answer with a float tensor"),
        (lambda obs: obs[:, 0] > 0, "must answer with a float tensor"),
        (lambda obs: obs[:, 0] * 0 + 1.5, r"must lie in \[0, 1\], got 1\.5"),
        (lambda obs: obs[:, 0] * 0 - 0.5, r"must lie in \[0, 1\], got -0\.5"),
        (lambda obs: obs[:, 0] * float("nan"), r"must lie in \[0, 1\], got nan"),
    ],
)
def test_an_answer_that_is_no_probability_is_refused(
    answer: Callable[[Tensor], Any], said: str
) -> None:
    for ask in (
        lambda policy: exact.halt_table(BANK, policy, stochastic=True),
        lambda policy: exact.outcome(BANK, policy, 0.0, stochastic=True),
        lambda policy: chains.score(Chain(3, 0.3, 0.3), policy, 0.0, stochastic=True),
    ):
        with pytest.raises(ValueError, match=said):
            ask(Says(answer))


@pytest.mark.parametrize(
    "policy", ["q", None, 3, Says, lambda obs, m: obs[:, 0] > 0, Says(lambda obs: True, observation=2)]  # type: ignore[arg-type]
)  # fmt: skip
@pytest.mark.parametrize("asked", ASKED)
def test_what_is_no_policy_is_refused(asked: str, policy: Any) -> None:
    with pytest.raises(ValueError, match=r"rule\(|observation"):
        ASKED[asked](policy)


def test_an_observation_that_no_model_shows() -> None:
    with pytest.raises(ValueError, match='did you mean "scalars"'):
        evaluate(MODEL, PUZZLES, Says(lambda obs: obs[:, 0] > 0, "scalar"), 2)


@pytest.mark.parametrize(
    ("segment", "right", "said"),
    [
        ([0, 1], [True, True], "segments count from 1, got 0"),
        ([1, 2, 3], [True, True], "one segment and one verdict for each puzzle"),
        ([1.0, 2.0], [True, True], "whole numbers"),
        ([1, 2], [1, 0], "true or false"),
    ],
)
def test_halts_are_segments_from_1_and_verdicts(segment: Any, right: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Halted(torch.tensor(segment), torch.tensor(right))


def test_halts_of_another_bank_are_not_scored() -> None:
    for segment, said in (([1] * 5, "bank's 6 puzzles, got 5"), ([4] * 6, r"in 1\.\.3.*got 4")):
        halted = Halted(torch.tensor(segment), torch.zeros(len(segment), dtype=torch.bool))
        with pytest.raises(ValueError, match=said):
            exact.outcome_of_halted(BANK, halted, 0.0)
