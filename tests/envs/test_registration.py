"""The ids that `gym.make` knows."""

import gymnasium
import pytest

from hrm_rl.envs import ENV_ARGUMENTS, register_envs


def test_registering_twice_changes_nothing() -> None:
    before = {env_id: gymnasium.spec(env_id) for env_id in ENV_ARGUMENTS}
    register_envs()
    assert all(gymnasium.spec(env_id) is spec for env_id, spec in before.items())


@pytest.mark.parametrize("env_id", sorted(ENV_ARGUMENTS))
def test_registered_as_strings_and_without_a_time_limit(env_id: str) -> None:
    spec = gymnasium.spec(env_id)
    assert spec.max_episode_steps is None  # the forced halt is the MDP's own end
    assert spec.kwargs == ENV_ARGUMENTS[env_id]
    assert gymnasium.envs.registration.EnvSpec.from_json(spec.to_json()) == spec
