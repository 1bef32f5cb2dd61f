"""Files of the official code: there and back, their names, and what their shapes tell."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from checkpoints import BOTH, answers
from tiny import ATTENTION, talkative

from hrm_rl.models.checkpoint import (
    Guessed,
    infer_config,
    load_model,
    save_official,
)
from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.models.official import PREFIX, official_state


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
