"""The joint regime as an environment, in a run folder: exact resume, and whose run it is."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import data_equivalence
from in_training import actions, make, play
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hrm_rl.models.checkpoint import load_model
from hrm_rl.training.monitor import Diverged
from hrm_rl.training.run import run


@pytest.mark.parametrize("closed_at", [4, 5])
def test_a_closed_run_goes_on_bit_for_bit(closed_at: int, tmp_path: Path) -> None:
    """Observations too, which compare a segment with the one before."""
    whole = make(run=tmp_path / "whole")
    expected = play(whole, 10, seed=3)
    whole.close()
    played = actions(10)
    first = make(run=tmp_path / "parts")
    found = [first.reset(seed=3), *(first.step(next(played)) for _ in range(closed_at))]
    first.close()
    second = make(run=tmp_path / "parts")
    obs, info = second.reset(seed=99)
    assert np.array_equal(obs, expected[closed_at][0]) and info["segment"].max() > 1
    found += [second.step(action) for action in played]
    second.close()
    assert data_equivalence(found, expected, exact=True)
    for name in ("state.safetensors", "weights.safetensors", "config.json"):
        parts = (tmp_path / "parts" / name).read_bytes()
        assert parts == (tmp_path / "whole" / name).read_bytes()


def test_a_run_that_was_never_closed_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    lost = make(run=tmp_path)
    expected = play(lost, 7)
    with pytest.raises(ValueError, match="trained by this very process"):
        make(run=tmp_path)
    lost._journal.close()  # type: ignore[union-attr]  # as the end of its process does
    resumed = make(run=tmp_path)
    assert resumed.engine.state.step == 4
    obs, _ = resumed.reset()
    assert np.array_equal(obs, expected[4][0])
    resumed._journal.close()  # type: ignore[union-attr]


def test_the_folder_is_that_of_a_training_run(tmp_path: Path) -> None:
    env = make(run=tmp_path)
    play(env, 5)
    assert env.metrics["step"] == 4
    metrics = env.metrics
    env.close()
    model, card = load_model(tmp_path)
    assert torch.equal(model.lm_head.weight, env.engine.state.ema[-3])
    assert (card["step"], card["halting"]) == (5, "external")
    assert json.loads((tmp_path / "config.json").read_text())["slots"] == 4
    events = EventAccumulator(str(tmp_path)).Reload()
    for name in ("lm_loss", "exact_accuracy", "mean_segments", "steps_per_second"):
        logged = events.Scalars(f"train/{name}")
        assert [event.step for event in logged] == [2, 4, 5]
        assert logged[1].value == pytest.approx(metrics[name], rel=1e-6)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"n": 5}, "slots 4 there, 5 here"),
        ({"step_cost": 0.5}, "step_cost 0.0 there, 0.5 here"),
    ],
)
def test_the_run_of_another_environment_is_refused(
    other: dict[str, Any], said: str, tmp_path: Path
) -> None:
    make(run=tmp_path).close()
    with pytest.raises(ValueError, match=said):
        make(run=tmp_path, **other)


def test_training_does_not_take_such_a_run_over(tmp_path: Path) -> None:
    env = make(run=tmp_path)
    env.close()
    with pytest.raises(ValueError, match="halting 'external' there, 'act_q' here"):
        next(run(replace(env.config, halting="act_q"), tmp_path))


@pytest.mark.parametrize("folder", [True, False])
@pytest.mark.parametrize("output", ["numpy", "torch"])
def test_what_is_not_finite_stops_the_run_and_is_named(
    folder: bool, output: str, tmp_path: Path
) -> None:
    """At once where the agent would see it; with tensors, which nobody reads, at the next metrics."""
    env = make(run=tmp_path if folder else "", output=output)
    play(env, 4)
    env.engine.state.model.lm_head.weight.data[0, 0] = float("nan")
    said = "step 5: lm_head.weight is not finite"
    with pytest.raises(Diverged, match=said) as caught:
        for action in actions(2):
            env.step(torch.from_numpy(action))
    assert env.engine.state.step == (6 if output == "torch" else 5)
    assert "\n" not in str(caught.value)
    env.close()
    if folder:
        assert make(run=tmp_path).engine.state.step == 4
        assert f'init="{tmp_path}"' in str(caught.value)
