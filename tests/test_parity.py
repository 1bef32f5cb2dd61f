"""Golden values: eight training segments and an evaluation of the public code, reproduced.

The files in tests/golden hold what the public HRM (rotary positions with stablemax and N = T = 2;
learned positions with softmax and N = T = 3) and the public TRM (attention; MLP) computed in double
precision: in fp32 a trajectory leaves another processor's within a few steps, as does the public code
its own. Of the trained weights they have those outside the SwiGLUs; no evaluation is the same without
the others. Two things are of the public code in fp32: HRM's metrics, and its first gradients.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from hrm_rl import loop
from hrm_rl.models import Model, Output, build
from hrm_rl.models.checkpoint import infer_config
from hrm_rl.puzzles import verdicts
from hrm_rl.training import q_targets
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.joint import Memory, Segment, Terms
from hrm_rl.training.train import TrainState, train

GOLDEN = Path(__file__).parent / "golden"
HRMS = ["official_rope", "official_learned"]
TRMS = ["trm_attention", "trm_mlp"]
FILES = pytest.mark.parametrize("name", HRMS + TRMS)


class Golden:
    def __init__(self, name: str) -> None:
        with safe_open(GOLDEN / f"{name}.safetensors", "pt") as file:
            self.tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            meta = file.metadata()
        self.config, self.optim = json.loads(meta["config"]), json.loads(meta["optim"])
        self.steps, self.segments = int(meta["steps"]), self.config["halt_max_steps"]
        self.chaotic = name == "trm_mlp"

    def near(self, t: int) -> float:
        """What rounding in fp64 may come to by step t: the MLP makes ten times as much of it a step."""
        return 1e-11 * 10**t if self.chaotic else 1e-10

    def under(self, prefix: str) -> dict[str, Tensor]:
        """The tensors of that prefix, by the rest of their names."""
        n = len(prefix) + 1
        return {k[n:]: v for k, v in self.tensors.items() if k.startswith(f"{prefix}.")}

    def batch(self, prefix: str) -> loop.Batch:
        x, y, ids = (
            self.tensors[f"{prefix}.{k}"].long() for k in ("inputs", "labels", "puzzle_identifiers")
        )
        return loop.Batch(x, torch.where(y == -100, verdicts.PAD, y), ids)

    def model(self, dtype: torch.dtype) -> Model:
        c, init = self.config, self.under("init")
        known = {} if "puzzle_emb_len" not in c else {"puzzle_positions": c["puzzle_emb_len"]}
        model = build(
            infer_config(
                init, length=c["seq_len"], heads=c["num_heads"], H_cycles=c["H_cycles"],
                L_cycles=c["L_cycles"], **known,
            )
        )  # fmt: skip
        model.to(dtype).load_state_dict(init)
        return model

    def train_state(self, model: Model, recorder: Recorder) -> TrainState:
        c, o = self.config, self.optim
        config = TrainConfig(
            model=model.config, data=(("golden", 1.0),), slots=c["batch_size"], steps=o["total_steps"],
            max_segments=self.segments, halting="halt_bce" if c.get("no_ACT_continue") else "act_q",
            edge="paper", bootstrap="extra", explore="segment", explore_probability=0.0,
            loss=o["loss"].removesuffix("_cross_entropy"), lr=o["lr"], betas=tuple(o["betas"]),
            weight_decay=o["weight_decay"], puzzle_lr=o["puzzle_lr"],
            puzzle_weight_decay=o["puzzle_weight_decay"], warmup=o["warmup"],
            lr_min_ratio=o["lr_min_ratio"], ema=o["ema"],
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


@dataclass
class Trajectory:
    """What was computed at each training step, and the model at the end of them."""

    golden: Golden
    state: TrainState
    outputs: list[Output] = field(default_factory=list)
    grads: list[dict[str, Tensor]] = field(default_factory=list)
    targets: list[Tensor] = field(default_factory=list)
    slots: list[loop.Slots] = field(default_factory=list)
    halted: list[Tensor] = field(default_factory=list)
    sums: list[dict[str, Tensor]] = field(default_factory=list)


@functools.cache
def trajectory(
    name: str, dtype: torch.dtype = torch.float64, steps: int | None = None
) -> Trajectory:
    golden = Golden(name)
    model, recorder = golden.model(dtype), Recorder(golden)
    state = recorder.state = golden.train_state(model, recorder)
    found = Trajectory(golden, state, slots=recorder.before_deal)
    _watch(model, state, found)
    for _, sums in zip(range(golden.steps if steps is None else steps), train(state), strict=False):
        found.sums.append(sums)
        found.halted.append(state.slots.m_B == 0)
    return found


def distance(ours: Tensor, theirs: Tensor) -> float:
    """Norm of the difference over the norm."""
    ours = ours.detach()
    return float((ours.double() - theirs.double()).norm() / theirs.double().norm().clamp(min=1e-12))


def check_output(output: Output, want: dict[str, Tensor], near: float) -> None:
    assert distance(output.logits, want["logits"]) < near
    assert distance(output.q[:, 0], want["q_halt_logits"]) < near
    if "q_continue_logits" in want:
        assert distance(output.q[:, 1], want["q_continue_logits"]) < near


def check_step(found: Trajectory, t: int, near: float) -> None:
    golden, slots = found.golden, found.slots[t]
    check_output(found.outputs[t], golden.under(f"step{t}.out"), near)
    carry = golden.under(f"step{t}.carry")
    assert torch.equal(slots.m_B, carry["steps"])
    assert torch.equal(found.halted[t], carry["halted"])
    if "z_H" in carry:
        assert distance(slots.carry.z_H, carry["z_H"]) < near
        assert distance(slots.carry.z_L, carry["z_L"]) < near
    loss = float(golden.tensors[f"step{t}.loss"]) / golden.optim["loss_divisor"]
    assert float(found.sums[t]["loss"]) == pytest.approx(loss, rel=near)


@FILES
def test_training_reproduces_the_public_code(name: str) -> None:
    found = trajectory(name)
    for t in range(found.golden.steps):
        check_step(found, t, found.golden.near(t))


@FILES
def test_the_first_step_reproduces_it_in_fp32(name: str) -> None:
    """With room for any processor's rounding; a mistake is larger by orders of magnitude."""
    check_step(trajectory(name, torch.float32, 1), 0, 1e-4)


@pytest.mark.parametrize("name", HRMS)
def test_metrics_reproduce_the_public_code(name: str) -> None:
    found = trajectory(name)
    for t, sums in enumerate(found.sums):
        want = found.golden.under(f"step{t}.metric")
        assert float(sums["halted"]) == float(want["count"])
        assert float(sums["exact"]) == float(want["exact_accuracy"])
        assert float(sums["segments"]) == float(want["steps"])
        assert float(sums["q_halt_right"]) == float(want["q_halt_accuracy"])
        assert float(sums["cells"]) == pytest.approx(float(want["accuracy"]), rel=1e-5)


@pytest.mark.parametrize("name", HRMS)
def test_gradients_reproduce_the_public_code(name: str) -> None:
    """The room is for the rounding of theirs, which are in fp32."""
    found = trajectory(name)
    for key, theirs in found.golden.under("step0.grad").items():
        assert distance(found.grads[0][key], theirs) < 1e-5, key


@pytest.mark.parametrize("name", HRMS)
def test_targets_reproduce_the_public_code(name: str) -> None:
    found = trajectory(name)
    for t, target_B in enumerate(found.targets):
        want = found.golden.tensors[f"step{t}.out.target_q_continue"]
        assert distance(target_B, want) < found.golden.near(t)


@FILES
def test_trained_weights_reproduce_the_public_code(name: str) -> None:
    found = trajectory(name)
    golden, model = found.golden, found.state.model
    ours = model.state_dict()
    if found.state.ema:
        names = (n for n, _ in model.named_parameters())
        ours |= dict(zip(names, found.state.ema, strict=True))
    theirs = golden.under("ema" if golden.optim["ema"] else f"step{golden.steps - 1}.after")
    assert theirs
    for key, tensor in theirs.items():
        assert distance(ours[key], tensor) < golden.near(3), key


@FILES
def test_evaluation_segments_reproduce_the_public_code(name: str) -> None:
    """Of the trained weights, or of their average where there is one."""
    found = trajectory(name)
    golden, growth = found.golden, 30 if found.golden.chaotic else 1
    model = golden.model(torch.float64).eval()
    model.load_state_dict(found.state.model.state_dict())
    with torch.no_grad():
        for p, average in zip(model.parameters(), found.state.ema, strict=False):
            p.copy_(average)
        slots = loop.fresh(model, golden.batch("eval.batch"))
        for segment in range(golden.segments):
            slots, output = loop.advance(model, slots)
            near = golden.near(5) * growth**segment
            check_output(output, golden.under(f"eval.segment{segment}"), near)


def _watch(model: Model, state: TrainState, found: Trajectory) -> None:
    """Collects each training segment's output and targets, and the gradients that each step uses."""
    segment, update, inner = model.segment, state.optimizer.step, state.learner

    class Spy:
        explores, decide = inner.explores, inner.decide

        def learn(self, memory: object, segment: Segment) -> tuple[Terms, Memory]:
            if state.config.halting == "act_q":
                m_B, last = segment.seen.m_B, state.config.max_segments
                target_B = q_targets.continue_target(segment.peek(), m_B, last, "paper")
                found.targets.append(target_B)
            return inner.learn(memory, segment)

    def seen_segment(*args: object) -> object:
        result = segment(*args)  # type: ignore[arg-type]
        if torch.is_grad_enabled():
            found.outputs.append(result[1])
        return result

    def seen_step() -> None:
        grads = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
        found.grads.append(grads)
        update()

    state.learner = Spy()  # type: ignore[assignment]
    model.segment = seen_segment  # type: ignore[method-assign, assignment]
    state.optimizer.step = seen_step  # type: ignore[method-assign, assignment]
