"""Training steps, slot by slot: the right sums, who is dealt a puzzle, targets, exploration."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from math import exp, log
from typing import Any

import pytest
import torch
from tiny import talkative, tiny_run
from torch import Tensor

from hrm_rl import loop
from hrm_rl.models.hrm import Output
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.joint import JointLearner, Memory, Seen, Segment, Terms
from hrm_rl.training.joint.learner import Memoryless
from hrm_rl.training.train import TrainState, train

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
