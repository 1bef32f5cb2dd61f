"""Training steps: no host read, updates and averages, determinism, formats, learning."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import pytest
import torch
from tiny import ATTENTION, MLP, batch, tiny_run
from torch import Tensor

from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.puzzles import Sudoku
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.data import Sampler
from hrm_rl.training.joint import JointLearner, Memory, Seen, Segment, Terms
from hrm_rl.training.losses import correctness_loss
from hrm_rl.training.train import TrainState, settle, think, train

OTHERS = (
    "halt_bce", "ponder", "ponder-uniform", "graves", "exact_pg", "ppo", "a2c", "fixed-2",
    "random-1:5:3", "random-1:5:3/0:1:1", "residual-0.5",
)  # fmt: skip
LEARNERS = pytest.mark.parametrize(
    "changes",
    [
        {"bootstrap": "extra"},
        {"bootstrap": "delayed", "explore": "segment", "loss": "softmax"},
        *({"halting": name} for name in OTHERS),
        {"halting": "ppo", "price": "budget:2", "entropy_floor": 0.1, "normalise_advantages": True},
        {"halting": "exact_pg", "price": "after-accuracy:0.5", "step_cost": 0.1},
        {"halting": "ppo", "auxiliary": 0.5},
    ],
    ids=["extra", "delayed", *OTHERS, "budget", "after-accuracy", "auxiliary"],
)


def steps(config: TrainConfig, count: int) -> list[dict[str, Tensor]]:
    return list(islice(train(TrainState.create(config)), count))


# No host read: everything on a device that holds no numbers


def meta_state(config: TrainConfig) -> TrainState:
    with torch.device("meta"):
        model = HRM(config.model)
        tokens_PT, id_P = torch.zeros(10, 16, dtype=torch.uint8), torch.zeros(10, dtype=torch.int64)
        cumulative_P = torch.zeros(10)
        sampler = Sampler(tokens_PT, tokens_PT, id_P, cumulative_P, config.slots, Sudoku(4), True)
    return TrainState.assemble(config, model, sampler, generator=None)


@LEARNERS
@pytest.mark.parametrize("model", [ATTENTION, MLP], ids=["attention", "mlp"])
def test_a_whole_step_reads_nothing_back(model: HRMConfig, changes: dict[str, Any]) -> None:
    state = meta_state(tiny_run(model=model, **changes))
    for sums in islice(train(state), 2):
        assert {value.device.type for value in sums.values()} == {"meta"}
    tensors = [*state.slots.carry, *state.slots.batch, state.slots.m_B, state.min_B, *state.ema]
    tensors += [*state.memory, *state.priced, state.dealt]
    assert {tensor.device.type for tensor in tensors} == {"meta"}


@dataclass
class Sinner:
    """A learner that does to its Q logits what would make the host wait for a device."""

    learner: JointLearner
    sin: Callable[[Tensor], object]

    explores = True

    def decide(self, memory: Memory, seen: Seen, draw: Any) -> tuple[Tensor, Memory]:
        self.sin(seen.q_B2)
        return self.learner.decide(memory, seen, draw)

    def learn(self, memory: Memory, segment: Segment) -> tuple[Terms, Memory]:
        return self.learner.learn(memory, segment)


@pytest.mark.parametrize(
    "sin",
    [
        lambda q: q.sum().item(),
        lambda q: bool((q > 0).all()),
        lambda q: (q > 0).nonzero(),
        lambda q: q[q > 0],
        lambda q: q.cpu(),
        lambda q: q + torch.zeros(4, 2, device="cpu"),
    ],
    ids=["item", "bool", "nonzero", "mask", "cpu", "mix"],
)
def test_the_meta_device_notices_what_it_is_there_to_notice(
    sin: Callable[[Tensor], object],
) -> None:
    state = meta_state(tiny_run())
    state.learner = Sinner(state.learner, sin)
    with pytest.raises((RuntimeError, NotImplementedError)):
        next(train(state))


# The update


def test_a_step_updates_weights_average_and_puzzle_embedding() -> None:
    config = tiny_run(warmup=4, lr=0.01, ema=0.9, puzzle_lr=0.02, puzzle_weight_decay=0.5)
    state = TrainState.create(config)
    state.model.puzzle_emb.weights.fill_(1.0)
    before = [p.detach().clone() for p in state.model.parameters()]
    next(train(state))
    assert state.optimizer.param_groups[0]["lr"] == pytest.approx(0.01 / 4)
    for old, p, average in zip(before, state.model.parameters(), state.ema, strict=True):
        assert not torch.equal(old, p)
        torch.testing.assert_close(average, 0.9 * old + 0.1 * p.detach())
        assert p.grad is None
    decayed = 1 - 0.5 * 0.02 / 4
    moved = (state.model.puzzle_emb.weights - decayed).abs()
    torch.testing.assert_close(moved, torch.full_like(moved, 0.02 / 4), rtol=1e-3, atol=0)


def test_the_auxiliary_loss_reaches_the_trunk_and_not_the_head() -> None:
    """Beside `fixed-2`, which has no loss of its own: the loss adds up, and the trunk alone feels it."""
    norms = {}
    for weight in (0.0, 3.0):
        state = TrainState.create(tiny_run(halting="fixed-2", auxiliary=weight, seed=5))
        thought = think(state)
        told = settle(state, thought, torch.zeros(4, dtype=torch.bool))
        norms[weight] = told["gradient_norms"].tolist()
        if weight:
            wanted = correctness_loss(state.model.read(thought.slots.carry.z_H), thought.correct_B)
            assert told["correct_loss"] == pytest.approx(float(wanted.mean()), rel=1e-6)
            expected = told["lm_loss"] + weight * told["correct_loss"]
            assert told["loss"] == pytest.approx(float(expected), rel=1e-6)
        else:
            assert "correct_loss" not in told
    names = [name for name, _ in state.model.named_parameters()]
    moved = {name for name, a, b in zip(names, norms[0.0], norms[3.0], strict=True) if a != b}
    assert any("H_level" in name for name in moved)
    assert not any(name.startswith(("q_head", "lm_head")) for name in moved)


def test_norms_are_those_that_the_step_began_with() -> None:
    state = TrainState.create(tiny_run())
    before = torch.stack([p.detach().norm() for p in state.model.parameters()])
    sums = next(train(state))
    torch.testing.assert_close(sums["weight_norms"], before)
    assert sums["gradient_norms"].shape == before.shape
    assert (sums["gradient_norms"] > 0).any()


# Determinism, formats, learning


@LEARNERS
def test_the_seed_decides_everything(changes: dict[str, Any]) -> None:
    config = tiny_run(**changes)
    first, again = steps(config, 4), steps(config, 4)
    for a, b in zip(first, again, strict=True):
        assert all(torch.equal(a[name], b[name]) for name in a)
    other = steps(replace(config, seed=1), 4)
    assert not torch.equal(first[0]["loss"], other[0]["loss"])


@pytest.mark.parametrize("model", [ATTENTION, MLP], ids=["attention", "mlp"])
def test_bfloat16_steps_are_finite_and_near_float32(model: HRMConfig) -> None:
    full = steps(tiny_run(model=model, bootstrap="extra"), 3)
    state = TrainState.create(tiny_run(model=model, bootstrap="extra", dtype="bfloat16"))
    assert state.dtype == torch.bfloat16
    for want, sums in zip(full, train(state), strict=False):
        assert all(value.isfinite().all() for value in sums.values())
        assert float(sums["loss"]) == pytest.approx(float(want["loss"]), rel=0.05)
        assert {z.dtype for z in state.slots.carry} == {torch.float32}
        assert {p.dtype for p in state.model.parameters()} == {torch.float32}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("bootstrap", ["extra", "delayed"])
def test_steps_inside_a_callers_autocast_are_the_same(dtype: str, bootstrap: str) -> None:
    config = tiny_run(bootstrap=bootstrap, dtype=dtype)
    plain = steps(config, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):  # which keeps casts of weights until its end
        inside = steps(config, 4)
    for a, b in zip(plain, inside, strict=True):
        assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, on import
@pytest.mark.parametrize(
    "changes",
    [{"bootstrap": "extra"}, {"bootstrap": "delayed"}, {"halting": "ppo", "auxiliary": 0.5}],
    ids=["extra", "delayed", "auxiliary"],
)
def test_compiled_steps_give_the_numbers_of_eager_ones(
    changes: dict[str, Any], unchecked_shapes: None
) -> None:
    """Norms of all gradients among them: a view of a detached state would lose its own when compiled."""
    config = tiny_run(**changes)
    eager, compiled = steps(config, 4), steps(replace(config, compile=True), 4)
    for want, got in zip(eager, compiled, strict=True):
        for name in want:
            torch.testing.assert_close(got[name], want[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("mixer", "max_segments"), [("attention", 1), ("mlp", 2)], ids=["attention", "mlp"]
)
def test_one_batch_is_learnt_by_heart(mixer: str, max_segments: int) -> None:
    model = replace(ATTENTION, token_mixer=mixer, positions="learned", H_cycles=1, L_cycles=1)
    config = tiny_run(
        model=model, slots=8, max_segments=max_segments, weight_decay=0.0, warmup=10, lr=5e-3
    )
    torch.manual_seed(0)
    state = TrainState.assemble(config, HRM(model), lambda: batch(8), torch.Generator())
    for sums in islice(train(state), 200):
        if int(sums["halted"]) == int(sums["exact"]) == 8:
            return
    pytest.fail(f"after 200 steps only {int(sums['exact'])} of 8 puzzles are right")


def test_puzzles_that_do_not_fit_the_model_are_refused() -> None:
    with pytest.raises(ValueError, match="the puzzles have 16 tokens of a vocabulary of 6, the "):
        TrainState.create(tiny_run(model=HRMConfig(vocab=11, length=81, width=32, heads=2)))
