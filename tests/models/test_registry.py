"""The table of architectures: configs as JSON, and what every model is to the segment loop."""

import json

import pytest
import torch

from hrm_rl import loop
from hrm_rl.models import MODELS, build, config_from, config_to

SMALL = {
    "hrm": {"vocab": 6, "length": 16, "width": 16, "heads": 2, "task": "sudoku4"},
    "trm": {"vocab": 6, "length": 16, "width": 16, "heads": 2},
    "transformer": {"vocab": 6, "length": 16, "width": 16, "heads": 2},
    "universal": {"vocab": 6, "length": 16, "width": 16, "heads": 2},
}
KINDS = sorted(SMALL.keys() & MODELS.keys())


@pytest.mark.parametrize("kind", KINDS)
def test_a_config_survives_json(kind):
    config = config_from({"kind": kind, **SMALL[kind]})
    assert type(config) is MODELS[kind][0]
    written = json.loads(json.dumps(config_to(config)))
    assert written["kind"] == kind
    assert config_from(written) == config


def test_a_config_without_a_kind_is_an_hrm():
    assert config_from({"vocab": 6, "length": 16}) == MODELS["hrm"][0](vocab=6, length=16)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "rnn", "vocab": 6}, "architecture must be one of hrm.*got 'rnn'"),
        ({"vocab": 6, "length": 16, "depth": 3}, "a config of hrm has no depth"),
    ],
)
def test_what_is_no_config_is_told_in_one_sentence(values, message):
    with pytest.raises(ValueError, match=message):
        config_from(values)


@pytest.mark.parametrize("kind", KINDS)
def test_every_model_walks_the_segment_loop(kind):
    torch.manual_seed(0)
    model = build(config_from({"kind": kind, **SMALL[kind]})).eval()
    x_BT = torch.randint(1, 6, (3, 16))
    slots = loop.fresh(model, loop.Batch(x_BT, x_BT, torch.zeros(3, dtype=torch.long)))
    for m in (1, 2):
        slots, output = loop.advance(model, slots)
        assert output.logits.shape == (3, 16, 6) and output.q.shape == (3, 2)
        assert slots.m_B.tolist() == [m] * 3
        assert not slots.carry.z_H.requires_grad and output.logits.requires_grad
        assert torch.equal(output.q, model.head(model.read(slots.carry.z_H)))
