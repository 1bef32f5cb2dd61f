"""A saved state that is damaged is not gone on from."""

from pathlib import Path
from typing import Any

import pytest
import torch
from damage import outcomes
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny import tiny_run

from hrm_rl.models.checkpoint import CheckpointError, save_tensors
from hrm_rl.training.run import steps_done
from hrm_rl.training.snapshot import restore, snapshot
from hrm_rl.training.train import TrainState

CONFIG = tiny_run()


@pytest.fixture(scope="module")
def state() -> TrainState:
    return TrainState.create(CONFIG)


@pytest.fixture
def path(state: TrainState, tmp_path: Path) -> Path:
    saved = tmp_path / "state.safetensors"
    save_tensors(saved, snapshot(state), {"step": "4"})
    return saved


def bits(state: TrainState) -> list[Any]:
    parts = sorted(snapshot(state).items())
    return [state.step, *((name, value.tolist()) for name, value in parts)]


def test_a_turned_bit_is_noticed_or_harmless(state: TrainState, path: Path) -> None:
    restore(state, path)
    expected = bits(state)

    def read() -> list[Any]:
        restore(state, path)
        return bits(state)

    found = outcomes([path], 40, 0, read, lambda there: there == expected)
    assert found.keys() <= {"noticed", "harmless"} and found["noticed"] > 30, found


def test_the_step_is_sealed_with_the_tensors(state: TrainState, path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"step":"4"', b'"step":"5"'))
    with pytest.raises(CheckpointError, match=r"cannot be resumed from \(.*SHA-256.*delete it to"):
        restore(state, path)


def test_who_only_asks_for_the_step_notices_damage_too(path: Path) -> None:
    assert steps_done(path.parent) == 4
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1
    path.write_bytes(whole)
    with pytest.raises(CheckpointError, match=r"cannot be resumed from \(.*SHA-256.*delete it to"):
        steps_done(path.parent)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"m.lm_head.weight": float("nan")}, "m.lm_head.weight holds NaN or inf"),
        ({"lm_head": torch.int32}, "holds torch.int32, not torch.float32"),
        ({"lm_head": torch.float8_e4m3fn}, "not torch.float32"),
        ({"generator": 255}, "random numbers"),
    ],
)
def test_what_was_saved_without_a_digest_is_still_checked(
    state: TrainState, path: Path, change: dict[str, Any], what: str
) -> None:
    tensors = load_file(path)
    for name, value in change.items():
        if isinstance(value, torch.dtype):
            tensors["model.lm_head.weight"] = tensors["model.lm_head.weight"].to(value)
        else:
            tensors[name].fill_(value)
    save_file(tensors, path, {"step": "4"})
    with pytest.raises(CheckpointError, match=what) as caught:
        restore(state, path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize("step", ["", "-1", "4.0", "nan", "9" * 5000, "\u0664"])
def test_a_step_that_is_none_is_said(state: TrainState, path: Path, step: str) -> None:
    save_file(load_file(path), path, {"step": step})
    with pytest.raises(CheckpointError, match="step must be a whole number, got"):
        restore(state, path)


def test_a_state_without_a_digest_is_gone_on_from(state: TrainState, path: Path) -> None:
    """As one that version 0.1 saved."""
    save_file(load_file(path), path, {"step": "4"})
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"step": "4"}
    restore(state, path)
    assert state.step == 4
