"""A bank and a live model are one environment: no policy can tell which it plays on."""

from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from scripted import tiny_hrm

from hrm_rl.banks.files import log_to
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.models.checkpoint import save_model
from hrm_rl.puzzles import load


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An untrained model on 512 puzzles, on disk as a bank and as a checkpoint."""
    path, puzzles = tmp_path_factory.mktemp("many"), load("sudoku4", "test").take(range(512))
    save_model(path / "tiny", tiny_hrm())
    log_to(path / "bank", tiny_hrm(), puzzles, 7, batch_size=64)
    return {"bank": str(path / "bank"), "model": tiny_hrm(), "puzzles": puzzles}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "reward"),
    [("NextStep", "exact"), ("SameStep", "token_accuracy"), ("Disabled", "exact")],
)
def test_random_policies_cannot_tell_a_bank_from_the_model(
    many: dict[str, Any], mode: str, reward: str
) -> None:
    """Rewards, ends and infos are the same, observations to 1e-5: 20 policies, 512 puzzles."""
    settings = {"autoreset_mode": mode, "reward": reward, "step_cost": 0.03, "max_segments": 6}
    live = HaltingVectorEnv(100, model=many["model"], puzzles=many["puzzles"], **settings)
    fast = HaltingVectorEnv(100, bank=many["bank"], **settings)
    assert live.observation_space == fast.observation_space
    rng, seen = np.random.default_rng(0), set[int]()
    for policy in range(20):
        halt_M = rng.random(7)  # a probability for each segment
        (obs, info), other = (env.reset(seed=100 * policy) for env in (live, fast))
        assert_alike((obs, info), other)
        for _ in range(8):
            actions = (rng.random(100) < halt_M[info["segment"]]).astype(int)
            one, two = live.step(actions), fast.step(actions)
            assert_alike(one, two)
            info = one[4]
            seen |= set(info["puzzle_id"].tolist())
            if mode == "Disabled" and one[2].any():
                mask = {"reset_mask": one[2]}
                one, two = live.reset(options=mask), fast.reset(options=dict(mask))
                assert_alike(one, two)
    assert len(seen) > 500, "hardly a puzzle was not dealt"


def assert_alike(one: tuple[Any, ...], two: tuple[Any, ...]) -> None:
    """The same, but for observations, which agree to 1e-5."""
    (obs, *middle, info), (other_obs, *other_middle, other_info) = one, two
    assert np.abs(obs - other_obs).max() <= 1e-5
    assert data_equivalence(middle, other_middle, exact=True)
    finals = info.get("final_obs"), other_info.get("final_obs")
    if finals[0] is not None:
        for a, b in zip(*finals, strict=True):
            assert (a is None) == (b is None) and (a is None or np.abs(a - b).max() <= 1e-5)
    rest = ({k: v for k, v in i.items() if k != "final_obs"} for i in (info, other_info))
    assert data_equivalence(*rest, exact=True)
