"""Training steps: no host read, the right sums, exploration, averages, determinism, learning."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from math import exp, log
from typing import Any

import pytest
import torch
from tiny import ATTENTION, MLP, batch, talkative, tiny_run
from torch import Tensor

from hrm_rl import loop
from hrm_rl.models.hrm import HRM, HRMConfig, Output
from hrm_rl.puzzles import Sudoku
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.data import Sampler
from hrm_rl.training.joint import JointLearner, Memory, Seen, Segment, Terms
from hrm_rl.training.joint.learner import Memoryless
from hrm_rl.training.train import TrainState, train

OTHERS = (
    "halt_bce", "ponder", "ponder-uniform", "graves", "exact_pg", "ppo", "a2c", "fixed-2",
    "random-1:5:3", "residual-0.5",
)  # fmt: skip
LEARNERS = pytest.mark.parametrize(
    "changes",
    [
        {"bootstrap": "extra"},
        {"bootstrap": "delayed", "explore": "segment", "loss": "softmax"},
        *({"halting": name} for name in OTHERS),
    ],
    ids=["extra", "delayed", *OTHERS],
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
    tensors += [*state.memory, state.dealt]
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


# Sums against a plain recomputation


@dataclass
class Watched:
    """What training saw: the outputs of its segments, and the slots before each deal."""

    state: TrainState
    outputs: list[Output] = field(default_factory=list)
    before_deal: list[loop.Slots] = field(default_factory=list)
    min_B: list[Tensor] = field(default_factory=list)
    last_q: list[Tensor] = field(default_factory=list)
    """Q of the state before each segment, by the weights of that segment."""

    @staticmethod
    def create(config: TrainConfig) -> "Watched":
        watched = Watched(TrainState.create(config))
        state = watched.state
        state.model.load_state_dict(talkative(config.model).state_dict())
        segment, sample = state.model.segment, state.sample

        def seen_segment(*args: Any) -> Any:
            carry, output = segment(*args)
            if torch.is_grad_enabled():
                head = state.model.q_head
                watched.outputs.append(output)
                watched.last_q.append(
                    args[0].z_H[:, 0] @ head.weight.detach().T + head.bias.detach()
                )
            return carry, output

        def seen_sample() -> loop.Batch:
            watched.before_deal.append(state.slots)
            watched.min_B.append(state.min_B)
            return sample()

        state.model.segment, state.sample = seen_segment, seen_sample  # type: ignore[method-assign, assignment]
        return watched

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        return train(self.state)


def cross_entropy(logit: float, target: float) -> float:
    """Of a coin, in plain Python."""
    p = 1 / (1 + exp(-logit))
    return -target * log(p) - (1 - target) * log(1 - p)


def stablemax_loss(logits_TV: list[list[float]], y_T: list[int]) -> float:
    """Mean of -log s(x_y) / sum s(x) over the cells, in plain Python."""
    total = 0.0
    for logits, y in zip(logits_TV, y_T, strict=True):
        s = [x + 1 if x >= 0 else 1 / (1 - x) for x in logits]
        total -= log(s[y] / sum(s))
    return total / len(y_T)


def test_sums_are_what_a_plain_loop_over_slots_counts() -> None:
    watched = Watched.create(tiny_run(bootstrap="delayed", max_segments=3, lr=0.05))
    right_somewhere = False
    for t, sums in enumerate(islice(watched, 30)):
        output, slots = watched.outputs[t], watched.before_deal[t]
        count = dict.fromkeys(("halted", "exact", "cells", "segments", "q_halt_right"), 0.0)
        histogram, lm, q_losses = [0, 0, 0], [], [0.0, 0.0]
        for b in range(4):
            logits, y = output.logits[b].tolist(), slots.batch.y_BT[b].tolist()
            lm.append(stablemax_loss(logits, y))
            right = [row.index(max(row)) == cell for row, cell in zip(logits, y, strict=True)]
            q_halt, q_continue = output.q[b].tolist()
            m, least = int(slots.m_B[b]), int(watched.min_B[t][b])
            q_losses[0] += cross_entropy(q_halt, float(all(right))) / 4
            if m > 1:  # this segment tells what continuing at the last one was worth
                value = q_halt if m == 3 else max(q_halt, q_continue)
                last = float(watched.last_q[t][b, 1])
                q_losses[1] += cross_entropy(last, 1 / (1 + exp(-value))) / 4
            if (q_halt > q_continue and m >= least) or m == 3:
                histogram[m - 1] += 1
                count["halted"] += 1
                count["exact"] += all(right)
                count["cells"] += sum(right) / 16
                count["segments"] += m
                count["q_halt_right"] += (q_halt >= 0) == all(right)
        right_somewhere |= bool(count["exact"])
        assert {name: float(sums[name]) for name in count} == pytest.approx(count)
        assert sums["histogram"].tolist() == histogram
        assert float(sums["lm_loss"]) == pytest.approx(sum(lm) / 4)
        found = [float(sums[name]) for name in ("q_halt_loss", "q_continue_loss")]
        assert found == pytest.approx(q_losses, rel=1e-4, abs=1e-6)
        assert float(sums["loss"]) == pytest.approx(float(sums["lm_loss"]) + 0.5 * sum(found))


def test_halted_slots_are_dealt_and_the_others_keep_their_puzzle() -> None:
    watched = Watched.create(tiny_run(bootstrap="delayed"))
    dealt_some = kept_some = False
    for t, sums in enumerate(islice(watched, 12)):
        before, after = watched.before_deal[t], watched.state.slots
        dealt = after.m_B == 0
        assert int(dealt.sum()) == int(sums["halted"])
        for b in range(4):
            if dealt[b]:
                assert torch.equal(after.carry.z_H[b], watched.state.model.initial(1).z_H[0])
            else:
                assert torch.equal(after.carry.z_H[b], before.carry.z_H[b])
                assert torch.equal(after.batch.x_BT[b], before.batch.x_BT[b])
        dealt_some, kept_some = dealt_some or bool(dealt.any()), kept_some or not bool(dealt.all())
    assert dealt_some and kept_some


# The continue target of the next segment's own forward


class Recorded:
    """A learner whose terms, and who halted, are kept."""

    def __init__(self, learner: JointLearner) -> None:
        self.learner = learner
        self.explores, self.decide = learner.explores, learner.decide
        self.terms: list[Terms] = []
        self.halted: list[Tensor] = []

    def learn(self, memory: Memory, segment: Segment) -> tuple[Terms, Memory]:
        terms, memory = self.learner.learn(memory, segment)
        self.terms.append(terms)
        self.halted.append(segment.halted_B)
        return terms, memory


@pytest.mark.parametrize("edge", ["exact", "paper"])
def test_delayed_targets_are_the_extra_ones_wherever_both_exist(edge: str) -> None:
    """In two real runs whose weights stand still, so that both see the same segments."""
    recorded = []
    for bootstrap in ("extra", "delayed"):
        state = TrainState.create(
            tiny_run(bootstrap=bootstrap, edge=edge, max_segments=4, slots=8, lr=0.0, puzzle_lr=0.0)
        )
        state.model.load_state_dict(talkative(seed=4).state_dict())
        state.learner = Recorded(state.learner)
        list(islice(train(state), 16))
        recorded.append(state.learner)
    extra, delayed = recorded
    both = only_extra = 0
    for t in range(15):
        assert torch.equal(extra.halted[t], delayed.halted[t])
        now_B, then_B = extra.terms[t]["q_continue"], delayed.terms[t + 1]["q_continue"]
        goes_on_B = ~extra.halted[t]
        torch.testing.assert_close(then_B[goes_on_B], now_B[goes_on_B], rtol=1e-4, atol=1e-6)
        assert (then_B[~goes_on_B] == 0).all()
        both, only_extra = both + int(goes_on_B.sum()), only_extra + int((~goes_on_B).sum())
    assert both > 20 and only_extra > 20


# Exploration


class Impatient(Memoryless):
    """Always wants to halt; learns nothing."""

    def decide(self, memory: Memory, seen: Seen, draw: Any) -> tuple[Tensor, Memory]:
        return torch.ones_like(seen.m_B, dtype=torch.bool), memory

    def learn(self, memory: Memory, segment: Segment) -> tuple[Terms, Memory]:
        return {}, memory


@pytest.mark.parametrize("explore", ["episode", "segment"])
def test_nobody_halts_before_its_minimum(explore: str) -> None:
    config = tiny_run(slots=32, max_segments=4, explore=explore, explore_probability=0.7)
    watched = Watched.create(config)
    watched.state.learner = Impatient()
    redrawn = False
    for t, _ in enumerate(islice(watched, 8)):
        m_B, min_B = watched.before_deal[t].m_B, watched.min_B[t]
        halted_B = watched.state.slots.m_B == 0
        assert torch.equal(halted_B, m_B >= min_B)
        if t:
            redrawn |= bool((min_B != watched.min_B[t - 1])[m_B > 1].any())
    assert redrawn == (explore == "segment")


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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, on import
@pytest.mark.parametrize("bootstrap", ["extra", "delayed"])
def test_compiled_steps_give_the_numbers_of_eager_ones(
    bootstrap: str, unchecked_shapes: None
) -> None:
    config = tiny_run(bootstrap=bootstrap)
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
