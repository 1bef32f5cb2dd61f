"""Direct prediction and the recurrent Transformer: size, compute, and what each remembers."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from tiny import batch
from torch import Tensor

from hrm_rl import loop
from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.models.transformer import Transformer, TransformerConfig

RECURRENT = TransformerConfig(
    vocab=6, length=16, width=32, heads=2, layers=2, cycles=3, expansion=2.0
)
DIRECT = replace(RECURRENT, cycles=1, recurrent=False)
MLP = replace(RECURRENT, token_mixer="mlp", positions="none")


def talkative(config: TransformerConfig) -> Transformer:
    """An untrained model whose Q and puzzle embedding are not the same everywhere."""
    torch.manual_seed(0)
    model = Transformer(config)
    torch.nn.init.normal_(model.q_head.weight, std=0.5)
    model.puzzle_emb.weights.normal_()
    return model


def count_layers(model: torch.nn.Module) -> list[bool]:
    """Fills up, for every block that runs from now on, with whether it records gradients."""
    ran: list[bool] = []
    for name, module in model.named_modules():
        if name.split(".")[-2:-1] == ["layers"]:
            module.register_forward_hook(lambda *_: ran.append(torch.is_grad_enabled()))
    return ran


@pytest.mark.parametrize(
    "kind", [{}, {"cycles": 1, "recurrent": False}], ids=["recurrent", "direct"]
)
@pytest.mark.parametrize(("vocab", "length"), [(11, 81), (6, 900), (12, 900)])
def test_it_is_as_large_as_the_published_hrm(kind: dict[str, Any], vocab: int, length: int) -> None:
    with torch.device("meta"):
        sizes = [
            sum(p.numel() for p in model.parameters())
            for model in (
                Transformer(TransformerConfig(vocab=vocab, length=length, **kind)),
                HRM(HRMConfig(vocab=vocab, length=length)),
            )
        ]
    assert sizes[0] == sizes[1]


def test_the_recurrent_one_runs_as_many_layers_as_hrm() -> None:
    """The published sizes: 24 layer evaluations in a segment, 8 of them with gradients."""
    small: dict[str, Any] = dict(vocab=6, length=16, width=16, heads=2, expansion=1.0)
    counts = []
    for model in (HRM(HRMConfig(**small)), Transformer(TransformerConfig(**small))):
        ran = count_layers(model)
        loop.advance(model, loop.fresh(model, batch(2)))
        counts.append((len(ran), sum(ran)))
    assert counts == [(24, 8), (24, 8)]


def test_direct_prediction_remembers_nothing() -> None:
    model = talkative(DIRECT)
    slots, one = loop.advance(model, loop.fresh(model, batch(3)))
    slots, two = loop.advance(model, slots)
    assert torch.equal(one.logits, two.logits) and torch.equal(one.q, two.q)


@pytest.mark.parametrize("config", [RECURRENT, MLP], ids=["rotary", "mlp"])
def test_the_recurrent_one_goes_on_from_its_state(config: TransformerConfig) -> None:
    """Two segments of 3 cycles are one of 6; and a segment again from the start is the first one."""
    model, longer = talkative(config), talkative(replace(config, cycles=6))
    slots, one = loop.advance(model, loop.fresh(model, batch(3)))
    _, two = loop.advance(model, slots)
    _, six = loop.advance(longer, loop.fresh(longer, batch(3)))
    assert not torch.allclose(one.logits, two.logits, rtol=1e-3)
    torch.testing.assert_close(two.logits, six.logits)
    again = slots._replace(carry=model.initial(3))
    assert torch.equal(loop.advance(model, again)[1].logits, one.logits)


@pytest.mark.parametrize("config", [RECURRENT, MLP, DIRECT], ids=["rotary", "mlp", "direct"])
def test_gradients_are_those_of_the_last_pass(config: TransformerConfig) -> None:
    model = talkative(config)
    slots = loop.fresh(model, batch(3))
    rows_BE = model.puzzle_rows(slots.batch.id_B).requires_grad_()
    leaves = [*model.parameters(), rows_BE]

    def written_out(cut: int) -> Tensor:
        x_BLD = model.embed(slots.batch.x_BT, rows_BE)
        z_BLD = slots.carry.z_H if config.recurrent else torch.zeros(3, 17, 32)
        for cycle in range(config.cycles):
            z_BLD = model.H_level(z_BLD.detach() if cycle == cut else z_BLD, x_BLD, model.rotary)
        return model.write(z_BLD).square().sum() + model.q(z_BLD).sum()

    _, output = loop.advance(model, slots, rows_BE)
    ours = torch.autograd.grad(output.logits.square().sum() + output.q.sum(), leaves)
    by_hand, whole = (
        torch.autograd.grad(written_out(cut), leaves) for cut in (config.cycles - 1, 0)
    )
    for mine, theirs in zip(ours, by_hand, strict=True):
        torch.testing.assert_close(mine, theirs)
    same = [torch.allclose(a, b, rtol=1e-3) for a, b in zip(ours, whole, strict=True)]
    assert all(same) == (config.cycles == 1)


@pytest.mark.parametrize("config", [RECURRENT, DIRECT], ids=["recurrent", "direct"])
def test_a_segment_reads_nothing_back(config: TransformerConfig) -> None:
    """On the meta device, which has no values to read."""
    with torch.device("meta"):
        model = Transformer(config)
        tokens, ids = torch.zeros(3, 16, dtype=torch.long), torch.zeros(3, dtype=torch.long)
        carry, output = model.segment(model.initial(3), tokens, model.puzzle_rows(ids))
        output.logits.sum().backward()
    assert carry.z_H.shape == carry.z_L.shape == (3, 17, 32)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cycles": 0}, "cycles must be >= 1, got 0"),
        ({"recurrent": False}, "direct prediction is one pass: cycles must be 1 .*, got 3"),
    ],
)
def test_a_config_that_makes_no_model_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(RECURRENT, **changes)
