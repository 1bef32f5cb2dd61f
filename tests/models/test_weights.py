"""Weights that are none, files that are no checkpoints, and what loading leaves as it was."""

import json
import pickle
import random
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny import ATTENTION, batch, talkative
from torch import Tensor

from hrm_rl import loop
from hrm_rl.models import build
from hrm_rl.models.checkpoint import CheckpointError, load_model, save_model
from hrm_rl.models.digested import without_digests
from hrm_rl.models.transformer import TransformerConfig

NAME = "L_level.layers.0.mlp.down_proj.weight"


def refusal(path: object) -> str:
    with pytest.raises(CheckpointError) as error:
        load_model(path)  # type: ignore[arg-type]
    said = str(error.value)
    assert "\n" not in said and len(said) < 700
    return said


def with_hole(value: float) -> Callable[[Tensor], Tensor]:
    def change(weights: Tensor) -> Tensor:
        weights = weights.clone()
        weights[1, 2] = value
        return weights

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_hole(float("nan")), "has 1 numbers of 8192 that are not finite"),
        (with_hole(float("inf")), "has 1 numbers of 8192 that are not finite"),
        (with_hole(-float("inf")), "that are not finite"),
        (Tensor.long, "is int64, weights are real numbers"),
        (Tensor.bool, "is bool, weights are real numbers"),
        (lambda w: w.to(torch.complex64), "is complex64, weights are real numbers"),
        (lambda w: w.to(torch.float8_e4m3fn), "is float8_e4m3fn, weights are real numbers"),
        (lambda w: w.to_sparse(), "is not stored number by number"),
        (lambda w: torch.zeros(1, 1).expand(32, 10**9), "the file holds less of it"),
        (lambda w: torch.empty_like(w, device="meta"), "is not stored number by number"),
        (lambda w: w[:, :5], "is (32, 5), not (32, 256)"),
    ],
)
def test_what_is_no_weight_is_refused(
    change: Callable[[Tensor], Tensor], said: str, tmp_path: Path
) -> None:
    model = talkative()
    save_model(tmp_path / "model", model)
    (tmp_path / "model.safetensors").unlink()
    card = without_digests(json.loads((tmp_path / "model.json").read_text()))
    (tmp_path / "model.json").write_text(json.dumps(card))
    torch.save(model.state_dict() | {NAME: change(model.state_dict()[NAME])}, tmp_path / "model.pt")
    message = refusal(tmp_path / "model.pt")
    assert said in message and "model.pt" in message


def test_large_but_finite_weights_are_weights(tmp_path: Path) -> None:
    """Their sum overflows, they do not."""
    model = talkative()
    model.lm_head.weight.fill_(3e38)
    save_model(tmp_path / "model", model)
    assert torch.equal(load_model(tmp_path / "model")[0].lm_head.weight, model.lm_head.weight)  # type: ignore[arg-type]


def test_weights_with_and_without_prefix_are_not_mixed(tmp_path: Path) -> None:
    state = talkative().state_dict()
    save_file(state | {"model.inner.H_init": torch.ones(32)}, tmp_path / "model.safetensors")
    assert "it has some weights twice" in refusal(tmp_path / "model.safetensors")


class Fuse:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "no weights here")


def truncated(path: Path) -> None:
    save_file({"a": torch.zeros(100)}, path)
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("name", "write", "said"),
    [
        ("a.pt", lambda p: p.write_bytes(b""), "is empty; get it again"),
        ("a.safetensors", lambda p: p.write_bytes(b""), "is empty; get it again"),
        ("a.pt", lambda p: p.write_text("weights to come\n"), "holds text, not weights"),
        ("a.safetensors", lambda p: p.write_text("<html>404</html>"), "holds text, not weights"),
        ("a.bin", lambda p: p.write_text("version https://git-lfs.github.com/spec/v1"), "git lfs pull"),
        ("a.zip", zipped, "cannot be read"),
        ("a.pt", lambda p: p.write_bytes(bytes(100)), "is not unpickled"),
        ("a.safetensors", truncated, "get it again"),
        ("a.safetensors", lambda p: save_file({"fc.weight": torch.zeros(2, 2)}, p), "begin with fc.weight"),
        ("weights", lambda p: save_file({"a": torch.zeros(2)}, p), "give it the suffix .safetensors"),
        ("a.safetensors", lambda p: torch.save({"a": torch.zeros(2)}, p), "give it the suffix .pt"),
        ("folder", lambda p: p.mkdir(), "it is empty; name the file of weights itself"),
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_told_by_what_it_is(
    name: str, write: Callable[[Path], object], said: str, tmp_path: Path
) -> None:
    write(tmp_path / name)
    message = refusal(tmp_path / name)
    assert said in message and name in message


def test_a_pickle_with_code_is_refused_without_running_it(tmp_path: Path) -> None:
    fuse = tmp_path / "ran"
    torch.save({"a": Fuse(fuse)}, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps({"a": Fuse(fuse)}, protocol=2))
    for name in ("a.pt", "b.pt"):
        assert "is not unpickled" in refusal(tmp_path / name)
    assert not fuse.exists()


@pytest.mark.parametrize("name", ["nothing", "runs/none/x.pt", "a\0b", "x" * 5000, "", None, 7])
def test_a_name_that_is_nothing_lists_what_ships(name: object) -> None:
    assert "give a shipped one (arc6, arc6-steady, life-steps, life5, maze8" in refusal(name)


def test_a_near_miss_is_told_what_it_was_meant_to_be() -> None:
    said = refusal("sudoko9")
    assert "no such file" in said and 'did you mean "sudoku9"?' in said


def test_a_folder_of_the_same_name_does_not_hide_what_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sudoku4").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_model("sudoku4")[0].config.length == 16


# What loading leaves alone, and what it does not look at


def test_no_random_generator_is_drawn_from(tmp_path: Path) -> None:
    save_model(tmp_path / "model", build(TransformerConfig(6, 16, width=16, heads=2)))
    states = torch.get_rng_state(), np.random.get_state()[1], random.getstate()  # type: ignore[index]
    load_model(tmp_path / "model")
    assert torch.equal(states[0], torch.get_rng_state())
    assert np.array_equal(states[1], np.random.get_state()[1])  # type: ignore[index]
    assert states[2] == random.getstate()


def test_what_the_caller_has_set_makes_no_difference(tmp_path: Path) -> None:
    """Rotary tables too, which are computed and not loaded."""
    save_model(tmp_path / "model", talkative(replace(ATTENTION, positions="rotary")))
    plain, _ = load_model(tmp_path / "model")
    other = []
    try:
        for dtype in (torch.float64, torch.float16):
            torch.set_default_dtype(dtype)
            other.append(load_model(tmp_path / "model")[0])
            assert torch.get_default_dtype() == dtype
        torch.set_default_dtype(torch.float32)
        torch.set_default_device("meta")
        other.append(load_model(tmp_path / "model")[0])
        assert torch.get_default_device().type == "meta"
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        other.append(load_model(tmp_path / "model")[0])
    expected = loop.advance(plain, loop.fresh(plain, batch(3)))[1]
    for model in other:
        for mine, theirs in zip(
            [*plain.parameters(), *plain.buffers()],
            [*model.parameters(), *model.buffers()],
            strict=True,
        ):
            assert mine.dtype == theirs.dtype and mine.device == theirs.device
            assert torch.equal(mine, theirs) and not theirs.is_inference()
        assert torch.equal(
            loop.advance(model, loop.fresh(model, batch(3)))[1].logits, expected.logits
        )


def test_a_device_that_is_none_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="a model cannot be moved to device 'gpu'") as error:
        load_model("sudoku4", "gpu")
    assert "\n" not in str(error.value)
