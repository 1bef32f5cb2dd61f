"""Weights on disk: there and back, official files, and one sentence for all that is none."""

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tiny import ATTENTION, MLP, batch, talkative
from torch import Tensor

from hrm_rl import loop
from hrm_rl.models.checkpoint import (
    CheckpointError,
    Guessed,
    infer_config,
    load_model,
    save_model,
    save_official,
)
from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.models.official import PREFIX, official_state

BOTH = pytest.mark.parametrize("config", [ATTENTION, MLP], ids=["attention", "mlp"])


def answers(model: HRM) -> Tensor:
    """Logits and Q of two segments."""
    slots, one = loop.advance(model, loop.fresh(model, batch(3)))
    _, two = loop.advance(model, slots)
    return torch.cat([output.logits.flatten() for output in (one, two)] + [two.q.flatten()])


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


@BOTH
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", ["step_52080", "model.pt", "model.safetensors"])
def test_official_files_there_and_back(
    config: HRMConfig, compiled: bool, name: str, tmp_path: Path
) -> None:
    config = replace(config, heads=1, expansion=4.0)  # what the shapes tell of this width
    model = talkative(config)
    save_official(tmp_path / name, model, compiled=compiled)
    (card,) = tmp_path.glob("*.json")
    with_card, _ = load_model(tmp_path / name)
    card.unlink()
    with pytest.warns(Guessed, match="H_cycles 2, L_cycles 2"):
        without, said = load_model(tmp_path / name, length=16)
    for back in (with_card, without):
        assert back.config == replace(model.config, puzzle_width=back.config.puzzle_width)
        assert torch.equal(answers(back), answers(model))
    assert said == {}


def test_official_names_are_those_of_the_public_code(tmp_path: Path) -> None:
    model = talkative(replace(ATTENTION, positions="learned"))
    plain, compiled = official_state(model), official_state(model, compiled=True)
    assert set(compiled) == {f"_orig_mod.{name}" for name in plain}
    block = ("self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj", "mlp.down_proj")
    assert set(plain) == {
        f"model.inner.{name}"
        for name in (
            "H_init",
            "L_init",
            "embed_tokens.embedding_weight",
            "embed_pos.embedding_weight",
            "puzzle_emb.weights",
            "lm_head.weight",
            "q_head.weight",
            "q_head.bias",
            *(f"{level}_level.layers.0.{part}.weight" for level in "HL" for part in block),
        )
    }


def test_initial_states_in_bfloat16_as_the_public_code_keeps_them(tmp_path: Path) -> None:
    model = talkative(replace(ATTENTION, heads=1, expansion=4.0))
    save_official(tmp_path / "model.pt", model, init_dtype=torch.bfloat16)
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    assert state[f"{PREFIX}H_init"].dtype == torch.bfloat16
    assert state[f"{PREFIX}lm_head.weight"].dtype == torch.float32
    back, _ = load_model(tmp_path / "model.pt")
    assert back.H_init.dtype == torch.float32
    assert torch.equal(back.H_init, model.H_init.bfloat16().float())


def test_a_model_without_prefix_has_no_puzzle_embedding_there(tmp_path: Path) -> None:
    model = talkative(replace(ATTENTION, heads=1, puzzle_width=0))
    assert not any("puzzle_emb" in name for name in official_state(model))
    save_official(tmp_path / "model.pt", model)
    assert torch.equal(answers(load_model(tmp_path / "model.pt")[0]), answers(model))


OFFICIAL = {
    "sudoku": HRMConfig(vocab=11, length=81),
    "sudoku, learned": HRMConfig(vocab=11, length=81, positions="learned"),
    "maze": HRMConfig(vocab=6, length=900),
    "arc": HRMConfig(vocab=12, length=900, puzzle_ids=1000),
    "mlp_t": HRMConfig(vocab=11, length=81, token_mixer="mlp", positions="none"),
    "no prefix": HRMConfig(vocab=11, length=81, puzzle_width=0),
    "deep": HRMConfig(vocab=11, length=81, H_layers=12, L_layers=1),
}


@pytest.mark.parametrize("config", OFFICIAL.values(), ids=OFFICIAL)
def test_the_architecture_is_inferred_from_the_shapes(config: HRMConfig) -> None:
    with torch.device("meta"):
        state = HRM(config).state_dict()
    inferred = infer_config(state)
    width = config.width if config.puzzle_width is None else config.puzzle_width
    assert inferred == replace(config, puzzle_width=width)
    assert infer_config(state, L_cycles=8).L_cycles == 8


def test_the_official_sudoku_checkpoint_has_39_tensors() -> None:
    with torch.device("meta"):
        state = official_state(HRM(OFFICIAL["sudoku"]), compiled=True)
    assert len(state) == 39
    assert all(name.startswith("_orig_mod.model.inner.") for name in state)


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
