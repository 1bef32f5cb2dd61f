"""One thing says what thinks: a bank, a model or a checkpoint beside another is refused."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from scripted import tiny_hrm

import hrm_rl  # noqa: F401
from hrm_rl.banks.synthetic import bank_a
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.vector import HaltingVectorEnv

BOTH = "bank and checkpoint each say what thinks"


@pytest.mark.parametrize("make", [HaltingEnv, HaltingVectorEnv])
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"bank": "sudoku9-fit", "checkpoint": "maze8"}, BOTH),
        ({"bank": "sudoku9-fit", "checkpoint": "sudoku9"}, BOTH),
        ({"bank": Path("nowhere"), "checkpoint": Path("elsewhere")}, BOTH),
        ({"bank": bank_a(6, 3), "checkpoint": "sudoku9"}, BOTH),
        ({"bank": "sudoku9-fit", "model": "maze8"}, "bank and model each"),
        ({"bank": bank_a(6, 3), "model": tiny_hrm()}, "bank and model each"),
        ({"model": tiny_hrm(), "checkpoint": "maze8"}, "model and checkpoint each"),
        ({"model": "sudoku4", "checkpoint": "maze8"}, "model and checkpoint each"),
    ],
)
def test_two_that_say_what_thinks_are_refused(
    make: type[Any], arguments: dict[str, Any], says: str
) -> None:
    slots = () if make is HaltingEnv else (2,)
    with pytest.raises(ValueError, match=f"{says}.*only .* would be looked at; give one") as caught:
        make(*slots, **arguments)
    assert "\n" not in str(caught.value)


def test_what_an_id_thinks_with_gives_way() -> None:
    env = gym.make("hrm_rl:HRMSudoku-v0", bank="sudoku9-fit")
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))  # type: ignore[union-attr]
    first, _ = env.reset(seed=1)
    assert (again.reset(seed=1)[0] == first).all()
    with pytest.raises(ValueError, match=BOTH):
        gym.make("hrm_rl:HRMSudoku-v0", bank="sudoku9-fit", checkpoint="sudoku4")
    with pytest.raises(ValueError, match=BOTH):
        gym.make_vec("hrm_rl:HRMSudoku-v0", 2, bank="sudoku9-fit", checkpoint="sudoku4")
