"""Weights that are damaged are refused, and those without digests load as ever."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from damage import outcomes
from scripted import tiny_hrm

from hrm_rl.banks.header import SHIPPED as BANKS
from hrm_rl.banks.header import read_header
from hrm_rl.checks.digests import sealed
from hrm_rl.models.checkpoint import (
    WEIGHTS,
    CheckpointError,
    load_model,
    read_tensors,
    save_model,
    save_official,
)
from hrm_rl.models.digested import TENSORS

MODEL = tiny_hrm()


def same(loaded: tuple[Any, dict[str, Any]], card: dict[str, Any]) -> bool:
    """Bit for bit, and the config with it; an entry more, whose name nobody asks for, is harmless."""
    model, there = loaded
    state = model.state_dict()
    return (
        model.config == MODEL.config
        and {key: there.get(key) for key in card} == card
        and all(torch.equal(v, state[k]) for k, v in MODEL.state_dict().items())
    )


@pytest.mark.parametrize("name", ["model.safetensors", "model.pt"])
def test_a_turned_bit_is_noticed_or_harmless(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("pt"):
        save_official(path, MODEL)
    else:
        save_model(path, MODEL, {"max_segments": 8, "halting": "act_q"})
    _, card = load_model(path)
    for files, count in (([path], 60), ([tmp_path / "model.json"], 60)):
        found = outcomes(files, count, 0, lambda: load_model(path), lambda it: same(it, card))
        assert found.keys() <= {"noticed", "harmless"} and found["noticed"] > count / 2, found


def test_weights_of_another_model_beside_the_json_are_noticed(tmp_path: Path) -> None:
    save_model(tmp_path / "a", MODEL)
    other = tiny_hrm()
    other.q_head.bias += 1
    save_model(tmp_path / "b", other)
    (tmp_path / "a.safetensors").write_bytes((tmp_path / "b.safetensors").read_bytes())
    with pytest.raises(
        CheckpointError, match=r"a\.safetensors is damaged, or not .*SHA-256.*; get both"
    ):
        load_model(tmp_path / "a")
    assert torch.equal(load_model(tmp_path / "a", verify=False)[0].q_head.bias, other.q_head.bias)


def test_a_json_that_was_changed_by_hand_says_how_that_is_done(tmp_path: Path) -> None:
    save_model(tmp_path / "model", MODEL)
    path = tmp_path / "model.json"
    card = json.loads(path.read_text())
    card["model"]["L_cycles"] += 1
    path.write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match='yourself, delete the entry "sha256"'):
        load_model(tmp_path / "model")
    assert load_model(tmp_path / "model", verify=False)[0].config.L_cycles == 3
    del card["sha256"]
    path.write_text(json.dumps(card))
    assert load_model(tmp_path / "model")[0].config.L_cycles == 3


def test_weights_without_digests_load_as_ever(tmp_path: Path) -> None:
    """As those of version 0.1, of which nothing is known."""
    save_model(tmp_path / "model", MODEL, {"max_segments": 8})
    path = tmp_path / "model.json"
    card = json.loads(path.read_text())
    path.write_text(json.dumps({k: card[k] for k in ("model", "max_segments")}))
    assert load_model(tmp_path / "model")[1]["max_segments"] == 8


def test_who_is_stopped_between_json_and_weights_keeps_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(tmp_path / "model", MODEL)
    other = tiny_hrm()
    other.q_head.bias += 1
    with monkeypatch.context() as patch:
        patch.setattr("hrm_rl.models.checkpoint.save_tensors", lambda path, state: None)
        save_model(tmp_path / "model", other)
        save_model(tmp_path / "model", other)
    assert same((load_model(tmp_path / "model")[0], {}), {})
    save_model(tmp_path / "model", other)
    assert torch.equal(load_model(tmp_path / "model")[0].q_head.bias, other.q_head.bias)


@pytest.mark.parametrize("path", sorted(WEIGHTS.glob("*.json")), ids=lambda path: path.stem)
def test_what_ships_has_digests(path: Path) -> None:
    card = json.loads(path.read_text())
    assert len(card[TENSORS]) == 1 and sealed(card) == card
    load_model(path.stem)


def test_the_digest_of_weights_is_the_one_by_which_banks_know_them(tmp_path: Path) -> None:
    """As they are loaded, in single precision: they ship in half of it."""
    save_model(tmp_path / "single", load_model("sudoku9")[0])
    card = json.loads((tmp_path / "single.json").read_text())
    assert card[TENSORS] == [read_header(BANKS / "sudoku9-fit").weights]


def test_a_card_that_no_json_can_hold_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"cannot be written \(NaN is no number\); leave that"
    ):
        save_model(tmp_path / "model", MODEL, {"accuracy": float("nan")})
    assert not list(tmp_path.iterdir())


def test_who_reads_while_a_run_saves_gets_the_old_weights_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worst moment: the JSON is read, then both files are written, then the weights are read."""
    save_model(tmp_path / "model", MODEL)
    other = tiny_hrm()
    other.q_head.bias += 1

    def late(path: Path) -> dict[str, torch.Tensor]:
        monkeypatch.undo()
        save_model(tmp_path / "model", other)
        return read_tensors(path)

    monkeypatch.setattr("hrm_rl.models.checkpoint.read_tensors", late)
    assert torch.equal(load_model(tmp_path / "model")[0].q_head.bias, other.q_head.bias)
