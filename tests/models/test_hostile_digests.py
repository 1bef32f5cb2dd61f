"""Tensors that are no numbers are refused as such, even where a digest of them would be asked for."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny import talkative
from torch import Tensor

from hrm_rl.models.checkpoint import CheckpointError, load_model, save_model


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: w.to_sparse(), "is not stored number by number"),
        (lambda w: torch.zeros(1, 1).expand(32, 10**9), "the file holds less of it"),
        (lambda w: torch.empty_like(w, device="meta"), "is not stored number by number"),
    ],
)
def test_no_digest_is_taken_of_what_is_not_there(
    change: Callable[[Tensor], Tensor], said: str, tmp_path: Path
) -> None:
    model = talkative()
    save_model(tmp_path / "model", model)
    (tmp_path / "model.safetensors").unlink()
    name, weights = next(iter(model.state_dict().items()))
    torch.save(model.state_dict() | {name: change(weights)}, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match=said):
        load_model(tmp_path / "model.pt")
