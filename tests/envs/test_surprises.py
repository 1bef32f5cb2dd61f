"""Where outside libraries surprise (`findings/`): infos of one type, options left alone, masks."""

from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st
from in_training import MOVES, OFTEN
from in_training import make as make_training
from scripted import PUZZLES, Scripted

from hrm_rl.envs import ENV_ARGUMENTS
from hrm_rl.envs.engine import AUTORESETS
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.vector import HaltingVectorEnv

LIVE: dict[str, Any] = {"model": Scripted(), "puzzles": PUZZLES}
TRAINED = "HRMSudokuTrain-v0"
FROZEN = [env_id for env_id in ENV_ARGUMENTS if env_id != TRAINED]


def flat(info: Mapping[str, Any]) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Type and shape of every info, those of `final_info` under the names that they have now."""
    kinds = {}
    for name, value in info.items():
        if name == "final_info":
            kinds |= flat(value)
        elif name not in ("final_obs", "_final_obs", "_final_info"):
            kinds[name] = (value.dtype, tuple(value.shape))
    return kinds


def infos(env: Any, halt: float, steps: int = 7) -> Iterator[dict[str, Any]]:
    """Of a reset and of steps, which in mode Disabled are followed by resets of what is over."""
    rng = np.random.default_rng(0)
    yield env.reset(seed=0)[1]
    for _ in range(steps):
        _, _, over_N, _, info = env.step((rng.random(env.num_envs) < halt).astype(np.int64))
        yield info
        if env.metadata["autoreset_mode"] is AutoresetMode.DISABLED and over_N.any():
            yield env.reset(options={"reset_mask": over_N.copy()})[1]


def check_types(env: Any, halt: float) -> None:
    first, *later = infos(env, halt)
    kinds = flat(first)
    assert kinds and all(kind[1][:1] == (env.num_envs,) for kind in kinds.values())
    assert all(flat(info) == kinds for info in later)


@pytest.mark.parametrize("mode", AUTORESETS)
@pytest.mark.parametrize("env_id", FROZEN)
def test_infos_have_one_type_at_every_step(env_id: str, mode: str) -> None:
    """Halting at will, and never: then every end is the forced one."""
    env = gymnasium.make_vec(env_id, num_envs=2, autoreset_mode=mode, max_segments=3)
    for halt in (0.4, 0.0):
        check_types(env, halt)


def test_infos_of_a_model_in_training_have_one_type() -> None:
    """SameStep is the only mode that it has."""
    env = gymnasium.make_vec(f"hrm_rl:{TRAINED}", num_envs=2, **MOVES | OFTEN)  # type: ignore[arg-type]
    for halt in (0.4, 0.0):
        check_types(env, halt)


@pytest.mark.parametrize("env_id", FROZEN)
def test_infos_of_single_environments_have_one_type(env_id: str) -> None:
    """A SyncVectorEnv of them casts every row's to the type of the first."""
    env = gymnasium.make(env_id, max_segments=3).unwrapped

    def kinds(info: dict[str, Any]) -> dict[str, Any]:
        return {name: (type(v), getattr(v, "dtype", None), np.shape(v)) for name, v in info.items()}

    first = kinds(env.reset(seed=0)[1])
    for actions in ((0, 1), (0, 0), (1,)):
        assert kinds(env.reset()[1]) == first
        assert all(kinds(env.step(action)[4]) == first for action in actions)


@pytest.mark.parametrize("output", ["numpy", "torch"])
def test_reset_leaves_the_options_as_they_were_given(output: str) -> None:
    """Used twice, the dict resets the same row twice, and the other row thinks on."""
    env = HaltingVectorEnv(2, autoreset_mode="Disabled", output=output, **LIVE)
    mask, puzzle = np.array([True, False]), [3, 5]
    options = {"reset_mask": mask, "puzzle": puzzle}
    env.reset(seed=0)
    for turn in range(1, 3):
        env.step(np.zeros(2, np.int64))
        env.reset(options=options)
        moment = env.engine.moment
        assert moment is not None and moment.look.m_B.tolist() == [1, turn + 1]
    assert list(options) == ["reset_mask", "puzzle"]
    assert options["reset_mask"] is mask and options["puzzle"] is puzzle
    assert mask.tolist() == [True, False] and puzzle == [3, 5]


@given(
    mode=st.sampled_from(AUTORESETS),
    last=st.integers(2, 4),
    halt=st.sampled_from([0.0, 0.3, 1.0]),
    data=st.data(),
)
@settings(max_examples=25)
def test_every_mask_allows_an_action(
    mode: str, last: int, halt: float, data: st.DataObject
) -> None:
    """An empty one would mean an even draw to sb3-contrib. Rows that an info isn't about are zero."""
    first = data.draw(st.integers(1, last), label="min_segments")
    segments = {"max_segments": last, "min_segments": first}
    env = HaltingVectorEnv(3, autoreset_mode=mode, **LIVE, **segments)
    for info in infos(env, halt):
        assert env.action_masks().any(1).all()
        assert info["action_mask"][info["_action_mask"]].any(1).all()
        if "final_info" in info:
            final = info["final_info"]
            assert final["action_mask"][final["_action_mask"]].any(1).all()


@pytest.mark.parametrize("first", [1, 2, 4])
def test_every_mask_of_a_single_environment_allows_an_action(first: int) -> None:
    """To the forced end and there, however late the minimum is."""
    env = HaltingEnv(**LIVE, max_segments=4, min_segments=first)
    _, info = env.reset(seed=0)
    over = False
    while not over:
        assert env.action_masks().any() and info["action_mask"].any()
        _, _, over, _, info = env.step(0)
    assert info["forced"] and env.action_masks().any() and info["action_mask"].any()


def test_every_mask_of_a_model_in_training_allows_an_action() -> None:
    env = make_training(3)
    for info in infos(env, 0.3):
        assert env.action_masks().any(1).all() and info["action_mask"].any(1).all()
