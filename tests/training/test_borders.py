"""A run's config and its mixture: every field of its type and in its range, or one sentence."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import tiny_run

from hrm_rl.cli.main import main
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.data import Sampler, mixture

FIELDS = sorted(set(TrainConfig.__dataclass_fields__) - {"model"})


@pytest.mark.parametrize(
    "share", [math.nan, math.inf, -math.inf, 0, -1, 1e-300, 1e300, "1", None, True]
)
def test_a_share_that_takes_all_draws_or_none_is_refused(share: Any) -> None:
    data = (("sudoku4", 1.0), ("sudoku4", share))
    for make in (
        lambda: tiny_run(data=data),
        lambda: Sampler.create(data, 4, False, torch.device("cpu"), None),
    ):
        with pytest.raises(ValueError, match="the share of sudoku4 must be a finite number"):
            make()


@pytest.mark.parametrize(
    "data", [(), [], None, "sudoku4", ("sudoku4",), ("sudoku4", 1.0), (("sudoku4",),), ((1, 1.0),),
             {"sudoku4": 1.0}, (("sudoku4", 1.0, 2),)],
)  # fmt: skip
def test_what_is_no_mixture_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match="data must"):
        mixture(data)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("betas", (0.9, 1.0)), ("betas", (-0.1, 0.9)), ("betas", (0.9,)), ("betas", 0.9),
        ("betas", (0.9, math.nan)), ("betas", "ab"), ("betas", None), ("warmup", -1), ("warmup", 0.5),
        ("seed", -1), ("seed", 1.5), ("seed", 2**70), ("slots", 4.0), ("slots", True), ("slots", 10**20),
        ("steps", "8"), ("max_segments", 0), ("lr", math.inf), ("lr", "fast"), ("ema", 1), ("ema", -0.1),
        ("weight_decay", math.nan), ("puzzle_weight_decay", math.nan), ("puzzle_lr", -1),
        ("step_cost", math.nan), ("step_cost", -1), ("step_cost", "a"), ("lr_min_ratio", 2),
        ("explore_probability", math.nan), ("augment", 1), ("attach", "yes"), ("compile", None),
        ("halting", 3), ("halting", None), ("device", 0), ("init", None), ("tie", 1), ("model", "hrm"),
    ],
)  # fmt: skip
def test_a_field_of_another_type_or_out_of_range_is_one_sentence(field: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field} must") as error:
        tiny_run(**{field: wrong})
    assert "\n" not in str(error.value)


@given(
    st.sampled_from(FIELDS),
    st.one_of(st.floats(), st.integers(), st.text(max_size=5), st.none(), st.booleans(),
              st.lists(st.floats(), max_size=3), st.tuples(st.floats(), st.floats())),
)  # fmt: skip
@settings(max_examples=100)
def test_whatever_a_field_is_given_makes_a_config_that_can_be_read_back_or_one_sentence(
    field: str, value: Any
) -> None:
    try:
        config = tiny_run(**{field: value})
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        assert TrainConfig.from_json(config.to_json()) == config


def test_numbers_of_numpy_become_pythons_own() -> None:
    config = tiny_run(slots=np.int64(4), lr=np.float32(0.5), data=(("sudoku4", np.float64(2)),))
    assert [type(x) for x in (config.slots, config.lr, config.data[0][1])] == [int, float, float]
    assert json.loads(config.to_json())["lr"] == 0.5


@pytest.mark.parametrize(
    "args", [["--data", "sudoku4", "nan"], ["--data", "sudoku4", "inf"], ["--betas", "0.9", "1.5"],
             ["--seed", "-1"], ["--warmup", "-1"], ["--lr", "nan"], ["--slots", "0"]],
)  # fmt: skip
def test_the_command_refuses_them_too(args: list[str], tmp_path: Any) -> None:
    folder = tmp_path / "run"
    try:
        assert main(["train", "sudoku4", "--run", str(folder), *args]) == 2
    except SystemExit as end:
        assert end.code == 2
    assert not folder.exists()
