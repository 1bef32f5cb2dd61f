"""The forward pass in JavaScript gives the numbers of torch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from javascript import ask, halved, needs_node, thoughts
from tiny import ATTENTION, talkative

from hrm_rl.banks.files import read_bank
from hrm_rl.models import Model, ModelConfig, build
from hrm_rl.models.checkpoint import load_model
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.models.trm import TRMConfig
from hrm_rl.page.weights import packed
from hrm_rl.puzzles import PuzzleSet, load

THINK = """
    const thinker = new page.Thinker(value.packed);
    return value.tokens.map((tokens) => {
        thinker.deal(tokens);
        return Array.from({ length: value.segments }, () => {
            const { logits, q } = thinker.segment();
            return { logits: Array.from(logits), q };
        });
    });
"""
CONFIGS: dict[str, ModelConfig] = {
    "attention, rotary": replace(ATTENTION, H_layers=2, H_cycles=2),
    "attention, learned": replace(ATTENTION, positions="learned", L_cycles=3, puzzle_width=40),
    "units": HRMConfig(
        vocab=8, length=36, width=36, heads=3, H_layers=1, L_layers=2, expansion=2.0,
        inner_multiple=8, positions="none", token_mixer="units",
    ),
    "neighbours, no prefix": replace(
        ATTENTION, token_mixer="neighbours", positions="none", puzzle_width=0
    ),
    "trm": TRMConfig(
        vocab=6, length=16, width=16, heads=2, layers=2, H_cycles=2, L_cycles=2, expansion=2.0,
        inner_multiple=4, puzzle_positions=3,
    ),
}  # fmt: skip


def random(config: ModelConfig) -> Model:
    """A model in which no weight is 0, those of the Q-head and of the puzzle embedding neither."""
    generator = torch.Generator().manual_seed(0)
    model = build(config).eval()
    for tensor in model.state_dict().values():
        scale = 1.0 if tensor.dim() == 1 else max(1, tensor.shape[-1]) ** -0.5
        tensor.copy_(scale * torch.randn(tensor.shape, generator=generator))
    return model


def by_node(model: Model, puzzles: PuzzleSet, segments: int) -> tuple[torch.Tensor, torch.Tensor]:
    asked = {"packed": packed(model), "tokens": puzzles.inputs_PL.tolist(), "segments": segments}
    found = ask("model.js", THINK, asked)
    logits = torch.tensor([[one["logits"] for one in puzzle] for puzzle in found])
    q = torch.tensor([[one["q"] for one in puzzle] for puzzle in found])
    shape = (len(puzzles), segments, puzzles.length, -1)
    return logits.view(shape).transpose(0, 1), q.transpose(0, 1)


def check(model: Model, puzzles: PuzzleSet, segments: int, within: float) -> None:
    logits, q = by_node(model, puzzles, segments)
    expected_logits, expected_q = thoughts(halved(model), puzzles, segments)
    torch.testing.assert_close(logits, expected_logits, rtol=0, atol=within)
    torch.testing.assert_close(q, expected_q, rtol=0, atol=within)
    assert (expected_q[0] - expected_q[1]).abs().max() > 1e-2  # segments are not all alike


@needs_node
@pytest.mark.parametrize("name", CONFIGS)
def test_each_part_is_that_of_torch(name: str) -> None:
    """Over three segments: random weights may treble a rounding in each, which trained ones do not."""
    task = "sudoku6" if CONFIGS[name].length == 36 else "sudoku4"
    check(random(CONFIGS[name]), load(task, "test").take(range(2)), 3, 1e-4)


@needs_node
@pytest.mark.parametrize("name", ["sudoku9", "sudoku9-trm", "sudoku4"])
def test_shipped_models_think_the_same(name: str) -> None:
    puzzles = load("sudoku4" if name == "sudoku4" else "sudoku9_hard", "test").take([1])
    check(load_model(name)[0], puzzles, 8, 1e-3)


@needs_node
@pytest.mark.slow
def test_answers_are_those_of_the_bank() -> None:
    """The others' scores are from the bank: it and the page have to see the same answers."""
    bank = read_bank("sudoku9-test")
    assert bank.puzzles is not None
    some = [0, 374, 749]
    logits, _ = by_node(load_model("sudoku9")[0], bank.puzzles.take(some), 16)
    assert torch.equal(logits.argmax(-1), bank.predictions_MPT[:16, some].long())


@needs_node
def test_a_change_of_a_weight_is_seen() -> None:
    """The comparison above is no comparison of constants."""
    puzzles = load("sudoku4", "test").take([0])
    before, after = talkative(), talkative()
    after.state_dict()["H_level.layers.0.mlp.down_proj.weight"][0, 0] += 1
    logits, others = (by_node(model, puzzles, 1)[0] for model in (before, after))
    assert (logits - others).abs().max() > 1e-3


@needs_node
def test_half_precision_is_read_as_numpy_does() -> None:
    bits = np.array([0, 1, 0x03FF, 0x0400, 0x3C00, 0x7BFF, 0x8001, 0xBC01, 0x8000], "<u2")
    bits = np.concatenate([bits, np.arange(0, 0x7C00, 37, dtype="<u2")])
    found = ask(
        "model.js",
        "return Array.from(page.fromHalf(new Uint8Array(value)))",
        list(bits.tobytes()),
    )
    assert found == bits.view("<f2").astype(float).tolist()


@needs_node
@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(1, 1, 1), (3, 5, 7), (4, 8, 12)])
def test_tiles_leave_nothing_out(rows: int, inputs: int, outputs: int) -> None:
    x = np.random.default_rng(0).integers(-9, 9, (rows, inputs))
    w = np.random.default_rng(1).integers(-9, 9, (outputs, inputs))
    found = ask(
        "model.js",
        "return Array.from(page.linear(Float32Array.from(value.x), value.rows,"
        " { data: Float32Array.from(value.w), shape: value.shape }))",
        {"x": x.ravel().tolist(), "w": w.ravel().tolist(), "rows": rows, "shape": w.shape},
    )
    assert found == (x @ w.T).ravel().tolist()
