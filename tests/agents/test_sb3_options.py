"""`set_options` of SB3 reaches the environment, which deals the puzzle or refuses the word."""

from typing import Any

import pytest
from scripted import PUZZLES, Scripted

from hrm_rl.agents.sb3 import SB3VecEnv
from hrm_rl.envs.vector import HaltingVectorEnv


def vec() -> SB3VecEnv:
    return SB3VecEnv(
        HaltingVectorEnv(
            3, model=Scripted(), puzzles=PUZZLES, max_segments=4, autoreset_mode="SameStep"
        )
    )


@pytest.mark.parametrize(
    ("options", "dealt"),
    [
        ({"puzzle": 2}, [2, 2, 2]),
        ({"puzzle": [3, 1, 2]}, [3, 1, 2]),
        ([{"puzzle": 3}, {"puzzle": 1}, {"puzzle": 2}], [3, 1, 2]),
    ],
)
def test_the_puzzle_asked_for_is_dealt_once(options: Any, dealt: list[int]) -> None:
    env = vec()
    env.seed(0)
    env.set_options(options)
    env.reset()
    assert [info["puzzle_id"] for info in env.reset_infos] == dealt
    again = vec()
    again.seed(0)
    again.reset()
    assert not any(env._options)  # SB3 forgets them with the reset, and so the next one is drawn
    env.seed(0)
    env.reset()
    assert [i["puzzle_id"] for i in env.reset_infos] == [i["puzzle_id"] for i in again.reset_infos]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"puzzel": 2}, 'did you mean "puzzle"'),
        ({"puzzle": 10**6}, "must be a whole number in"),
        ([{"puzzle": 3}, {}, {}], "must be the same for all rows"),
    ],
)
def test_what_it_does_not_know_is_refused(options: Any, message: str) -> None:
    env = vec()
    env.set_options(options)
    with pytest.raises(ValueError, match=message):
        env.reset()
