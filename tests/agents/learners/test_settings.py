"""What learners are told: settings have their ranges, and nothing is learnt from nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest
from borders import BANK, learn, sentence

import hrm_rl
from hrm_rl.agents import learners
from hrm_rl.agents.learners import LEARNERS, learner
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.rules import rule
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.halting import Policy

# Annotated shapes are checked in tests alone: what is tried here is what users meet.
pytestmark = pytest.mark.usefixtures("unchecked_shapes")


@pytest.mark.parametrize("name", [name for name in LEARNERS if name != "recurrent_ppo"])
def test_every_learner_refuses_to_learn_from_nothing(name: str) -> None:
    for wrong in ({"steps": 0}, {"steps": -1}, {"steps": 2.5}, {"seed": -1}, {"seed": "a"}):
        with pytest.raises(ValueError, match=r"(steps|seed) must be a whole number"):
            learn(name, **wrong)


@pytest.mark.parametrize(
    ("name", "setting"),
    [("exact_pg", {"lr": math.nan}), ("act_q", {"lr": 0}), ("halt_bce", {"lr": -1}),
     ("act_q", {"edge": "off"}), ("act_q", {"explore_probability": 2}), ("act_q", {"tie": "coin"}),
     ("graves", {"eps": 1}),
     ("graves", {"eps": math.nan}), ("ponder", {"beta": -1}), ("ponder", {"lambda_p": math.nan}),
     ("probe", {"threshold": 7}), ("hazard", {"k": 0}), ("hazard", {"k": 1.5}), ("fqi", {"iterations": 0}),
     ("full_q", {"copy_every": 0}), ("reinforce", {"entropy": math.nan}), ("exact_pg", {"batch": 0}),
     ("recurrent_pg", {"entropy": -1}), ("conformal", {"alpha_up": 0}), ("conformal", {"slopes": ()}),
     ("conformal", {"ceiling": 2}), ("conditional", {"alpha": 1}), ("conditional", {"delta": 0}),
     ("e_process", {"kappa": 1}), ("e_process", {"alpha": math.nan}), ("uat", {"exploration": -1})],
)  # fmt: skip
def test_settings_of_learners_have_their_ranges(name: str, setting: dict[str, Any]) -> None:
    env = play_on(BANK, observation="o", slots=2)
    assert "must be" in sentence(lambda _: learner(name, **setting)(env, steps=2, seed=0), None)


@pytest.mark.parametrize(
    ("name", "typed", "meant"),
    [("exact_pg", "entropie", "entropy"), ("ppo", "clip_rnage", "clip_range"),
     ("act_q", "explore_probabilty", "explore_probability"),
     ("a2c", "entropie", "entropy"), ("graves", "batchs", "batch"), ("tvr", "target", "targets"),
     ("conformal", "slope", "slopes"), ("e_process", "kapa", "kappa")],
)  # fmt: skip
def test_a_typo_in_a_setting_is_told_when_the_learner_is_made(
    name: str, typed: str, meant: str
) -> None:
    with pytest.raises(
        ValueError, match=rf'must be one of .*got .{typed}.; did you mean "{meant}"'
    ) as error:
        learner(name, **{typed: 1})
    assert "\n" not in str(error.value)


def test_an_entropy_bonus_is_of_an_actor() -> None:
    with pytest.raises(ValueError, match="entropy is of an actor, and DQN has none"):
        learner("dqn", entropy=0.1)
    with pytest.raises(ValueError, match="entropy must be a finite number >= 0"):
        learner("ppo", entropy=-1)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is registered in a test is gone after it."""
    monkeypatch.setattr(learners, "LEARNERS", dict(LEARNERS))


def never(
    env: HaltingVectorEnv, *, steps: int, seed: int, progress: Any = None, last: int = 3
) -> Policy:
    """A user's own learner, which learns nothing."""
    return rule(f"fixed-{last}")


@pytest.mark.usefixtures("registry")
def test_a_learner_of_ones_own_has_a_name_and_settings() -> None:
    hrm_rl.register_learner("never", never)
    env = play_on(BANK, observation="o", slots=2)
    assert learner("never")(env, steps=1, seed=0) == rule("fixed-3")
    assert learner("never", last=2)(env, steps=1, seed=0) == rule("fixed-2")
    with pytest.raises(
        ValueError, match=r'a setting of never must be one of last.*did you mean "last"'
    ):
        learner("never", lasst=2)
    with pytest.raises(ValueError, match=r'no learner "nevr"; .*did you mean "never"'):
        learner("nevr")


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("name", "learn", "why"),
    [("ppo", never, '"ppo" is the name of a learner already'), ("my own", never, "must be a word"),
     ("x", 3, "must be a function that learns, got 3"), ("x", lambda env: None, "and lacks steps"),
     ("x", lambda env, steps, seed, progress, lr: None, "must have defaults, and lr has none")],
)  # fmt: skip
def test_what_is_no_learner_is_not_registered(name: str, learn: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why) as error:
        hrm_rl.register_learner(name, learn)
    assert "\n" not in str(error.value)
