"""Prices in a run: what is charged, told, saved and resumed."""

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from runs import finish
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny import tiny_run

from hrm_rl.training.config import TrainConfig
from hrm_rl.training.joint.prices import Multiplier, Reached
from hrm_rl.training.journal import save
from hrm_rl.training.run import run
from hrm_rl.training.snapshot import restore, snapshot
from hrm_rl.training.train import TrainState, train

BUDGET = tiny_run(halting="ppo", price="budget:1.5", step_cost=0.01, entropy_floor=0.1)


OTHERS = (
    replace(BUDGET, halting="a2c", normalise_advantages=True, explore="segment"),
    replace(BUDGET, halting="exact_pg", entropy_floor=0.0),
    replace(BUDGET, price="after-accuracy:0.001"),
    replace(BUDGET, price="ramp:10:30"),
)


@pytest.mark.parametrize(
    "config",
    [BUDGET, *(pytest.param(config, marks=pytest.mark.slow) for config in OTHERS)],
    ids=lambda config: f"{config.halting}, {config.price}",
)
def test_a_stopped_run_goes_on_bit_for_bit(config: TrainConfig, tmp_path: Path) -> None:
    config = replace(config, steps=38, save_every=100)
    list(run(config, tmp_path / "stopped", stop=21))
    resumed = finish(config, tmp_path / "stopped")
    whole = finish(config, tmp_path / "whole")
    assert resumed[-5:] == whole[-5:]
    if not config.price.startswith("after"):  # nothing is right after 38 steps
        assert len({line["price"] for line in whole}) > 9
    for name in ("state.safetensors", "weights.safetensors"):
        stopped, straight = (tmp_path / part / name for part in ("stopped", "whole"))
        assert stopped.read_bytes() == straight.read_bytes()


@pytest.mark.parametrize(
    ("price", "priced"),
    [
        ("budget:1.5", Multiplier(torch.tensor(0.3))),
        ("after-accuracy:0.5", Reached(torch.tensor(0.4), torch.tensor(True))),
    ],
)
def test_what_a_schedule_remembers_comes_back(
    price: str, priced: Multiplier | Reached, tmp_path: Path
) -> None:
    """An accuracy that was passed, and has fallen since, too: it is charged on."""
    config = replace(BUDGET, price=price)
    state = TrainState.create(config)
    next(train(state))
    state.priced = priced
    charged = float(state.price)
    assert charged == pytest.approx(0.3 if price == "budget:1.5" else 0.01)
    save(state, tmp_path)
    other = TrainState.create(config)
    restore(other, tmp_path / "state.safetensors")
    assert type(other.priced) is type(priced) and float(other.price) == charged
    assert all(map(torch.equal, other.priced, priced))


def test_what_is_charged_is_told_and_logged(tmp_path: Path) -> None:
    """Line by line the price of its last step; by hand, 0.01 at steps 4 to 8 by a fourth each."""
    config = replace(BUDGET, price="ramp:4:8")
    lines = list(run(config, tmp_path))
    expected = [0, 0, 0.005, 0.01, 0.01, 0.01]
    assert [line["price"] for line in lines] == pytest.approx(expected)
    logged = EventAccumulator(str(tmp_path)).Reload().Scalars("train/price")
    assert [event.value for event in logged] == pytest.approx(expected)


def test_those_who_pay_nothing_tell_no_price() -> None:
    (sums,) = islice(train(TrainState.create(tiny_run())), 1)
    assert "price" not in sums
    (sums,) = islice(train(TrainState.create(tiny_run(halting="ppo"))), 1)
    assert sums["price"].item() == 0


def test_the_multiplier_follows_the_segments_that_were_run() -> None:
    """Its path is that of dual ascent on what the metrics count."""
    state = TrainState.create(replace(BUDGET, price="budget:2.5", step_cost=0.2))
    price, moved = 0.2, set()
    for sums in islice(train(state), 20):
        assert sums["price"].item() == pytest.approx(price, abs=1e-6)
        excess = float(sums["segments"] - 2.5 * sums["halted"])
        price += state.schedule.rate * excess / 4  # type: ignore[attr-defined]
        moved.add(excess > 0)
    assert moved == {True, False}


def test_a_constant_price_adds_nothing_to_what_is_saved() -> None:
    """So that states of older versions are resumed."""
    for price in ("constant", "ramp:1:2"):
        state = TrainState.create(replace(BUDGET, price=price))
        assert not [name for name in snapshot(state) if name.startswith("price")]


@pytest.mark.parametrize(("halting", "epsilon"), [("ppo", 0.0), ("a2c", 0.0), ("act_q", 0.5)])
def test_an_older_run_of_an_actor_critic_did_not_explore(halting: str, epsilon: float) -> None:
    """And so it goes on; its config may say anything, since it meant nothing."""
    values = json.loads(tiny_run(halting=halting).to_json())
    for name in ("price", "entropy_floor", "normalise_advantages"):
        del values[name]
    assert TrainConfig.from_json(json.dumps(values)).explore_probability == epsilon
