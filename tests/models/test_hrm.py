"""The model: its size, its prefix, the one-step gradient and what that saves."""

from dataclasses import replace

import pytest
import torch
from tiny import ATTENTION, MLP, batch, talkative
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from hrm_rl import loop
from hrm_rl.models.base import embed
from hrm_rl.models.hrm import HRM, Carry, HRMConfig

BOTH = pytest.mark.parametrize("config", [ATTENTION, MLP], ids=["attention", "mlp"])


@pytest.mark.parametrize(
    ("vocab", "length", "positions", "count"),
    [
        (11, 81, "rotary", 27_275_266),
        (11, 81, "learned", 27_317_250),
        (6, 900, "rotary", 27_270_146),
        (12, 900, "rotary", 27_276_290),
    ],
    ids=["sudoku", "sudoku, learned", "maze", "arc"],
)
def test_trainable_parameters_are_as_published(
    vocab: int, length: int, positions: str, count: int
) -> None:
    with torch.device("meta"):
        model = HRM(HRMConfig(vocab=vocab, length=length, positions=positions))
    assert sum(p.numel() for p in model.parameters()) == count


def test_initial_weights_have_the_published_deviations() -> None:
    torch.manual_seed(0)
    model = HRM(HRMConfig(vocab=64, length=16, width=256, heads=4, H_layers=1, L_layers=1))
    block = model.H_level.layers[0]
    for weight, std in (
        (block.self_attn.qkv_proj.weight, 256**-0.5),
        (block.mlp.down_proj.weight, 768**-0.5),
        (model.lm_head.weight, 256**-0.5),
        (model.embed_tokens.embedding_weight, 256**-0.5),
        (model.H_init, 1.0),
    ):
        assert float(weight.detach().std()) == pytest.approx(std, rel=0.1)
        assert float(weight.detach().abs().max()) <= 2 / 0.8796 * std
    assert not model.q_head.weight.any()
    assert (model.q_head.bias == -5).all()
    assert not model.puzzle_emb.weights.any()


@BOTH
@pytest.mark.parametrize("puzzle_width", [0, 20, 32, 40])
def test_prefix_holds_the_puzzle_embedding(config: HRMConfig, puzzle_width: int) -> None:
    model = talkative(replace(config, puzzle_width=puzzle_width))
    prefix = {0: 0, 20: 1, 32: 1, 40: 2}[puzzle_width]
    slots, output = loop.advance(model, loop.fresh(model, batch(3)))
    assert output.logits.shape == (3, 16, 6)
    assert slots.carry.z_H.shape == (3, prefix + 16, 32)
    other = model.puzzle_rows(torch.zeros(3, dtype=torch.long)) + 1
    _, changed = loop.advance(model, loop.fresh(model, batch(3)), other)
    assert torch.equal(output.logits, changed.logits) == (prefix == 0)


@BOTH
@pytest.mark.parametrize("cycles", [(1, 1), (2, 1), (1, 3), (2, 2)])
def test_gradients_are_those_of_the_last_two_updates(
    config: HRMConfig, cycles: tuple[int, int]
) -> None:
    """The whole segment is unrolled by hand, once with a graph of its end and once of it all."""
    config = replace(config, H_cycles=cycles[0], L_cycles=cycles[1])
    model = talkative(config).requires_grad_(True)
    slots = loop.fresh(model, batch(3))
    rows_BE = model.puzzle_rows(slots.batch.id_B).requires_grad_()
    leaves = [*model.parameters(), rows_BE]

    def unrolled(detach_before_end: bool) -> Tensor:
        rotary = model.turns.angles if config.positions == "rotary" else None
        x_BLD = embed(model.embed_tokens, model.embed_pos, slots.batch.x_BT, rows_BE, 1)
        z_H, z_L = slots.carry
        for h in range(cycles[0]):
            for low in range(cycles[1]):
                if (h, low) == (cycles[0] - 1, cycles[1] - 1) and detach_before_end:
                    z_H, z_L = z_H.detach(), z_L.detach()
                z_L = model.L_level(z_L, z_H + x_BLD, rotary)
            z_H = model.H_level(z_H, z_L, rotary)
        return model.lm_head(z_H)[:, 1:].square().sum() + model.q(z_H).sum()

    _, output = loop.advance(model, slots, rows_BE)
    loss = output.logits.square().sum() + output.q.sum()
    ours = torch.autograd.grad(loss, leaves)
    by_hand = torch.autograd.grad(unrolled(detach_before_end=True), leaves)
    whole = torch.autograd.grad(unrolled(detach_before_end=False), leaves)
    for mine, theirs in zip(ours, by_hand, strict=True):
        torch.testing.assert_close(mine, theirs)
    same = [torch.allclose(a, b, rtol=1e-3) for a, b in zip(ours, whole, strict=True)]
    assert all(same) == (cycles == (1, 1))


def saved_bytes(config: HRMConfig, segments: int = 1) -> int:
    """What backward keeps of the last of some segments, each storage counted once."""
    model = talkative(config).requires_grad_(True)
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    slots = loop.fresh(model, batch(3))
    outputs = []
    for _ in range(segments):
        kept.clear()
        with saved_tensors_hooks(pack, lambda tensor: tensor):
            slots, output = loop.advance(model, slots)
        outputs.append(output)  # keeps the storages, so that none is reused
    return sum(kept.values())


@BOTH
def test_memory_of_backward_grows_neither_with_cycles_nor_with_segments(config: HRMConfig) -> None:
    once = saved_bytes(replace(config, H_cycles=1, L_cycles=1))
    assert once > 0
    assert saved_bytes(replace(config, H_cycles=3, L_cycles=4)) == once
    assert saved_bytes(replace(config, H_cycles=1, L_cycles=1), segments=4) == once
    deeper = replace(config, H_cycles=1, L_cycles=1, L_layers=2)
    assert saved_bytes(deeper) > once  # the count does see what is kept


@BOTH
def test_carry_is_detached_and_keeps_its_format(config: HRMConfig) -> None:
    """Otherwise every segment would add to the graph, and a compiled one would compile again."""
    model = talkative(config).requires_grad_(True)
    for dtype in (torch.float32, torch.bfloat16):
        slots = loop.fresh(model, batch(3))
        seen = []
        with torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32):
            for _ in range(3):
                slots, output = loop.advance(model, slots)
                assert not slots.carry.z_H.requires_grad and not slots.carry.z_L.requires_grad
                seen.append([(z.dtype, z.stride()) for z in slots.carry])
                assert output.q.dtype == torch.float32
                assert output.logits.isfinite().all()
        assert seen[0] == seen[1] == seen[2]


@BOTH
def test_segments_go_on_from_the_carry(config: HRMConfig) -> None:
    model = talkative(config)
    first, one = loop.advance(model, loop.fresh(model, batch(3)))
    _, two = loop.advance(model, first)
    assert not torch.equal(one.logits, two.logits)
    forgot = first._replace(carry=Carry(*model.initial(3)))
    assert torch.equal(loop.advance(model, forgot)[1].logits, one.logits)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"width": 0}, "width must be >= 1, got 0"),
        ({"H_cycles": 0}, "H_cycles must be >= 1, got 0"),
        ({"positions": "rope"}, 'positions must be "rotary", "learned" or "none", got "rope"'),
        (
            {"token_mixer": "conv"},
            'token_mixer must be "attention", "mlp", "units" or "neighbours", got "conv"',
        ),
        ({"heads": 3}, "width must be a multiple of 2 \\* heads"),
        ({"expansion": 0.0}, "expansion must be > 0"),
        ({"puzzle_width": -1}, "puzzle_width must be >= 0"),
    ],
)
def test_a_config_that_makes_no_model_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(ATTENTION, **changes)  # type: ignore[arg-type]
