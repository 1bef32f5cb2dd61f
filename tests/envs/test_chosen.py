"""A puzzle by its number: `reset(options={"puzzle": 3})`, in both engines and all modes."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from scripted import PUZZLES, Scripted

from hrm_rl.banks.bank import log_bank
from hrm_rl.envs.engine import AUTORESETS
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.training import TrainingVectorEnv
from hrm_rl.envs.vector import HaltingVectorEnv

SOURCES: dict[str, dict[str, Any]] = {
    "live": {"model": Scripted(), "puzzles": PUZZLES, "max_segments": 4},
    "bank": {"bank": log_bank(Scripted(), PUZZLES, 4), "max_segments": 4},
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_chosen_puzzle_is_dealt_and_is_not_counted(source: str) -> None:
    env, other = (HaltingEnv(**SOURCES[source]) for _ in range(2))
    other.reset(seed=5)
    rest = [other.reset()[1]["puzzle_id"] for _ in range(6)]
    env.reset(seed=5)
    found = []
    for puzzle in range(6):
        assert env.reset(options={"puzzle": puzzle})[1]["puzzle_id"] == puzzle
        env.step(0)
        found.append(env.reset(options={})[1]["puzzle_id"])
    assert found == rest
    assert env.reset(seed=5, options={"puzzle": 7})[1]["puzzle_id"] == 7
    first = other.reset(seed=5)[1]["puzzle_id"]
    assert env.reset()[1]["puzzle_id"] == first


@pytest.mark.parametrize("mode", AUTORESETS)
@pytest.mark.parametrize("source", SOURCES)
def test_the_vector_environment_equals_single_ones_that_choose(source: str, mode: str) -> None:
    arguments, n, rng = SOURCES[source], 5, np.random.default_rng(0)
    native = HaltingVectorEnv(n, autoreset_mode=mode, **arguments)
    singles = SyncVectorEnv([lambda: HaltingEnv(**arguments)] * n, autoreset_mode=mode)

    def both(seed: int | None, **options: Any) -> None:
        one, two = (e.reset(seed=seed, options=dict(options)) for e in (native, singles))
        assert data_equivalence(one, two, exact=True)

    both(3, puzzle=2)
    for turn in range(24):
        actions = (rng.random(n) < 0.4).astype(np.int64)
        one, two = native.step(actions), singles.step(actions)
        assert data_equivalence(one, two, exact=True)
        if native.autoreset_mode is AutoresetMode.DISABLED and one[2].any():
            both(None, reset_mask=one[2].copy(), puzzle=turn % 8)
        elif turn % 7 == 6:
            both([None, turn, None, None, 1] if turn > 10 else None, puzzle=turn % 8)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_one_puzzle_for_each_row_and_under_a_mask(kind: Any) -> None:
    env = HaltingVectorEnv(3, autoreset_mode="Disabled", **SOURCES["bank"])
    _, info = env.reset(seed=0, options={"puzzle": kind([4, 0, 7])})
    assert info["puzzle_id"].tolist() == [4, 0, 7]
    mask = np.array([True, False, True])
    env.step(mask.astype(int))
    _, info = env.reset(options={"puzzle": kind([1, 99, 3]), "reset_mask": mask})
    assert info["puzzle_id"].tolist() == [1, 0, 3] and info["_puzzle_id"].tolist() == mask.tolist()
    assert env.step(np.zeros(3, int))[4]["puzzle_id"].tolist() == [1, 0, 3]


WRONG = [8, -1, 1.0, True, "3", [3], np.array([3]), np.nan, {}]
VECTOR_WRONG = [
    8,
    1.5,
    [1, 2],
    [[1, 2, 3]],
    [1, 2, 8],
    [0, 1, 0.5],
    np.ones(3),
    [True, 0, 0],
    "abc",
]


@pytest.mark.parametrize("puzzle", WRONG)
def test_no_such_puzzle(puzzle: Any) -> None:
    env = HaltingEnv(**SOURCES["bank"])
    with pytest.raises(
        ValueError, match=r'options\["puzzle"\] must be a whole number in 0..7, got'
    ):
        env.reset(options={"puzzle": puzzle})


@pytest.mark.parametrize("puzzle", VECTOR_WRONG)
def test_no_such_puzzles(puzzle: Any) -> None:
    env, other = (HaltingVectorEnv(3, **SOURCES["bank"]) for _ in range(2))
    other.reset(seed=1), env.reset(seed=1)
    with pytest.raises(ValueError, match=r'options\["puzzle"\].* must be'):
        env.reset(seed=2, options={"puzzle": puzzle})
    assert data_equivalence(env.reset(), other.reset(), exact=True)  # it changed nothing


def test_unknown_options_are_refused() -> None:
    frozen, arguments = HaltingVectorEnv(2, **SOURCES["bank"]), SOURCES["bank"]
    learning = TrainingVectorEnv(2, device="cpu", dtype="float32")
    wrong: list[tuple[Any, Any, str]] = [
        (
            HaltingEnv(**arguments),
            {"puzzel": 3},
            "no option of reset 'puzzel'; did you mean \"puzzle\"",
        ),
        (HaltingEnv(**arguments), {"reset_mask": np.ones(1, bool)}, "there are puzzle"),
        (HaltingEnv(**arguments), [3], "options must be a dict or None"),
        (frozen, {"reset_masks": 3}, 'did you mean "reset_mask"'),
        (frozen, 3, "options must be a dict or None"),
        (learning, {"puzzle": 3}, "is for frozen models"),
        (learning, {"anything": 3}, "no option of reset 'anything'; there are none"),
    ]
    for env, options, message in wrong:
        with pytest.raises(ValueError, match=message) as caught:
            env.reset(options=options)
        assert "\n" not in str(caught.value)
