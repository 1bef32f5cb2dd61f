"""Every architecture goes everywhere that HRM goes: training, runs, evaluation, banks, environments."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import pytest
import torch
from tiny import tiny_run

from hrm_rl.agents.rules import rule
from hrm_rl.banks.bank import log_bank, play
from hrm_rl.evaluate import evaluate
from hrm_rl.loop import Batch
from hrm_rl.models import AnyConfig, build
from hrm_rl.models.checkpoint import load_model
from hrm_rl.models.transformer import TransformerConfig
from hrm_rl.models.trm import TRMConfig
from hrm_rl.models.universal import UniversalConfig
from hrm_rl.puzzles import load
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.run import run
from hrm_rl.training.train import TrainState, train

SIZE: dict[str, Any] = dict(vocab=6, length=16, width=32, heads=2, expansion=2.0)
CONFIGS: dict[str, AnyConfig] = {
    "trm": TRMConfig(**SIZE, layers=1, H_cycles=2, L_cycles=1, puzzle_positions=2),
    "recurrent": TransformerConfig(**SIZE, layers=1, cycles=2),
    "direct": TransformerConfig(**SIZE, layers=2, cycles=1, recurrent=False),
    "universal": UniversalConfig(**SIZE, layers=1, max_steps=3),
}
ALL = pytest.mark.parametrize("name", CONFIGS)


def run_of(name: str, **changes: Any) -> TrainConfig:
    return tiny_run(model=CONFIGS[name], **changes)


@ALL
def test_a_trained_run_is_evaluated_logged_and_played(name: str, tmp_path: Path) -> None:
    config = run_of(name, halting="halt_bce" if name == "trm" else "act_q")
    *_, last = run(config, tmp_path)
    assert last["step"] == 12
    model, card = load_model(tmp_path)
    assert model.config == config.model and card["model"]["kind"] in (
        "trm",
        "transformer",
        "universal",
    )
    puzzles = load("sudoku4", "test").take(range(12))
    bank = log_bank(model, puzzles, 4)
    halted, played = evaluate(model, puzzles, rule("trm"), 4), play(bank, rule("trm"))
    assert torch.equal(halted.segment_P, played.segment_P)
    assert torch.equal(halted.correct_P, played.correct_P)
    env = gymnasium.make(
        "HRMSudoku-v0", checkpoint=str(tmp_path), observation="full", max_segments=3
    )
    obs, _ = env.reset(seed=0)
    assert env.observation_space.contains(obs)
    for _ in range(2):
        obs, _, terminated, _, _ = env.step(0)
        assert env.observation_space.contains(obs)
    assert terminated
    env.close()


@ALL
@pytest.mark.parametrize("halting", ["act_q", "ponder", "exact_pg", "graves", "ppo"])
def test_a_model_in_fp64_is_trained_in_it(name: str, halting: str) -> None:
    config = run_of(name, halting=halting, loss="softmax", step_cost=0.01 * (halting == "ppo"))
    model = build(config.model).double()
    batch = Batch(torch.full((4, 16), 2), torch.full((4, 16), 3), torch.zeros(4, dtype=torch.long))
    state = TrainState.assemble(config, model, lambda: batch)
    for _, sums in zip(range(4), train(state), strict=False):
        losses = {name: value.dtype for name, value in sums.items() if name.endswith("loss")}
        assert set(losses.values()) == {torch.float64}, losses
    for tensors in (state.slots.carry, state.ema, state.memory, model.state_dict().values()):
        assert torch.float32 not in {tensor.dtype for tensor in tensors}


@ALL
def test_a_run_that_was_broken_off_goes_on_bit_for_bit(name: str, tmp_path: Path) -> None:
    config = run_of(name)
    for folder, stops in (("whole", [12]), ("parts", [4, 12])):
        for stop in stops:
            for _ in run(config, tmp_path / folder, stop=stop):
                pass
    whole, parts = (load_model(tmp_path / folder)[0].state_dict() for folder in ("whole", "parts"))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


@pytest.mark.slow
@ALL
def test_one_batch_is_learnt_by_heart(name: str) -> None:
    """The loss of four puzzles, without symmetries, falls to a fraction of what it began with."""
    config = replace(run_of(name, augment=False, lr=3e-3, warmup=5, max_segments=2), seed=1)
    state = TrainState.create(config)
    batch = state.slots.batch
    state.sample = lambda: batch
    losses = [float(sums["lm_loss"]) for sums, _ in zip(train(state), range(80), strict=False)]
    assert sum(losses[-5:]) < 0.4 * sum(losses[:5])


@ALL
def test_whole_training_steps_read_nothing_back(name: str) -> None:
    """On the meta device, which has no values to read."""
    config = run_of(name)
    with torch.device("meta"):
        model = build(config.model)
        tokens, ids = torch.ones(4, 16, dtype=torch.long), torch.zeros(4, dtype=torch.long)
        state = TrainState.assemble(config, model, lambda: Batch(tokens, tokens, ids))
        for _ in zip(train(state), range(2), strict=False):
            pass
    assert {p.device.type for p in [*model.parameters(), *state.slots.carry]} == {"meta"}


def test_what_a_universal_transformer_charges_is_in_the_loss() -> None:
    config = run_of("universal", ema=0.0)
    dear = replace(config, model=replace(CONFIGS["universal"], ponder_cost=100.0))  # type: ignore[call-arg]
    totals = []
    for one in (config, dear):
        state = TrainState.create(one)
        sums = next(train(state))
        totals.append(float(sums["loss"] - sums["lm_loss"]))
    # The same weights and puzzles: the difference is (100 - 0.01) (N + R), 2 <= N + R <= 4.
    assert 2 * 99.99 <= totals[1] - totals[0] <= 4 * 99.99
