"""The ids that `gym.make` knows."""

import gymnasium
import pytest

from hrm_rl.banks.header import SHIPPED, read_header, tokens_hash
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


def test_every_bank_that_ships_has_an_id() -> None:
    """Tools that take an id alone need not run a model; they learn on one half, and ask for the other."""
    shipped = {path.parent.name for path in SHIPPED.glob("*/bank.json")}
    banks = {a["bank"]: env_id for env_id, a in ENV_ARGUMENTS.items() if "bank" in a}
    assert {f"{bank}-{split}" for bank in banks for split in ("fit", "test")} == shipped
    for bank, env_id in banks.items():
        for split, arguments in {"fit": {}, "test": {"split": "test"}}.items():
            played = gymnasium.make(env_id, **arguments).unwrapped.config.bank
            tokens = tokens_hash(played.puzzles)
            assert tokens == read_header(SHIPPED / f"{bank}-{split}").tokens
