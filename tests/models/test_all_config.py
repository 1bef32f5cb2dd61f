"""Public checkpoints with the YAML beside them: what it says is what is built, or one sentence."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import batch
from torch import Tensor

from hrm_rl import loop
from hrm_rl.models import AnyConfig, Model, build
from hrm_rl.models.checkpoint import (
    CheckpointError,
    Guessed,
    load_model,
    save_official,
    save_tensors,
)
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.models.official import official_state
from hrm_rl.models.trm import TRMConfig

SIZE: dict[str, Any] = dict(vocab=6, length=16, width=32, heads=4, expansion=2.0, puzzle_width=32)
HRM_ARGS = dict(H_layers=1, L_layers=2, H_cycles=3, L_cycles=4, task="sudoku4")
CONFIGS: dict[str, HRMConfig | TRMConfig] = {
    "hrm": HRMConfig(**SIZE, **HRM_ARGS),
    "hrm, learned": HRMConfig(**SIZE, **HRM_ARGS, positions="learned"),
    "hrm, mlp": HRMConfig(**SIZE, **HRM_ARGS, positions="none", token_mixer="mlp"),
    "hrm, wide puzzles": HRMConfig(**SIZE | {"puzzle_width": 80}, **HRM_ARGS),
    "trm": TRMConfig(**SIZE, layers=1, H_cycles=2, L_cycles=3, puzzle_positions=5, task="sudoku4"),
    "trm, none": TRMConfig(
        **SIZE, layers=1, H_cycles=1, L_cycles=2, puzzle_positions=None, positions="none", task="sudoku4"
    ),
    "trm, mlp": TRMConfig(
        **SIZE, layers=2, H_cycles=2, L_cycles=1, puzzle_positions=7, positions="none",
        token_mixer="mlp", task="sudoku4",
    ),
}  # fmt: skip
NAMES = {
    "hrm": "hrm.hrm_act_v1@HierarchicalReasoningModel_ACTV1",
    "trm": "recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1",
}


def arch_of(config: HRMConfig | TRMConfig) -> dict[str, Any]:
    """The `arch` that the public code would have written beside such a model."""
    trm = isinstance(config, TRMConfig)
    layers = {"H_layers": 0, "L_layers": config.layers} if trm else {  # type: ignore[union-attr]
        "H_layers": config.H_layers, "L_layers": config.L_layers,  # type: ignore[union-attr]
    }  # fmt: skip
    arch = layers | {
        "name": NAMES["trm" if trm else "hrm"],
        "loss": {"name": "losses@ACTLossHead", "loss_type": "stablemax_cross_entropy"},
        "H_cycles": config.H_cycles,
        "L_cycles": config.L_cycles,
        "hidden_size": config.width,
        "num_heads": config.heads,
        "expansion": config.expansion,
        "puzzle_emb_ndim": config.puzzle_width,
        "pos_encodings": {"rotary": "rope"}.get(config.positions, config.positions),
        "mlp_t": config.token_mixer == "mlp",
        "halt_max_steps": 8,
        "halt_exploration_prob": 0.1,
        "forward_dtype": "bfloat16",
    }
    if trm:
        arch |= {"puzzle_emb_len": config.puzzle_positions or 0, "no_ACT_continue": True}  # type: ignore[union-attr]
    return arch


def model_of(config: AnyConfig) -> Model:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = build(config)
        torch.nn.init.normal_(model.q_head.weight, std=0.5)
        model.puzzle_emb.weights.normal_()
    return model.eval().requires_grad_(False)


def write(folder: Path, model: Model, *, step: int = 10, **changes: Any) -> Path:
    """A folder as the public code leaves it, with compiled names and the seq_len told by hand."""
    config: Any = model.config
    save_tensors(folder / f"step_{step}", official_state(model, compiled=True))  # type: ignore[arg-type]
    arch = arch_of(config) | {"seq_len": config.length} | changes
    told = {"arch": arch, "data_path": "data/sudoku4-aug", "lr": 1e-4, "seed": 0}
    (folder / "all_config.yaml").write_text(yaml.dump(told))
    return folder


def answers(model: Model) -> Tensor:
    slots, one = loop.advance(model, loop.fresh(model, batch(3)))
    _, two = loop.advance(model, slots)
    return torch.cat([o.logits.flatten() for o in (one, two)] + [two.q.flatten()])


def refusal(path: Path, **known: Any) -> str:
    with pytest.raises(CheckpointError) as error:
        load_model(path, **known)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_what_cannot_be_guessed_is_read_bit_for_bit(
    config: HRMConfig | TRMConfig, tmp_path: Path
) -> None:
    model = model_of(config)
    back, card = load_model(write(tmp_path, model))
    assert replace(back.config, task="sudoku4") == config  # type: ignore[type-var]
    assert torch.equal(answers(back), answers(model))
    assert card["max_segments"] == 8
    (tmp_path / "all_config.yaml").unlink()
    given = (
        {"length": 16, "puzzle_positions": 16} if isinstance(config, TRMConfig) else {"length": 16}
    )
    if config.token_mixer == "mlp":
        given.pop("puzzle_positions", None)
    with pytest.warns(Guessed) as said:
        guessed, _ = load_model(tmp_path, **given)
    assert not torch.equal(answers(guessed), answers(model))  # so the YAML was needed
    (only,) = said
    assert "H_cycles 2" in str(only.message) or "H_cycles 3" in str(only.message)


def test_the_checkpoint_of_the_highest_step_is_taken_and_said(tmp_path: Path) -> None:
    models = [model_of(replace(CONFIGS["hrm"], H_cycles=n)) for n in (1, 2, 3)]
    for step, model in zip((900, 12000, 1000), models, strict=True):
        model.lm_head.weight.mul_(step)  # type: ignore[operator,union-attr]
        write(tmp_path, model, step=step)
    (tmp_path / "step_99999_all_preds.0").write_text("")
    with pytest.warns(Guessed, match="of 3 checkpoints there, step_12000 has the highest step"):
        back, _ = load_model(tmp_path)
    assert torch.equal(back.lm_head.weight, models[1].lm_head.weight)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hidden_size": 64}, "arch.hidden_size 64 and the weights 32"),
        ({"H_layers": 3}, "arch.H_layers 3 and the weights 1"),
        ({"L_layers": 1}, "arch.L_layers 1 and the weights 2"),
        ({"puzzle_emb_ndim": 16}, "arch.puzzle_emb_ndim 16 and the weights 32"),
        ({"vocab_size": 11}, "arch.vocab_size 11 and the weights 6"),
        ({"num_puzzle_identifiers": 7}, "arch.num_puzzle_identifiers 7 and the weights 1"),
        ({"expansion": 30}, "arch.expansion 30.0 and the weights"),
        ({"pos_encodings": "learned"}, "arch.pos_encodings learned and the weights not learned"),
        ({"mlp_t": True}, "arch.mlp_t true and the weights false"),
        ({"name": NAMES["trm"]}, "arch.name TRM and the weights HRM"),
        ({"name": "recursive_reasoning.trm_singlez@X"}, "arch.name must be one of"),
        ({"rope_theta": 500.0}, "arch.rope_theta must be 10000.0, the only one supported"),
        ({"rms_norm_eps": 1e-6}, "arch.rms_norm_eps must be 1e-05, the only one supported"),
        ({"causal": True}, "arch.causal must be false"),
        ({"pos_encodings": "alibi"}, "arch.pos_encodings must be one of rope, learned, none"),
        ({"L_cycles": 10**9}, "arch.L_cycles must be a whole number in 1..1000"),
        ({"L_cycles": True}, "arch.L_cycles must be a whole number"),
        ({"L_cycles": "4"}, "arch.L_cycles must be a whole number"),
        ({"H_cycles": 1000, "L_cycles": 1000}, "a segment would run 2,001,000 blocks"),
        ({"num_heads": 3}, "width must be a multiple of 2 * heads"),
        ({"mlp_t": "yes"}, "arch.mlp_t must be true or false, got yes"),
        ({"residual_connections": True}, "arch.residual_connections is not known"),
        ({"seq_len": -1}, "arch.seq_len must be a whole number"),
        ({"halt_max_steps": 0}, "arch.halt_max_steps must be a whole number"),
    ],
)
def test_contradictions_and_what_is_not_supported_are_named(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    assert said in refusal(write(tmp_path, model_of(CONFIGS["hrm"]), **changes))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it must hold keys and values, got nothing"),
        ("- 1\n- 2\n", "it must hold keys and values"),
        ("arch: [", "line"),
        ("arch: 3\n", "it has no `arch`"),
        ("lr: 1e-4\n", "it has no `arch`"),
        ("arch: !!python/object/apply:os.getcwd []\n", "could not determine a constructor"),
        ("[" * 5000, "it is nested deeper than 20"),
        ("a: &a [1]\nb: [" + "*a, " * 30 + "]\n", "over 20 references"),
        ("#" * (1 << 21), "it has 2,097,152 bytes, of at most 1,048,576"),
        ("\0", "special characters are not allowed"),
    ],
)
def test_a_file_that_is_no_config_is_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    write(tmp_path, model_of(CONFIGS["hrm"]))
    (tmp_path / "all_config.yaml").write_text(text)
    message = refusal(tmp_path)
    assert said in message and "all_config.yaml" in message and len(message) < 600


def test_numbers_as_people_and_hydra_write_them(tmp_path: Path) -> None:
    """PyYAML takes 1e-5 for a text, since it has no dot."""
    assert yaml.safe_load("1e-5") == "1e-5"
    folder = write(tmp_path, model_of(CONFIGS["hrm"]), rope_theta=10000)
    with (tmp_path / "all_config.yaml").open("a") as file:
        file.write("extra: 1\n")
    text = (tmp_path / "all_config.yaml").read_text()
    (tmp_path / "all_config.yaml").write_text(
        text.replace("  seq_len", "  rms_norm_eps: 1e-5\n  seq_len")
    )
    assert load_model(folder)[0].config.heads == 4  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("vocab", "length", "task"), [(6, 900, "maze30"), (12, 900, "arc30"), (11, 81, "")]
)
def test_the_public_sizes_are_the_public_tasks(
    vocab: int, length: int, task: str, tmp_path: Path
) -> None:
    config = replace(CONFIGS["trm"], vocab=vocab, length=length, task="")
    folder = write(tmp_path, model_of(config))
    text = (folder / "all_config.yaml").read_text()
    text = "".join(line for line in text.splitlines(True) if "seq_len" not in line)
    (folder / "all_config.yaml").write_text(text.replace("data/sudoku4-aug", "data/x"))
    back, _ = load_model(folder)
    assert back.config == replace(config, task=task)


def test_an_ambiguous_size_asks_for_the_task(tmp_path: Path) -> None:
    config = replace(CONFIGS["hrm, learned"], task="")
    folder = write(tmp_path, model_of(config))
    text = (folder / "all_config.yaml").read_text().replace("data/sudoku4-aug", "data/x")
    (folder / "all_config.yaml").write_text(text)
    said = refusal(folder)
    assert "are those of maze4 and of sudoku4" in said and 'task="maze4"' in said
    assert load_model(folder, task="maze4")[0].config.task == "maze4"
    assert "maze5 has 25 tokens" in refusal(folder, task="maze5")
    (folder / "all_config.yaml").write_text(text.replace("data/x", "data/maze-4x4"))
    assert load_model(folder)[0].config.task == "maze4"


def test_what_does_not_add_up_is_a_sentence(tmp_path: Path) -> None:
    trm = replace(CONFIGS["trm"], positions="learned")
    save_tensors(tmp_path / "a.pt", official_state(model_of(trm)))  # type: ignore[arg-type]
    said = refusal(tmp_path / "a.pt", length=99)
    assert "21 positions, and 99 tokens leave none of them for a prefix" in said
    wide = replace(CONFIGS["hrm"], width=200)
    save_tensors(tmp_path / "b.pt", official_state(model_of(wide)))  # type: ignore[arg-type]
    assert "heads cannot be guessed for a width of 200" in refusal(tmp_path / "b.pt", length=16)
    assert 'did you mean "H_cycles"?' in refusal(tmp_path / "a.pt", length=16, H_cylces=2)


def test_a_card_and_a_yaml_that_disagree_are_refused(tmp_path: Path) -> None:
    model: Any = model_of(CONFIGS["hrm"])
    write(tmp_path, model, L_cycles=7)
    save_official(tmp_path / "step_10", model)
    assert "L_cycles 7" in refusal(tmp_path / "step_10")
    write(tmp_path, model)
    assert torch.equal(answers(load_model(tmp_path / "step_10")[0]), answers(model))


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5000), st.floats(), st.text(max_size=6),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip
ARCH = arch_of(CONFIGS["hrm"])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(key=st.sampled_from(sorted(ARCH)) | st.text(max_size=8), value=VALUES)
def test_any_value_builds_what_it_says_or_is_one_sentence(
    key: str, value: Any, tmp_path: Path
) -> None:
    write(tmp_path, model_of(CONFIGS["hrm"]), **{key: value})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Guessed)
            back, _ = load_model(tmp_path)
    except CheckpointError as error:
        assert "\n" not in str(error) and len(str(error)) < 1000
    else:
        said: Any = back.config
        fields = {"num_heads": "heads", "hidden_size": "width"}
        if hasattr(said, field := fields.get(key, key)):
            assert getattr(said, field) == value
