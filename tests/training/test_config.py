"""What decides a run: to JSON and back, and what is refused."""

import json

import pytest
from tiny import MLP, tiny_run

from hrm_rl.training.config import TrainConfig
from hrm_rl.training.presets import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_json_there_and_back(name: str) -> None:
    config = PRESETS[name]()
    assert TrainConfig.from_json(config.to_json()) == config


def test_a_config_from_before_a_field_existed_still_loads() -> None:
    values = json.loads(tiny_run(model=MLP, ema=0.0).to_json())
    del values["ema"]
    assert TrainConfig.from_json(json.dumps(values)) == tiny_run(model=MLP, ema=0.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"slots": 0}, r"slots must be a whole number in 1\.\.1048576, got 0"),
        ({"halting": "sarsa"}, "halting must be one of act_q, halt_bce.*, got 'sarsa'"),
        ({"edge": "off"}, "edge must be one of exact, paper"),
        ({"dtype": "float16"}, "dtype must be one of auto, float32, bfloat16"),
        (
            {"explore_probability": 1.5},
            r"explore_probability must be a finite number in 0\.\.1, got 1\.5",
        ),
        ({"ema": 1.0}, r"ema must be below 1, which keeps the first weights, got 1\.0"),
        ({"lr": -1.0}, r"lr must be a finite number >= 0, got -1\.0"),
        ({"q_weight": float("nan")}, "q_weight must be a finite number >= 0, got nan"),
        ({"data": ()}, "data must name at least one puzzle set"),
        (
            {"data": (("sudoku4", 0.0),)},
            r"the share of sudoku4 must be a finite number in 1e-09\.\..*, got 0\.0",
        ),
        ({"save_every": 5}, r"save_every must be a multiple of log_every \(2\), got 5"),
    ],
)
def test_a_config_that_makes_no_run_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        tiny_run(**changes)
