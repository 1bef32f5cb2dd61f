"""Golden values: eight training segments and an evaluation of the public HRM code, reproduced.

The files in tests/golden hold what the public implementation computed in fp32 on one thread (rotary
positions with stablemax and N = T = 2; learned positions with softmax and N = T = 3). Exchanging its
attention kernel alone moves its outputs by 7e-6 at the first step and 3e-4 by the last.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from hrm_rl import loop
from hrm_rl.models.checkpoint import infer_config
from hrm_rl.models.hrm import HRM
from hrm_rl.puzzles import verdicts
from hrm_rl.training import losses
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.joint import Memory, Segment, Terms
from hrm_rl.training.train import TrainState, train

GOLDEN = Path(__file__).parent / "golden"
FILES = ["official_rope", "official_learned"]


class Golden:
    def __init__(self, name: str) -> None:
        with safe_open(GOLDEN / f"{name}.safetensors", "pt") as file:
            self.tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            meta = file.metadata()
        self.config, self.optim = json.loads(meta["config"]), json.loads(meta["optim"])
        self.loss = meta["loss"].removesuffix("_cross_entropy")
        self.steps, self.divisor = int(meta["steps"]), float(meta["loss_divisor"])

    def state(self, prefix: str) -> dict[str, Tensor]:
        prefix += ".model.inner."
        return {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}

    def batch(self, prefix: str) -> loop.Batch:
        x, y, ids = (
            self.tensors[f"{prefix}.{k}"].long() for k in ("inputs", "labels", "puzzle_identifiers")
        )
        return loop.Batch(x, torch.where(y == -100, verdicts.PAD, y), ids)

    def model(self) -> HRM:
        c = self.config
        model = HRM(
            infer_config(
                self.state("init"), length=c["seq_len"], heads=c["num_heads"],
                H_cycles=c["H_cycles"], L_cycles=c["L_cycles"],
            )
        )  # fmt: skip
        model.load_state_dict(self.state("init"))
        return model

    def train_state(self, model: HRM, recorder: Recorder) -> TrainState:
        c, o = self.config, self.optim
        config = TrainConfig(
            model=model.config, data=(("golden", 1.0),), slots=c["batch_size"], steps=self.steps,
            max_segments=c["halt_max_steps"], halting="act_q", edge="paper", bootstrap="extra",
            explore="segment", explore_probability=0.0, loss=self.loss, lr=o["lr"], betas=tuple(o["betas"]),
            weight_decay=o["weight_decay"], puzzle_lr=o["puzzle_emb_lr"],
            puzzle_weight_decay=o["puzzle_emb_weight_decay"], warmup=0,
        )  # fmt: skip
        return TrainState.assemble(config, model, recorder)


class Recorder:
    """Offers the golden batches, and notes what the trainer holds at the moment it asks for the next."""

    def __init__(self, golden: Golden) -> None:
        self.batches = iter([golden.batch(f"step{t}.batch") for t in range(golden.steps)])
        self.first: loop.Batch | None = None
        self.before_deal: list[loop.Slots] = []
        self.state: TrainState | None = None

    def __call__(self) -> loop.Batch:
        if self.state is not None:
            self.before_deal.append(self.state.slots)
        batch = next(self.batches, None)
        self.first = self.first or batch
        assert self.first is not None
        return batch or self.first


def distance(ours: Tensor, theirs: Tensor) -> float:
    """Norm of the difference over the norm."""
    ours = ours.detach()
    return float((ours.double() - theirs.double()).norm() / theirs.double().norm().clamp(min=1e-12))


@pytest.mark.parametrize("name", FILES)
def test_training_reproduces_the_public_code(name: str) -> None:
    golden = Golden(name)
    model, recorder = golden.model(), Recorder(golden)
    state = golden.train_state(model, recorder)
    recorder.state = state

    outputs, grads = _watch(model, state)
    for t, sums in zip(range(golden.steps), train(state), strict=False):
        near = 1e-5 if t == 0 else 1e-3
        want = {
            k.removeprefix(f"step{t}."): v
            for k, v in golden.tensors.items()
            if k.startswith(f"step{t}.")
        }
        assert distance(outputs[-1].logits, want["out.logits"]) < near
        assert distance(outputs[-1].q[:, 0], want["out.q_halt_logits"]) < near
        assert distance(outputs[-1].q[:, 1], want["out.q_continue_logits"]) < near
        if "carry.z_H" in want:
            assert distance(recorder.before_deal[t].carry.z_H, want["carry.z_H"]) < near
            assert distance(recorder.before_deal[t].carry.z_L, want["carry.z_L"]) < near
        assert torch.equal(recorder.before_deal[t].m_B, want["carry.steps"])
        assert torch.equal(state.slots.m_B == 0, want["carry.halted"])
        assert float(sums["loss"]) == pytest.approx(
            float(want["loss"]) / golden.divisor, rel=1e-5 if t < 4 else 5e-5
        )
        assert float(sums["halted"]) == float(want["metric.count"])
        assert float(sums["exact"]) == float(want["metric.exact_accuracy"])
        assert float(sums["segments"]) == float(want["metric.steps"])
        assert float(sums["q_halt_right"]) == float(want["metric.q_halt_accuracy"])
        assert float(sums["cells"]) == pytest.approx(float(want["metric.accuracy"]), rel=1e-5)
        for key, theirs in want.items():
            if key.startswith("grad."):
                assert distance(grads[t][key.removeprefix("grad.model.inner.")], theirs) < near, key
        if t in (0, golden.steps - 1):
            ours = model.state_dict()
            for key, theirs in golden.state(f"step{t}.after").items():
                assert distance(ours[key], theirs) < near, key


@pytest.mark.parametrize("name", FILES)
def test_targets_reproduce_the_public_code(name: str) -> None:
    golden = Golden(name)
    model, recorder = golden.model(), Recorder(golden)
    state = golden.train_state(model, recorder)
    targets: list[Tensor] = []

    class Spy:
        explores, decide = state.learner.explores, state.learner.decide

        def learn(self, memory: object, segment: Segment) -> tuple[Terms, Memory]:
            m_B, last = segment.seen.m_B, state.config.max_segments
            targets.append(losses.continue_target(segment.peek(), m_B, last, "paper"))
            return inner.learn(memory, segment)

    inner, state.learner = state.learner, Spy()  # type: ignore[assignment]
    for t, _ in zip(range(golden.steps), train(state), strict=False):
        assert distance(targets[t], golden.tensors[f"step{t}.out.target_q_continue"]) < (
            1e-5 if t == 0 else 1e-3
        )


@pytest.mark.parametrize("name", FILES)
def test_evaluation_segments_reproduce_the_public_code(name: str) -> None:
    golden = Golden(name)
    model = golden.model().eval()
    model.load_state_dict(golden.state(f"step{golden.steps - 1}.after"))
    slots = loop.fresh(model, golden.batch("eval.batch"))
    with torch.no_grad():
        for segment in range(golden.config["halt_max_steps"]):
            slots, output = loop.advance(model, slots)
            want = f"eval.segment{segment}"
            assert distance(output.logits, golden.tensors[f"{want}.logits"]) < 1e-5
            assert distance(output.q[:, 0], golden.tensors[f"{want}.q_halt_logits"]) < 1e-5
            assert distance(output.q[:, 1], golden.tensors[f"{want}.q_continue_logits"]) < 1e-5


def _watch(model: HRM, state: TrainState) -> tuple[list[object], list[dict[str, Tensor]]]:
    """Collects each training segment's output, and the gradients that each step uses."""
    outputs: list[object] = []
    grads: list[dict[str, Tensor]] = []
    segment, update = model.segment, state.optimizer.step

    def seen_segment(*args: object) -> object:
        result = segment(*args)  # type: ignore[arg-type]
        if torch.is_grad_enabled():
            outputs.append(result[1])
        return result

    def seen_step() -> None:
        grads.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
        update()

    model.segment = seen_segment  # type: ignore[method-assign, assignment]
    state.optimizer.step = seen_step  # type: ignore[method-assign, assignment]
    return outputs, grads  # type: ignore[return-value]
