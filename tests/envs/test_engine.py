"""The engine: which puzzle comes when, one forward of constant size, no look at the device."""

import dataclasses
from typing import Any

import pytest
import torch
from scripted import PUZZLES, Scripted, tiny_hrm

from hrm_rl.envs.dealing import draw_puzzle
from hrm_rl.envs.engine import AUTORESETS, Engine
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.segments import LiveSegments
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.models.drawn import splitmix64
from hrm_rl.models.hrm import HRM


def test_splitmix64_gives_the_published_numbers() -> None:
    """Outputs for seeds 0 and 1234567 that are the usual check of an implementation."""
    keys, counts = torch.tensor([0, 0, 0, 1234567]), torch.tensor([0, 1, 2, 0])
    outputs = [number % 2**64 for number in splitmix64(keys, counts).tolist()]
    assert outputs == [
        0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 6457827717110365317,
    ]  # fmt: skip


def test_puzzles_are_drawn_uniformly_and_independently_of_each_other() -> None:
    keys = torch.arange(4)[:, None] * 2**61 - 5
    drawn = draw_puzzle(keys.expand(4, 30_000).flatten(), torch.arange(30_000).repeat(4), 7)
    counts = drawn.view(4, -1).to(torch.int64)
    share = torch.stack([(counts == p).double().mean(1) for p in range(7)])
    assert (share - 1 / 7).abs().max() < 0.01  # five standard deviations
    repeats = (counts[:, 1:] == counts[:, :-1]).double().mean(1)
    assert (repeats - 1 / 7).abs().max() < 0.01
    assert ((counts[0] == counts[1]).double().mean() - 1 / 7).abs() < 0.01


@pytest.mark.parametrize("autoreset", AUTORESETS)
def test_one_forward_of_constant_size_per_step_and_per_reset(autoreset: str) -> None:
    model = Scripted()
    env = HaltingVectorEnv(
        7, autoreset_mode=autoreset, model=model, puzzles=PUZZLES, max_segments=4
    )
    env.reset(seed=0)
    assert model.forwards == [7]
    rows = 7 + 3 if autoreset == "SameStep" else 7  # 3 stand-ins: 7 / (4 - 1), rounded up
    generator = torch.Generator().manual_seed(0)
    for step in range(20):
        actions = torch.rand(7, generator=generator) < 0.3
        terminated = env.step(actions.numpy())[2]
        assert model.forwards[1:] == [rows] * (step + 1)
        if autoreset == "Disabled" and terminated.any():
            env.reset(options={"reset_mask": terminated})
            assert model.forwards.pop() == 7


@pytest.mark.parametrize("autoreset", AUTORESETS)
@pytest.mark.parametrize("bank", [False, True])
def test_nothing_is_read_from_the_device(autoreset: str, bank: bool) -> None:
    """Meta tensors refuse to be read, to be indexed by what they hold, and to mix with others."""
    with torch.device("meta"):
        model = HRM(tiny_hrm().config)
    arguments: dict[str, Any] = {
        "model": model,
        "puzzles": PUZZLES,
        "max_segments": 3,
        "device": "meta",
    }
    if bank:
        from hrm_rl.banks.bank import log_bank

        arguments |= {"bank": log_bank(tiny_hrm(), PUZZLES, 3), "model": None}
    env = HaltingVectorEnv(4, autoreset_mode=autoreset, output="torch", step_cost=0.1, **arguments)
    env.reset(seed=0)
    for _ in range(5):
        obs, reward, terminated, truncated, info = env.step(
            torch.ones(4, dtype=torch.int64, device="meta")
        )
        assert {t.device.type for t in (obs, reward, terminated, truncated)} == {"meta"}
        assert info["prediction"].shape == (4, 16)
    env.reset(options={"reset_mask": torch.ones(4, dtype=torch.bool).numpy()})


def test_a_slot_that_is_over_stays_there_for_nothing() -> None:
    mdp = MDP(step_cost=0.1)
    e = Engine(LiveSegments(Scripted(), PUZZLES, mdp), mdp, 2, "Disabled")
    everyone = torch.ones(2, dtype=torch.bool)
    e.seed(torch.tensor([1, 2]), everyone)
    e.reset(everyone)
    halted = e.step(torch.tensor([1, 0]))
    later = e.step(torch.tensor([0, 0]))
    assert later.terminated_N.tolist() == [True, False]
    assert later.reward_N.tolist() == [0, -0.1]
    assert torch.equal(e.show(later.now)[0][0], e.show(halted.now)[0][0])
    assert later.now.look.m_B.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"reward": "win"},
            "reward must be one of exact, token_accuracy, valid_optimal, got 'win'",
        ),
        ({"max_segments": 1}, "max_segments must be a whole number in 2..65536, got 1; with one"),
        ({"min_segments": 0}, "min_segments must be a whole number in 1..16, got 0"),
        ({"min_segments": 17}, "must be a whole number in 1..16, got 17"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        MDP(**changes)
    assert "\n" not in str(caught.value)


def test_all_documented_arguments_have_docstrings_in_the_spec_sheet() -> None:
    from hrm_rl.envs.config import HaltingConfig
    from hrm_rl.envs.halting import HaltingEnv

    for field in dataclasses.fields(HaltingConfig):
        assert f"`{field.name}`" in (HaltingEnv.__doc__ or ""), field.name
