"""The joint regime as an environment: what a continue costs, and that the agent is told."""

from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import data_equivalence
from in_training import actions, make, play

from hrm_rl.agents.sb3 import SB3VecEnv


@pytest.mark.parametrize("price", ["constant", "ramp:2:6", "budget:1.5"])
@pytest.mark.parametrize("output", ["numpy", "torch"])
def test_a_continue_costs_what_was_shown_before(price: str, output: str) -> None:
    env = make(4, step_cost=0.25, price=price, output=output)
    _, info = env.reset()
    shown, continued = [], 0
    for action in actions(12):
        shown.append(info["price"].tolist())
        assert len(set(shown[-1])) == 1, "the same in every row"
        before = info
        _, reward, over, _, info = env.step(action if output == "numpy" else torch.tensor(action))
        for row in range(4):
            if not over[row]:
                assert float(reward[row]) == pytest.approx(-shown[-1][row])
                continued += 1
            else:
                assert info["final_info"]["price"][row] == before["price"][row]
    assert continued > 10
    first = [row[0] for row in shown]
    if price == "constant":
        assert first == [0.25] * 12
    elif price == "ramp:2:6":
        assert first == pytest.approx([0, 0, 0.0625, 0.125, 0.1875, *[0.25] * 7])
    else:
        assert first[0] == 0.25 and len(set(first)) > 6
    assert env.engine.sums["price"].item() == pytest.approx(first[-1])


def test_a_multiplier_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = make(price="budget:1.5", run=tmp_path / "whole")
    expected = play(whole, 10)
    whole.close()
    played = actions(10)
    first = make(price="budget:1.5", run=tmp_path / "parts")
    found = [first.reset(), *(first.step(next(played)) for _ in range(5))]
    first.close()
    second = make(price="budget:1.5", run=tmp_path / "parts")
    _, info = second.reset()
    assert info["price"][0] == expected[5][-1]["price"][0] > 0
    found += [second.step(action) for action in played]
    second.close()
    assert data_equivalence(found, expected, exact=True)


def test_a_reset_deals_new_puzzles_and_leaves_the_price() -> None:
    env = make(price="budget:1.5")
    *_, info = play(env, 6)[-1]
    _, again = env.reset(seed=1)
    assert again["price"].tolist() == info["price"].tolist()


def test_an_agent_of_stable_baselines_is_told() -> None:
    """At the ends of episodes and at the beginnings of the next; its infos are empty in between."""
    env = SB3VecEnv(make(2, step_cost=0.5, price="ramp:1:1"))
    env.reset()
    begun, ended = [env.reset_infos[1]["price"]], []
    for _ in range(3):
        *_, infos = env.step(np.ones(2, int))
        ended.append(infos[1]["price"])
        begun.append(env.reset_infos[1]["price"])
    assert (begun, ended) == ([0, 0.5, 0.5, 0.5], [0, 0.5, 0.5])


def test_what_is_no_price_is_refused() -> None:
    with pytest.raises(ValueError, match=r'price must be "constant", .*, got .cheap.'):
        make(price="cheap")
    with pytest.raises(ValueError, match=r"entropy_floor is about the halting learner"):
        make(entropy_floor=0.1)
