"""The scaling page: FLOPs counted against a closed form, bytes against real tensors, page against script."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
from loading import module_of
from tiny import ATTENTION, batch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.training.train import TrainState, train

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scaling() -> ModuleType:
    return module_of("scaling")


@pytest.mark.slow
@pytest.mark.parametrize("bootstrap", ["extra", "delayed"])
@pytest.mark.parametrize(
    ("config", "slots"),
    [
        (ATTENTION, 3),
        (replace(ATTENTION, H_layers=2, L_layers=3, H_cycles=3, L_cycles=1, vocab=9), 2),
        (replace(ATTENTION, H_cycles=3, L_cycles=4, gradient="last-cycle"), 2),
        (replace(ATTENTION, H_cycles=3, L_cycles=4, gradient="segment"), 2),
        (HRMConfig(vocab=11, length=81), 1),
        (HRMConfig(vocab=12, length=900), 2),
    ],
    ids=["tiny", "cycles", "last-cycle", "segment", "sudoku", "arc"],
)
def test_flops_are_those_counted_by_hand(
    scaling: ModuleType, config: HRMConfig, slots: int, bootstrap: str
) -> None:
    """To the last one."""
    counted = scaling.flops(config, slots, bootstrap)
    assert counted == scaling.flops_by_hand(config, slots, bootstrap)


def test_a_block_on_paper(scaling: ModuleType) -> None:
    """Width 2, one head, one position: 2 x 2 products by hand.

    A block: qkv 2 x 2 x 6 = 24, scores 2 x 2 = 4, mixture 4, output 2 x 2 x 2 = 8, SwiGLU's inner
    width is 256: gate and up 2 x 2 x 512 = 2048, down 2 x 256 x 2 = 1024; 3112 in all. A segment
    of N = T = 1 with a layer each: 6224, the output head 2 x 2 x 3 = 12, the Q-head 2 x 2 x 2 = 8:
    6244. Backward twice that, and the bootstrap another segment.
    """
    config = HRMConfig(
        vocab=3, length=1, width=2, heads=1, H_layers=1, L_layers=1, H_cycles=1, L_cycles=1,
        puzzle_width=0,
    )  # fmt: skip
    assert scaling.flops(config, 1, "extra") == 4 * 6244
    assert scaling.flops_by_hand(config, 1, "extra") == 4 * 6244


def test_bytes_kept_on_fake_tensors_are_those_of_real_ones(scaling: ModuleType) -> None:
    slots, kept = 4, dict[int, tuple[int, Tensor]]()
    config = replace(scaling.official(), model=ATTENTION, slots=slots, bootstrap="delayed")
    torch.manual_seed(0)
    model = HRM(ATTENTION)

    def pack(x: Tensor) -> Tensor:
        storage = x.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = (storage.nbytes(), x)  # x: so that no other takes its place
        return x

    with scaling.fused_attention():
        state = TrainState.assemble(config, model, lambda: batch(slots), dtype=torch.bfloat16)
        training = train(state)
        next(training)
        own = {x.untyped_storage().data_ptr() for x in model.state_dict().values()}
        with saved_tensors_hooks(pack, lambda x: x):
            next(training)
    real = sum(size for size, _ in kept.values())
    counted = scaling.traffic(ATTENTION, slots)
    assert counted.kept == pytest.approx(real, rel=0.01)
    assert counted.carry == sum(z.nbytes for z in state.slots.carry) == 2 * slots * 17 * 32 * 4


def test_parameters_are_those_reported_of_the_public_code(scaling: ModuleType) -> None:
    with torch.device("meta"):
        counts = [sum(p.numel() for p in HRM(task.model).parameters()) for task in scaling.tasks()]
    assert counts == [27_275_266, 27_270_146, 27_276_290]


@pytest.mark.slow
def test_the_page_holds_what_the_script_prints(
    scaling: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    scaling.main()
    print("\n".join(module_of("scaling_gradient").gradients()))
    printed = [line for line in capsys.readouterr().out.splitlines() if line]
    page = (ROOT / "docs" / "scaling.md").read_text().splitlines()
    assert len(printed) == 28
    assert [line for line in page if line.startswith("|")] == printed
