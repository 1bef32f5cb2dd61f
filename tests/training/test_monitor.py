"""Runs that diverge: what is not finite is named, and the last checkpoint stays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import finish, one_sentence
from tiny import tiny_run

from hrm_rl.training import run as run_module
from hrm_rl.training.monitor import Diverged
from hrm_rl.training.run import run
from hrm_rl.training.train import TrainState, train


def spoil_weight(state: TrainState) -> None:
    with torch.no_grad():
        state.model.lm_head.weight[0, 0] = float("nan")


def spoil_carry(state: TrainState) -> None:
    state.slots.carry.z_L[0, 0, 0] = float("inf")


def spoil_gradient(state: TrainState) -> None:
    state.model.q_head.bias.register_hook(lambda grad: grad * float("inf"))


@pytest.mark.parametrize(
    ("spoil", "after", "said"),
    [
        (spoil_weight, 6, "step 7: lm_head.weight is not finite"),
        (spoil_carry, 7, "step 8: lm_loss, q_halt_loss, q_continue_loss are not finite"),
        (spoil_gradient, 5, "step 6: the gradient of q_head.bias is not finite"),
        (spoil_weight, 8, "step 8: model.lm_head.weight is not finite"),
        (spoil_carry, 8, "step 8: slots.z_L is not finite"),
    ],
)
def test_what_is_not_finite_stops_the_run_and_is_named(
    spoil: Any, after: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was spoilt, the checkpoint of step 4 stays and loads."""

    def spoilt(state: TrainState) -> Iterator[dict[str, torch.Tensor]]:
        for sums in train(state):
            if state.step == after:
                spoil(state)
            yield sums

    monkeypatch.setattr(run_module, "train", spoilt)
    seen = []
    with pytest.raises(Diverged) as error:
        seen.extend(run(tiny_run(bootstrap="delayed"), tmp_path))
    assert one_sentence(error).startswith(said)
    assert f'init="{tmp_path}"' in str(error.value)
    monkeypatch.undo()
    assert [m["step"] for m in run(tiny_run(bootstrap="delayed"), tmp_path)] == [6, 8, 10, 12]


def test_a_run_that_diverges_at_once_has_no_weights_to_offer(tmp_path: Path) -> None:
    with pytest.raises(Diverged, match="begin a new run with a lower lr"):
        finish(tiny_run(lr=1e30, warmup=0), tmp_path)
