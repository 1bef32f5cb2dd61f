"""Models as Hugging Face's hub keeps them: a folder of model.safetensors and config.json."""

import inspect
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoints import answers
from safetensors import safe_open
from tiny import talkative

from hrm_rl.models import MODELS, config_from
from hrm_rl.models.checkpoint import CheckpointError, load_model, save_model
from hrm_rl.models.hrm import HRM
from hrm_rl.models.trm import TRM, TRMConfig


def as_the_hub_has_it(folder: Path, config: dict[str, Any]) -> HRM:
    model = talkative()
    save_model(folder / "saved", model)
    (folder / "hub").mkdir()
    (folder / "saved.safetensors").rename(folder / "hub" / "model.safetensors")
    (folder / "hub" / "config.json").write_text(json.dumps(config))
    return model


@pytest.mark.parametrize("name", ["hub", "hub/model.safetensors", "hub/model"])
@pytest.mark.parametrize("kind", [{}, {"kind": "hrm"}])
def test_a_folder_of_the_hub_is_a_checkpoint(
    name: str, kind: dict[str, str], tmp_path: Path
) -> None:
    model = as_the_hub_has_it(tmp_path, kind | asdict(talkative().config))
    back, card = load_model(tmp_path / name)
    assert back.config == model.config and card["model"]["kind"] == "hrm"
    assert torch.equal(answers(back), answers(model))


def test_a_model_of_another_library_is_refused_in_one_sentence(tmp_path: Path) -> None:
    as_the_hub_has_it(tmp_path, {"architectures": ["Bert"], "hidden_size": 8})
    with pytest.raises(CheckpointError, match=r"config\.json does not describe a model") as caught:
        load_model(tmp_path / "hub")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", MODELS)
def test_a_config_tells_its_kind_by_its_fields(kind: str) -> None:
    """huggingface_hub writes the fields alone, and reads them by the class that `__init__` names."""
    config, module = MODELS[kind]
    told = (
        {"task": "life5"}
        if kind == "stepper"
        else {"vocab": 6, "length": 112, "width": 8, "heads": 2}
    )
    one = config(**told)
    assert config_from(asdict(one)) == one
    assert inspect.signature(module.__init__).parameters["config"].annotation is config


def test_weights_say_whose_tensors_they_are(tmp_path: Path) -> None:
    save_model(tmp_path / "model", talkative())
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}


@pytest.mark.slow
def test_the_mixin_of_the_hub_saves_and_loads(tmp_path: Path) -> None:
    """Without a network: what is pushed and pulled is such a folder."""
    hub = pytest.importorskip("huggingface_hub", reason="the extra `hub` is not installed")

    class Pushed(TRM, hub.PyTorchModelHubMixin):  # type: ignore[misc]
        """As docs/ecosystem.md has it."""

    model = Pushed(TRMConfig(vocab=6, length=16, width=8, heads=2)).eval()
    model.save_pretrained(tmp_path)
    there, _ = load_model(tmp_path)
    for back in (Pushed.from_pretrained(tmp_path), there):
        assert back.config == model.config
        assert torch.equal(answers(back), answers(model))
