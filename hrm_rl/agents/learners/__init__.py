"""The learners there are, by name; `protocol` says what one is, `register_learner` adds yours.

The diff of two learners shows the learning rule and nothing else: the environment, the observation,
its standardisation and the size of the network are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from inspect import signature
from typing import Any

from hrm_rl.agents.learners.protocol import Learner
from hrm_rl.checks.numbers import choice, did_you_mean, identifier
from hrm_rl.checks.plugin import is_plugin, plugin
from hrm_rl.device import shelter
from hrm_rl.halting import Policy


def learner(name: str, **settings: Any) -> Learner:
    """The learner of that name; `settings` take the place of its own.

    A learner of one's own is named by its file: "my_learner.py:fit" (`checks.plugin`), a function
    with the signature of `protocol.Learner`.

    Raises:
        ValueError: no such learner or no such setting, or it needs what is not installed.
    """
    if is_plugin(name):
        return _of_file(name, settings)
    if not isinstance(name, str) or name not in LEARNERS:
        near = did_you_mean(name, LEARNERS)
        raise ValueError(
            f'no learner "{name}"; there are {", ".join(LEARNERS)}' + f" ({near})" * bool(near)
        )
    return LEARNERS[name](**settings)


def register_learner(name: str, learn: Callable[..., Policy]) -> None:
    """Give a learner of yours a name, so that `learner(name)` and a comparison know it.

    Args:
        learn: a function like those here, `(env, *, steps, seed, progress) -> policy`. What else it
            takes, which must have defaults, are its settings.

    Raises:
        ValueError: a name that is taken or no word, or what is no such function.
    """
    identifier("a learner", name, LEARNERS)
    if not callable(learn):
        raise ValueError(f'"{name}" must be a function that learns, got {learn!r:.60}')
    parameters = signature(learn).parameters
    if missing := [word for word in _EVERY if word not in parameters]:
        raise ValueError(
            f'"{name}" must take {", ".join(_EVERY)} by name, as `learners.exact_pg.learn` does, '
            f"and lacks {missing[0]}"
        )
    needed = [p.name for p in parameters.values() if p.default is p.empty and p.name not in _EVERY]
    if needed:
        raise ValueError(f'settings of "{name}" must have defaults, and {needed[0]} has none')
    LEARNERS[name] = lambda **settings: _set(name, learn, settings)


def _of_file(name: str, settings: dict[str, Any]) -> Learner:
    """The function of a user's own file, which must take what learners are given."""
    fit = plugin(name)
    takes = set(signature(fit).parameters) if callable(fit) else set()
    if not {"steps", "seed"} <= takes or len(takes) < 3:
        raise ValueError(
            f"{name} is no learner: it must be a function of (env, *, steps, seed, progress) that "
            f"returns a policy, got {fit!r:.60}"
        )
    for setting in settings:
        choice(f"a setting of {name}", setting, takes - set(_EVERY))
    return partial(fit, **settings)


def _own(module: str) -> Callable[..., Learner]:
    """What makes a learner of `hrm_rl.agents.learners.<module>.learn`, sheltered from a caller's autocast."""

    def make(**settings: Any) -> Learner:
        learn = import_module(f"hrm_rl.agents.learners.{module}").learn
        return _set(module, shelter(gradients=True)(learn), settings)

    return make


def _set(name: str, learn: Callable[..., Policy], settings: dict[str, Any]) -> Learner:
    """The function with its settings.

    Raises:
        ValueError: it has no setting of a name.
    """
    there = [word for word in signature(learn).parameters if word not in _EVERY]
    for word in settings:
        choice(f"a setting of {name}", word, there)
    return partial(learn, **settings)


_EVERY = ("env", "steps", "seed", "progress")
_ACTOR = {"entropy": 0.03, "normalize_advantage": False}
"""As in `exact_pg`: a bonus that falls to 0, beside advantages as they are. Divided by their deviation
they are several times as large, and the bonus would have to be, or nobody learns to give up."""


def _ppo(**settings: Any) -> Learner:
    from stable_baselines3 import PPO

    from hrm_rl.agents.learners.sb3 import sb3_learner

    defaults = {"rollout": 1024, "batch_size": 256, "n_epochs": 6, "learning_rate": 3e-3}
    return sb3_learner(PPO, **{**defaults, **_ACTOR, **settings})


def _a2c(**settings: Any) -> Learner:
    from stable_baselines3 import A2C

    from hrm_rl.agents.learners.sb3 import sb3_learner

    # RMSprop is SB3's own; with Adam the coins are too sure before it is found out when to give up
    defaults = {"rollout": 256, "gae_lambda": 0.95, "learning_rate": 2e-3, "entropy": 0.1}
    return sb3_learner(A2C, **{**defaults, **settings})


def _dqn(**settings: Any) -> Learner:
    from stable_baselines3 import DQN

    from hrm_rl.agents.learners.sb3 import sb3_learner

    defaults = {
        "learning_rate": 1e-3,
        "buffer_size": 50_000,
        "learning_starts": 1000,
        "batch_size": 256,
        "gradient_steps": 16,
        "target_update_interval": 1000,
        "exploration_initial_eps": 0.2,
        "exploration_final_eps": 0.02,
        "train_freq": 1,
    }
    return sb3_learner(DQN, **{**defaults, **settings})


def _recurrent_ppo(**settings: Any) -> Learner:
    try:
        from hrm_rl.agents.learners.recurrent_ppo import recurrent_ppo
    except ModuleNotFoundError as error:
        raise ValueError(
            f"recurrent_ppo needs sb3-contrib ({error}); install hrm-rl[contrib]"
        ) from error

    defaults = {"rollout": 1024, "batch_size": 256, "n_epochs": 6, "learning_rate": 3e-3}
    return recurrent_ppo(**{**defaults, **_ACTOR, **settings})


LEARNERS: dict[str, Callable[..., Learner]] = {
    "act_q": _own("act_q"),
    "halt_bce": _own("halt_bce"),
    "ppo": _ppo,
    "a2c": _a2c,
    "dqn": _dqn,
    "recurrent_ppo": _recurrent_ppo,
    "full_q": _own("full_q"),
    "fqi": _own("fqi"),
    "lsmc": _own("lsmc"),
    "tvr": _own("tvr"),
    "exact_pg": _own("exact_pg"),
    "recurrent_pg": _own("recurrent_pg"),
    "reinforce": _own("reinforce"),
    "grpo": _own("grpo"),
    "ponder": _own("ponder"),
    "graves": _own("graves"),
    "probe": _own("probe"),
    "hazard": _own("hazard"),
    "reforc": _own("reforc"),
    "conformal": _own("conformal"),
    "conditional": _own("conditional"),
    "e_process": _own("e_process"),
    "uat": _own("uat"),
}
"""Name -> what makes the learner; stable-baselines3 is imported only by those that need it.

The first six play, the others take full feedback from the bank (`inputs.logged`)."""
