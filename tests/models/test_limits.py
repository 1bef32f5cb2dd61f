"""Every field of every architecture's config: in its range, or one sentence before anything is built."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import talkative

from hrm_rl.models import MODELS, AnyConfig, build, config_from, config_to
from hrm_rl.models.checkpoint import CheckpointError, load_model, save_model
from hrm_rl.models.stepper import StepperConfig

SIZE: dict[str, Any] = dict(vocab=6, length=20, width=16, heads=2, expansion=2.0)
SMALL: dict[str, AnyConfig] = {
    kind: config(**SIZE, **({"demonstrations": 2} if kind == "etrm" else {}))
    for kind, (config, _) in MODELS.items()
    if kind != "stepper"
} | {"stepper": StepperConfig("parity16")}
FIELDS = [(kind, field.name) for kind in SMALL for field in fields(SMALL[kind])]
WRONG = [float("nan"), float("inf"), -1, "4", True, None, 10**9, 2.5, [3], {}]
MAY_BE = {
    ("puzzle_width", None), ("puzzle_positions", None), ("expansion", 2.5), ("ponder_cost", 2.5),
    ("halt_bias", -1), ("halt_bias", 2.5), ("recurrent", True),
    ("noise", 2.5),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_no_field_takes_what_is_no_value_of_it(kind: str, name: str) -> None:
    for wrong in WRONG:
        if (name, str(wrong)) in {(field, str(value)) for field, value in MAY_BE}:
            continue
        with pytest.raises(ValueError) as error:
            replace(SMALL[kind], **{name: wrong})
        said = str(error.value)
        assert "\n" not in said and len(said) < 400
        assert name in said or "a task is named" in said or "length" in said, said


def test_numbers_of_numpy_become_those_of_python() -> None:
    config = replace(SMALL["hrm"], width=np.int64(16), expansion=np.float32(2), H_cycles=np.int8(3))
    assert json.loads(json.dumps(config_to(config))) == config_to(config)
    assert type(config.H_cycles) is int  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"width": 16384, "H_layers": 900}, "billion weights, of at most 10; lower width"),
        ({"puzzle_ids": 100_000_000, "puzzle_width": 512, "width": 512}, "billion weights"),
        ({"H_cycles": 900, "L_cycles": 900}, "a segment would run 3,243,600 blocks"),
        ({"width": 2, "heads": 1, "expansion": 0.1}, "expansion 0.1 leaves no inner width"),
        ({"task": "sudoku9"}, "a puzzle of sudoku9 has 81 tokens of 11, the model reads 20 of 6"),
        ({"task": "chess8"}, "a task is named by its kind"),
    ],
)
def test_what_fields_make_together_is_bounded(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(SMALL["hrm"], **changes)


@pytest.mark.parametrize("change", [{"H_layers": 10**9}, {"H_layers": 1000}, {"width": 16384}])
def test_a_config_of_another_size_is_told_before_it_is_built(
    change: dict[str, int], tmp_path: Path
) -> None:
    """A billion layers took 43 minutes and 8.8 GB."""
    save_model(tmp_path / "model", talkative())
    card = json.loads((tmp_path / "model.json").read_text())
    card["model"] |= change
    (tmp_path / "model.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match=r"whole number <= 1000|weights against [\d,]+\)"):
        load_model(tmp_path / "model")


WILD = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 40), st.integers(), st.floats(), st.text(max_size=5),
    st.lists(st.integers(), max_size=2), st.sampled_from(["rotary", "none", "mlp", "maze5", "parity20"]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from([*SMALL, "rnn"]),
    changes=st.dictionaries(
        st.sampled_from(sorted({name for _, name in FIELDS})) | st.text(max_size=4),
        WILD,
        max_size=3,
    ),
    without=st.sampled_from(["", "vocab", "length", "task"]),
)
def test_any_json_is_a_model_on_the_meta_device_or_one_sentence(
    kind: str, changes: dict[str, Any], without: str
) -> None:
    values = (config_to(SMALL[kind]) if kind in SMALL else {"kind": kind}) | changes
    values.pop(without, None)
    try:
        config = config_from(values)
    except ValueError as error:
        assert "\n" not in str(error) and len(str(error)) < 500
        return
    assert config_from(json.loads(json.dumps(config_to(config)))) == config
    with torch.device("meta"):
        model = build(config)
        x_BT = torch.zeros(1, config.length, dtype=torch.long)
    assert model.initial(1).z_H.shape == (1, config.prefix + config.cells, config.width)
    assert x_BT.shape[1] == model.config.length
