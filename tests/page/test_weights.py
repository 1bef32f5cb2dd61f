"""A model packed for the page."""

import base64
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import ATTENTION, MLP, talkative

from hrm_rl.models import build
from hrm_rl.models.checkpoint import load_model
from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.page.weights import check_playable, packed


def test_every_weight_is_there_once_in_half_precision() -> None:
    model = talkative()
    content = packed(model)
    numbers = np.frombuffer(base64.b64decode(content["half"]), "<f2")
    start = 0
    for name, shape in content["shapes"]:
        tensor = model.state_dict()[name]
        part = numbers[start : start + tensor.numel()].reshape(shape)
        assert torch.equal(torch.from_numpy(part.copy()), tensor.half())
        start += tensor.numel()
    assert start == len(numbers)
    assert [name for name, _ in content["shapes"]] == list(model.state_dict())


def test_the_config_says_what_the_forward_pass_reads() -> None:
    config = packed(load_model("sudoku9")[0])["config"]
    assert config["boxes"] == [[1, 9], [9, 1], [3, 3]] and config["rows"] == 9
    assert config["slow"] == "H_level" and config["layers"] == {"H_level": 1, "L_level": 1}
    assert packed(load_model("sudoku9-trm")[0])["config"]["slow"] == "L_level"
    assert packed(talkative())["config"]["boxes"] == []


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (MLP, 'token_mixer attention, units, neighbours, got "mlp"'),
        (replace(ATTENTION, start="random"), 'start "random" and noise 0;'),
        (replace(ATTENTION, noise=0.1), 'start "fixed" and noise 0.1;'),
        (HRMConfig(6, 64, width=32, heads=2, task="maze8"), "this model reads maze8"),
    ],
)
def test_what_the_page_cannot_run_is_refused(config: HRMConfig, says: str) -> None:
    with pytest.raises(ValueError, match=r"a page .*take another checkpoint") as caught:
        check_playable(build(config))
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_another_architecture_is_refused() -> None:
    with pytest.raises(ValueError, match="an HRM or a TRM, got the architecture Stepper"):
        check_playable(load_model("life-steps")[0])


def test_a_weight_beyond_half_precision_is_refused() -> None:
    model = talkative()
    assert isinstance(model, HRM)
    with torch.no_grad():
        model.lm_head.weight[0, 0] = 7e4
    with pytest.raises(ValueError, match=r"lm_head\.weight has a weight beyond 65504"):
        packed(model)
