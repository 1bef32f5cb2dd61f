"""What learners are told: settings have their ranges, and nothing is learnt from nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest
from borders import BANK, learn, sentence

from hrm_rl.agents.learners import LEARNERS, learner
from hrm_rl.agents.learners.protocol import play_on

# Annotated shapes are checked in tests alone: what is tried here is what users meet.
pytestmark = pytest.mark.usefixtures("unchecked_shapes")


@pytest.mark.parametrize("name", [name for name in LEARNERS if name != "recurrent_ppo"])
def test_every_learner_refuses_to_learn_from_nothing(name: str) -> None:
    for wrong in ({"steps": 0}, {"steps": -1}, {"steps": 2.5}, {"seed": -1}, {"seed": "a"}):
        with pytest.raises(ValueError, match=r"(steps|seed) must be a whole number"):
            learn(name, **wrong)


@pytest.mark.parametrize(
    ("name", "setting"),
    [("exact_pg", {"lr": math.nan}), ("q", {"lr": 0}), ("halt_bce", {"lr": -1}), ("q", {"edge": "off"}),
     ("q", {"explore_probability": 2}), ("q", {"tie": "coin"}), ("graves", {"eps": 1}),
     ("graves", {"eps": math.nan}), ("ponder", {"beta": -1}), ("ponder", {"lambda_p": math.nan}),
     ("probe", {"threshold": 7}), ("hazard", {"k": 0}), ("hazard", {"k": 1.5}), ("fqi", {"iterations": 0}),
     ("full_q", {"copy_every": 0}), ("reinforce", {"entropy": math.nan}), ("exact_pg", {"batch": 0}),
     ("recurrent_pg", {"entropy": -1})],
)  # fmt: skip
def test_settings_of_learners_have_their_ranges(name: str, setting: dict[str, Any]) -> None:
    env = play_on(BANK, observation="o", slots=2)
    assert "must be" in sentence(lambda _: learner(name, **setting)(env, steps=2, seed=0), None)
