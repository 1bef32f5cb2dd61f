"""TRM: its size, its arithmetic against HRM's, gradients of the last recursion, its checkpoints."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import batch
from torch import Tensor

from hrm_rl import loop
from hrm_rl.models.base import Carry
from hrm_rl.models.checkpoint import (
    CheckpointError,
    Guessed,
    infer_config,
    load_model,
    save_tensors,
)
from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.models.official import official_state
from hrm_rl.models.trm import TRM, TRMConfig

ATTENTION = TRMConfig(
    vocab=6, length=16, width=32, heads=2, layers=1, H_cycles=2, L_cycles=2, expansion=2.0,
    puzzle_positions=3,
)  # fmt: skip
MLP = replace(ATTENTION, token_mixer="mlp", positions="none")
LEARNED = replace(ATTENTION, positions="learned", puzzle_positions=None)
ALL = pytest.mark.parametrize("config", [ATTENTION, MLP, LEARNED], ids=["rotary", "mlp", "learned"])


def talkative(config: TRMConfig) -> TRM:
    """An untrained model whose Q and puzzle embedding are not the same everywhere."""
    torch.manual_seed(0)
    model = TRM(config)
    torch.nn.init.normal_(model.q_head.weight, std=0.5)
    model.puzzle_emb.weights.normal_()
    return model


@pytest.mark.parametrize(
    ("vocab", "length", "changes", "count"),
    [
        (11, 81, {}, 6_828_034),
        (11, 81, {"token_mixer": "mlp", "positions": "none"}, 5_028_866),
        (6, 900, {}, 6_822_914),
        (12, 900, {}, 6_829_058),
    ],
    ids=["sudoku, attention", "sudoku, mlp", "maze", "arc"],
)
def test_trainable_parameters_are_as_published(
    vocab: int, length: int, changes: dict[str, str], count: int
) -> None:
    with torch.device("meta"):
        model = TRM(TRMConfig(vocab=vocab, length=length, **changes))  # type: ignore[arg-type]
    assert sum(p.numel() for p in model.parameters()) == count


@ALL
@pytest.mark.parametrize("cycles", [(1, 1), (3, 2)])
def test_it_computes_what_an_hrm_with_equal_modules_does(
    config: TRMConfig, cycles: tuple[int, int]
) -> None:
    """HRM, which golden files of the public code hold in place, is the same recursion with two networks."""
    config = replace(config, H_cycles=cycles[0], L_cycles=cycles[1])
    trm = talkative(config)
    hrm = HRM(
        HRMConfig(
            vocab=6, length=16, width=32, heads=2, H_layers=1, L_layers=1, expansion=2.0,
            H_cycles=cycles[0], L_cycles=cycles[1], positions=config.positions,
            token_mixer=config.token_mixer, puzzle_width=32 * config.prefix,
        )
    )  # fmt: skip
    state = trm.state_dict()
    rows = state["puzzle_emb.weights"]
    padded = torch.nn.functional.pad(rows, (0, 32 * config.prefix - rows.shape[1]))
    equal = {k.replace("L_level", "H_level"): v for k, v in state.items() if "L_level" in k}
    hrm.load_state_dict(state | equal | {"puzzle_emb.weights": padded})
    ours, theirs = (loop.fresh(model, batch(3)) for model in (trm, hrm))
    for _ in range(2):
        ours, mine = loop.advance(trm, ours)
        theirs, other = loop.advance(hrm, theirs)
        torch.testing.assert_close(mine.logits, other.logits)
        torch.testing.assert_close(mine.q, other.q)
        torch.testing.assert_close(ours.carry, theirs.carry)


@ALL
@pytest.mark.parametrize("cycles", [(1, 2), (3, 2)])
def test_gradients_are_those_of_the_last_recursion(
    config: TRMConfig, cycles: tuple[int, int]
) -> None:
    """The segment is written out, once cut before its last recursion and once not."""
    T, n = cycles
    config = replace(config, H_cycles=T, L_cycles=n)
    model = talkative(config)
    slots = loop.fresh(model, batch(3))
    rows_BE = model.puzzle_rows(slots.batch.id_B).requires_grad_()
    leaves = [*model.parameters(), rows_BE]

    def written_out(cut: int) -> Tensor:
        """`cut`: updates, of the (n + 1) T there are, after which the graph begins."""
        x_BLD, update = model.embed(slots.batch.x_BT, rows_BE), 0
        z_H, z_L = slots.carry
        for _ in range(T):
            for step in range(n + 1):
                if update == cut:
                    z_H, z_L = z_H.detach(), z_L.detach()
                if step < n:
                    z_L = model.L_level(z_L, z_H + x_BLD, model.rotary)
                else:
                    z_H = model.L_level(z_H, z_L, model.rotary)
                update += 1
        return model.write(z_H).square().sum() + model.q(z_H).sum()

    _, output = loop.advance(model, slots, rows_BE)
    ours = torch.autograd.grad(output.logits.square().sum() + output.q.sum(), leaves)
    by_hand, one_more, one_less = (
        torch.autograd.grad(written_out((n + 1) * (T - 1) + shift), leaves) for shift in (0, -1, 1)
    )
    for mine, theirs in zip(ours, by_hand, strict=True):
        torch.testing.assert_close(mine, theirs)
    for other, may_be_same in ((one_more, T == 1), (one_less, False)):
        same = [torch.allclose(a, b, rtol=1e-3) for a, b in zip(ours, other, strict=True)]
        assert all(same) == may_be_same


@ALL
def test_carry_is_detached_and_keeps_its_format(config: TRMConfig) -> None:
    model = talkative(config)
    for dtype in (torch.float32, torch.bfloat16):
        slots, seen = loop.fresh(model, batch(3)), []
        with torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32):
            for _ in range(3):
                slots, output = loop.advance(model, slots)
                assert not slots.carry.z_H.requires_grad and not slots.carry.z_L.requires_grad
                seen.append([(z.dtype, z.stride()) for z in slots.carry])
                assert output.logits.isfinite().all()
        assert seen[0] == seen[1] == seen[2]
        grads = torch.autograd.grad(output.logits.float().sum(), list(model.L_level.parameters()))
        assert all(g.any() for g in grads)  # not lost where weights were cast without gradients


def test_the_prefix_is_the_embedding_and_zeros() -> None:
    """16 positions as published, of which the puzzle embedding fills the first."""
    model = talkative(replace(ATTENTION, puzzle_positions=16))
    rows_BE = model.puzzle_rows(torch.zeros(2, dtype=torch.long))
    x_BLD = model.embed(batch(2).x_BT, rows_BE)
    assert x_BLD.shape == (2, 16 + 16, 32)
    torch.testing.assert_close(x_BLD[:, 0], rows_BE * 32**0.5)
    assert not x_BLD[:, 1:16].any() and x_BLD[:, 16:].any(-1).all()


def test_a_wide_embedding_takes_more_positions() -> None:
    config = replace(ATTENTION, puzzle_positions=None, puzzle_width=40)
    assert config.prefix == 2
    assert replace(config, puzzle_width=0).prefix == 0
    model = talkative(config)
    _, output = loop.advance(model, loop.fresh(model, batch(2)))
    assert output.logits.shape == (2, 16, 6)
    assert model.initial(2).z_H.shape == (2, 18, 32)


def test_a_segment_reads_nothing_back() -> None:
    """On the meta device, which has no values to read."""
    with torch.device("meta"):
        model = TRM(ATTENTION)
        tokens = torch.zeros(3, 16, dtype=torch.long)
        ids = torch.zeros(3, dtype=torch.long)
        carry, output = model.segment(model.initial(3), tokens, model.puzzle_rows(ids))
        output.logits.sum().backward()
    assert isinstance(carry, Carry) and output.q.device.type == "meta"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"H_cycles": 0}, "H_cycles must be >= 1, got 0"),
        ({"L_cycles": 0}, "L_cycles must be >= 1, got 0"),
        ({"layers": 0}, "layers must be >= 1, got 0"),
        ({"positions": "rope"}, 'positions must be "rotary", "learned" or "none", got "rope"'),
        (
            {"token_mixer": "conv"},
            'token_mixer must be "attention", "mlp", "units" or "neighbours", got "conv"',
        ),
        ({"heads": 3}, "width must be a multiple of 2 \\* heads"),
        ({"expansion": 0.0}, "expansion must be > 0"),
        ({"puzzle_width": -1}, "puzzle_width must be >= 0"),
        ({"puzzle_width": 100}, "puzzle_positions must hold .* width 100: at least 4, got 3"),
    ],
)
def test_a_config_that_makes_no_model_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(ATTENTION, **changes)  # type: ignore[arg-type]


# Checkpoints of the public code

OFFICIAL = {
    "sudoku": TRMConfig(vocab=11, length=81),
    "sudoku, mlp": TRMConfig(vocab=11, length=81, token_mixer="mlp", positions="none"),
    "sudoku, learned": TRMConfig(vocab=11, length=81, positions="learned"),
    "maze": TRMConfig(vocab=6, length=900, L_cycles=4),
    "arc": TRMConfig(vocab=12, length=900, L_cycles=4, puzzle_ids=1000),
    "short prefix": TRMConfig(
        vocab=11, length=81, token_mixer="mlp", positions="none", puzzle_positions=1
    ),
    "no prefix": TRMConfig(vocab=11, length=81, puzzle_width=0),
    "deep": TRMConfig(vocab=11, length=81, layers=12),
}


@pytest.mark.parametrize("config", OFFICIAL.values(), ids=OFFICIAL)
def test_the_architecture_is_inferred_from_the_shapes(config: TRMConfig) -> None:
    with torch.device("meta"):
        state = TRM(config).state_dict()
    assert infer_config(state) == replace(config, puzzle_width=config.embedding_width)
    assert infer_config(state, H_cycles=2) == replace(
        config, puzzle_width=config.embedding_width, H_cycles=2
    )


@pytest.mark.parametrize("token_mixer", ["attention", "mlp"])
@pytest.mark.parametrize("name", ["step_65100", "model.pt", "model.safetensors"])
def test_official_files_there_and_back(token_mixer: str, name: str, tmp_path: Path) -> None:
    config = replace(ATTENTION, heads=1, expansion=4.0, token_mixer=token_mixer, L_cycles=4,
                     H_cycles=3, positions="none" if token_mixer == "mlp" else "rotary")  # fmt: skip
    model = talkative(config).eval()
    state = official_state(model, compiled=True)
    save_tensors(tmp_path / name, state)
    known = {"length": 16} if token_mixer == "mlp" else {"length": 16, "puzzle_positions": 3}
    with pytest.warns(
        Guessed, match="H_cycles 3, L_cycles 4" if token_mixer == "mlp" else "heads 1"
    ):
        back, _ = load_model(tmp_path / name, **known)
    assert back.config == replace(config, puzzle_width=32)
    pairs = [loop.advance(one, loop.fresh(one, batch(3)))[1] for one in (model, back)]
    assert torch.equal(pairs[0].logits, pairs[1].logits) and torch.equal(pairs[0].q, pairs[1].q)


def test_the_names_are_those_of_the_public_code() -> None:
    """HRM's without H_level; with the MLP, `mlp_t` in place of `self_attn` (1024 x 97, 97 x 512)."""
    with torch.device("meta"):
        state = official_state(TRM(OFFICIAL["sudoku, mlp"]))
    block = ("mlp_t.gate_up_proj", "mlp_t.down_proj", "mlp.gate_up_proj", "mlp.down_proj")
    heads = ("embed_tokens.embedding_weight", "lm_head.weight", "q_head.weight", "q_head.bias")
    names = (
        *("H_init", "L_init", "puzzle_emb.weights", *heads),
        *(f"L_level.layers.{at}.{part}.weight" for at in (0, 1) for part in block),
    )
    assert set(state) == {f"model.inner.{name}" for name in names}
    shapes = [
        state[f"model.inner.L_level.layers.0.mlp_t.{p}_proj.weight"].shape
        for p in ("gate_up", "down")
    ]
    assert shapes == [(1024, 97), (97, 512)]


def test_a_length_that_cannot_be_known_is_asked_for() -> None:
    with torch.device("meta"):
        attention = TRM(replace(ATTENTION, vocab=7)).state_dict()
        mlp = TRM(replace(MLP, vocab=7, length=12)).state_dict()
    for state in (attention, mlp):
        with pytest.raises(CheckpointError, match=r"load_model\(path, length=...\)"):
            infer_config(state)
    assert infer_config(mlp, length=12) == replace(
        MLP, vocab=7, length=12, heads=1, puzzle_width=32, H_cycles=3, L_cycles=6, expansion=4.0
    )
