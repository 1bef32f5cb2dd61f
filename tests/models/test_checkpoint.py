"""Weights on disk: there and back, and one sentence for all that is none."""

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoints import BOTH, answers
from safetensors.torch import save_file
from tiny import ATTENTION, MLP, talkative
from torch import Tensor

from hrm_rl.models.checkpoint import (
    CheckpointError,
    Guessed,
    load_model,
    save_model,
    save_official,
)
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.models.official import PREFIX, official_state


def failure(path: Path, **known: Any) -> str:
    """What `load_model` says of a file, which is one sentence that names it."""
    with pytest.raises(CheckpointError) as error:
        load_model(path, **known)
    text = str(error.value)
    assert "\n" not in text
    assert path.name in text
    return text


@BOTH
@pytest.mark.parametrize("name", ["model", "model.safetensors", "sub/with.dots-0.5"])
def test_a_saved_model_comes_back(config: HRMConfig, name: str, tmp_path: Path) -> None:
    model = talkative(replace(config, H_cycles=3, heads=4))
    save_model(tmp_path / name, model, {"accuracy": 0.5})
    back, card = load_model(tmp_path / name)
    assert back.config == model.config
    assert card["accuracy"] == 0.5
    assert torch.equal(answers(back), answers(model))
    assert not back.training
    assert not any(p.requires_grad for p in back.parameters())


def test_loading_leaves_the_random_state_alone(tmp_path: Path) -> None:
    save_model(tmp_path / "model", talkative())
    before = torch.get_rng_state()
    load_model(tmp_path / "model")
    assert torch.equal(torch.get_rng_state(), before)


def test_files_can_be_read_by_others(tmp_path: Path) -> None:
    """Shipped weights are read by whoever uses the package, not only by who installed it."""
    (tmp_path / "plain").write_text("")
    save_model(tmp_path / "model", talkative())
    wanted = (tmp_path / "plain").stat().st_mode
    assert (tmp_path / "model.safetensors").stat().st_mode == wanted
    assert (tmp_path / "model.json").stat().st_mode == wanted
    assert len(list(tmp_path.iterdir())) == 3


# Official files


def test_known_fields_override_the_card(tmp_path: Path) -> None:
    save_model(tmp_path / "model", talkative())
    model, card = load_model(tmp_path / "model", H_cycles=5)
    assert model.config.H_cycles == card["model"]["H_cycles"] == 5


# What is no checkpoint


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("write", ["torch", "pickle"])
def test_code_in_a_pickle_is_refused_and_not_run(write: str, tmp_path: Path) -> None:
    path, fuse = tmp_path / "model.pt", tmp_path / "executed"
    state = {"model.inner.H_init": Bomb(fuse)}
    if write == "torch":
        torch.save(state, path)
    else:
        path.write_bytes(pickle.dumps(state))
    assert "is not unpickled" in failure(path)
    assert not fuse.exists()
    pickle.loads(pickle.dumps(Bomb(fuse)))
    assert fuse.exists()  # the bomb was live


@pytest.mark.parametrize("name", ["model.pt", "model.safetensors"])
@pytest.mark.parametrize("keep", [0, 10, 1000])
def test_a_truncated_file_says_so(name: str, keep: int, tmp_path: Path) -> None:
    path = tmp_path / name
    save_official(path, talkative())
    path.write_bytes(path.read_bytes()[:keep])
    assert "get it again" in failure(path) or "is not unpickled" in failure(path)


def spoilt(change: Callable[[dict[str, Tensor]], object], path: Path) -> Path:
    """An official file of a tiny model after a change to its tensors."""
    state = {k: v.clone() for k, v in official_state(talkative(replace(MLP, heads=1))).items()}
    change(state)
    torch.save(state, path)
    return path


def loses_half_of_H(state: dict[str, Tensor]) -> None:
    del state[f"{PREFIX}H_level.layers.0.mlp.down_proj.weight"]


def loses_H(state: dict[str, Tensor]) -> None:
    for name in [name for name in state if "H_level" in name]:
        del state[name]


def loses_init(state: dict[str, Tensor]) -> None:
    del state[f"{PREFIX}H_init"]


def bends(state: dict[str, Tensor]) -> None:
    state[f"{PREFIX}lm_head.weight"] = torch.zeros(6, 31)


def flattens(state: dict[str, Tensor]) -> None:
    state[f"{PREFIX}embed_tokens.embedding_weight"] = torch.zeros(6)


def brings_a_friend(state: dict[str, Tensor]) -> None:
    state[f"{PREFIX}friend"] = torch.zeros(1)


def is_another_model(state: dict[str, Tensor]) -> None:
    state.clear()
    state["fc.weight"] = torch.zeros(3, 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (loses_half_of_H, "it has no H_level.layers.0.mlp.down_proj.weight, the slow module"),
        (
            loses_H,
            "its 17 positions are a prefix and the tokens of a puzzle",
        ),  # as a TRM's would be
        (loses_init, "H_init is missing"),
        (bends, "lm_head.weight is (6, 31), not (6, 32)"),
        (flattens, "embed_tokens.embedding_weight must be a matrix, got shape (6,)"),
        (brings_a_friend, "friend does not belong there"),
        (is_another_model, "this is not an HRM state dict: it has no embed_tokens"),
    ],
)
def test_a_foreign_state_dict_is_told_by_what_is_wrong(
    change: Callable[[dict[str, Tensor]], object], said: str, tmp_path: Path
) -> None:
    assert said in failure(spoilt(change, tmp_path / "model.pt"))


def test_a_length_that_cannot_be_known_is_asked_for(tmp_path: Path) -> None:
    model = talkative(replace(ATTENTION, vocab=7, heads=1))
    path = tmp_path / "model.safetensors"
    save_file(official_state(model), path)
    assert "load_model(path, length=...)" in failure(path)
    with pytest.warns(Guessed):
        assert torch.equal(answers(load_model(path, length=16)[0]), answers(model))


@pytest.mark.parametrize("content", [{"model": talkative()}, {"a": {"b": torch.zeros(1)}}, [1]])
def test_more_than_a_state_dict_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "model.pt")
    assert "state dict alone" in failure(tmp_path / "model.pt")


def test_a_name_that_is_nothing_lists_what_there_is(tmp_path: Path) -> None:
    text = failure(tmp_path / "nothing")
    assert "give a shipped one (" in text
    assert "run folder" in text


@pytest.mark.parametrize(
    "card", ["{", "[]", "{}", json.dumps({"model": {"vocab": 6}}), json.dumps({"model": {"V": 6}})]
)
def test_a_card_that_describes_no_model_is_named(card: str, tmp_path: Path) -> None:
    save_model(tmp_path / "model", talkative())
    (tmp_path / "model.json").write_text(card)
    with pytest.raises(CheckpointError, match=r"model\.json does not describe a model") as error:
        load_model(tmp_path / "model")
    assert "\n" not in str(error.value)


def test_a_card_of_another_model_is_noticed(tmp_path: Path) -> None:
    save_model(tmp_path / "model", talkative())
    card = json.loads((tmp_path / "model.json").read_text())
    card["model"]["H_layers"] = 2
    (tmp_path / "model.json").write_text(json.dumps(card))
    assert "do not fit their config: H_level.layers.1" in failure(tmp_path / "model.safetensors")
