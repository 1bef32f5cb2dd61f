"""Hierarchical Reasoning Models, and their halting as a reinforcement-learning environment.

Importing this package registers the environment ids (`gym.make("HRMSudoku-v0")`, `hrm_rl.envs`) and
imports neither torch nor pygame nor stable-baselines3; the names below load what they need.

Models       load_model("sudoku9")           a shipped one, an official file, a run folder
             save_model, HRM, HRMConfig      weights with their JSON; `hrm_rl.models` has what is not HRM
             run(config, folder)             train in a run folder; a run that lies there goes on
             PRESETS["sudoku4"]()            the configs of runs by name, to be changed and run
             train(state)                    the steps themselves, of a TrainState and a TrainConfig
             evaluate(model, puzzles, ...)   halted puzzles leave the batch

Banks        read_bank("sudoku9-test")       all segments of many puzzles, logged once
             log_bank(model, puzzles, 16)    log them oneself
             play(bank, policy)              where a policy halts on every puzzle
             outcome(bank, policy, cost)     its exact value, accuracy, segments
             score(policy, bank, ...)        the same with intervals, beside the best fixed number
             best_fixed, prophet, fit_snell  no policy needed; none can beat it; optimal stopping, fitted

Policies     rule("stable-2")                a halting rule by name; `hrm_rl.agents.rules`
             learner("ppo"), play_on(bank)   a learner by name, and the environment it takes
             register_rule, register_learner yours by name; save_policy, load_policy: fitted ones, in files
             SB3VecEnv, SB3Policy            stable-baselines3 on the environments, and back
"""

import importlib
import typing

from hrm_rl.envs import register_envs

if typing.TYPE_CHECKING:
    from hrm_rl.agents.comparison.score import score as score
    from hrm_rl.agents.learners import learner as learner
    from hrm_rl.agents.learners import register_learner as register_learner
    from hrm_rl.agents.learners.protocol import play_on as play_on
    from hrm_rl.agents.rules import register_rule as register_rule
    from hrm_rl.agents.rules import rule as rule
    from hrm_rl.agents.sb3 import SB3Policy as SB3Policy
    from hrm_rl.agents.sb3 import SB3VecEnv as SB3VecEnv
    from hrm_rl.agents.trained import load_policy as load_policy
    from hrm_rl.agents.trained import save_policy as save_policy
    from hrm_rl.banks.bank import log_bank as log_bank
    from hrm_rl.banks.bank import play as play
    from hrm_rl.banks.files import read_bank as read_bank
    from hrm_rl.evaluate import evaluate as evaluate
    from hrm_rl.models.checkpoint import load_model as load_model
    from hrm_rl.models.checkpoint import save_model as save_model
    from hrm_rl.models.hrm import HRM as HRM
    from hrm_rl.models.hrm import HRMConfig as HRMConfig
    from hrm_rl.stopping.exact import best_fixed as best_fixed
    from hrm_rl.stopping.exact import outcome as outcome
    from hrm_rl.stopping.exact import prophet as prophet
    from hrm_rl.stopping.snell import fit_snell as fit_snell
    from hrm_rl.training.config import TrainConfig as TrainConfig
    from hrm_rl.training.presets import PRESETS as PRESETS
    from hrm_rl.training.run import run as run
    from hrm_rl.training.state import TrainState as TrainState
    from hrm_rl.training.train import train as train

__version__ = "0.1.0"

_PUBLIC: typing.Final = {
    "HRM": "hrm_rl.models.hrm",
    "HRMConfig": "hrm_rl.models.hrm",
    "PRESETS": "hrm_rl.training.presets",
    "SB3Policy": "hrm_rl.agents.sb3",
    "SB3VecEnv": "hrm_rl.agents.sb3",
    "TrainConfig": "hrm_rl.training.config",
    "TrainState": "hrm_rl.training.state",
    "best_fixed": "hrm_rl.stopping.exact",
    "evaluate": "hrm_rl.evaluate",
    "fit_snell": "hrm_rl.stopping.snell",
    "learner": "hrm_rl.agents.learners",
    "load_model": "hrm_rl.models.checkpoint",
    "load_policy": "hrm_rl.agents.trained",
    "log_bank": "hrm_rl.banks.bank",
    "outcome": "hrm_rl.stopping.exact",
    "play": "hrm_rl.banks.bank",
    "play_on": "hrm_rl.agents.learners.protocol",
    "prophet": "hrm_rl.stopping.exact",
    "read_bank": "hrm_rl.banks.files",
    "register_learner": "hrm_rl.agents.learners",
    "register_rule": "hrm_rl.agents.rules",
    "rule": "hrm_rl.agents.rules",
    "run": "hrm_rl.training.run",
    "save_model": "hrm_rl.models.checkpoint",
    "save_policy": "hrm_rl.agents.trained",
    "score": "hrm_rl.agents.comparison.score",
    "train": "hrm_rl.training.train",
}
"""Public name -> the module that defines it."""


def __getattr__(name: str) -> typing.Any:
    """Load a public name from its module (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'hrm_rl' has no attribute {name!r}")
    module = importlib.import_module(_PUBLIC[name])
    value = module if module.__name__ == f"hrm_rl.{name}" else getattr(module, name)
    globals()[name] = value  # the next use does not come through here
    return value


def __dir__() -> list[str]:
    """The public names, loaded or not, and what every module has: nothing that is ours alone.

    There is no `__all__`: `help` would then print the whole of everything it names.
    """
    own = [name for name in globals() if name.startswith("__") and name not in _OURS]
    return sorted({*_PUBLIC, "register_envs", *own})


_OURS: typing.Final = ("__getattr__", "__dir__", "__builtins__", "__annotations__", "__spec__")

register_envs()
