"""The study of noise: its figures by hand, its looks beside the plain loop, and its table."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest
import torch
from loading import module_of
from scripted import PUZZLES
from tiny import talkative

from hrm_rl.inside.copies import tries


@pytest.fixture(scope="module")
def noise() -> ModuleType:
    return module_of("noise")


def test_where_it_halts_by_hand(noise: ModuleType) -> None:
    """Sure at 2 and right; sure at 1 and wrong until later; never sure, and right at the end."""
    right_MP = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 1]], dtype=torch.bool)
    sure_MP = torch.tensor([[0, 1, 0], [1, 0, 0], [1, 1, 0]], dtype=torch.bool)
    halted_P, segments = noise.halting(right_MP, sure_MP)
    assert halted_P.tolist() == [True, False, True]
    assert segments == 2.0


def test_looks_come_one_after_another(noise: ModuleType) -> None:
    """Five segments hold two looks of two; what a look found is kept."""
    model = talkative(seed=1)
    row = noise.looked(model, PUZZLES, 5, 2, seed=3)
    found = tries(model, PUZZLES, 2, 2, "symmetry", 3).verified_MPK
    first_MP, second_MP = found.unbind(2)
    plain_MP = torch.cat([first_MP, second_MP]).cummax(0).values
    assert row.name == "2 looks of 2"
    assert torch.equal(row.right_MP, plain_MP)
    assert torch.equal(row.halted_P, plain_MP[-1])


def test_a_study_is_a_table(noise: ModuleType) -> None:
    """Without noise a row is the plain puzzle, whatever the seed; with noise the seed decides."""
    model = talkative()
    stirred = type(model)(replace(model.config, noise=0.5)).eval()
    stirred.load_state_dict(model.state_dict())
    alike = [noise.thought("none", model, PUZZLES, 5, seed) for seed in (0, 1)]
    assert torch.equal(alike[0].right_MP, alike[1].right_MP)
    rows = [alike[0], noise.thought("noise 0.5", stirred, PUZZLES, 5, 0)]
    head, _, first, second = noise.table("toys", rows)
    assert head == "| toys | 4 | 5 | Q_halt > 0.5 | less the first, after 5 |"
    assert first.startswith("| none | 0.0% | 0.0% | 0.0% at ") and first.endswith("|  |")
    assert second.endswith("| +0.0 [+0.0, +0.0] |")


def test_gains_are_paired(noise: ModuleType) -> None:
    """Of four puzzles two more are right: half of them, and the interval of those four differences."""
    none_MP = torch.zeros(1, 4, dtype=torch.bool)
    some_MP = torch.tensor([[1, 1, 0, 0]], dtype=torch.bool)
    rows = [noise.Row("a", none_MP, none_MP[0], 1.0), noise.Row("b", some_MP, some_MP[0], 1.0)]
    *_, last = noise.table("toys", rows)
    # deviation of the mean: sqrt(1/3 / 4) = 0.2887, times t of 3 degrees, 3.1824
    assert last == "| b | 50.0% | 50.0% at 1.0 | +50.0 [-41.9, +141.9] |"
