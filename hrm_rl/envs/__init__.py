"""The environments: halting as an MDP, and the table of registered ids.

Ids are registered with string entry points, so that this module stays cheap: torch, pygame and
the model are imported when an environment is made.
"""

if __name__ != "hrm_rl.envs":
    raise ImportError(f"this package is hrm_rl.envs, not {__name__}: write `import hrm_rl.envs`")

import os
import sys
from types import MappingProxyType
from typing import Final

import gymnasium

ENV_ARGUMENTS: Final = MappingProxyType(
    {
        "HRMSudoku-v0": {"checkpoint": "sudoku9", "task": "sudoku"},
        "HRMSudokuBank-v0": {"bank": "sudoku9", "task": "sudoku"},
        "HRMSudoku4x4-v0": {"checkpoint": "sudoku4", "task": "sudoku4"},
        "HRMSudokuTrain-v0": {"preset": "sudoku4", "task": "sudoku"},
        "HRMMaze-v0": {"checkpoint": "maze8", "task": "maze"},
        "HRMMazeBank-v0": {"bank": "maze8", "task": "maze"},
        "HRMParity-v0": {"checkpoint": "parity-steps", "task": "parity"},
        "HRMARC-v0": {"checkpoint": "arc6-steady", "task": "arc"},
        "HRMARCBank-v0": {"bank": "arc6", "task": "arc"},
        "HRMLife-v0": {"checkpoint": "life-steps", "task": "life"},
        "HRMQueens-v0": {"checkpoint": "queens8", "task": "queens"},
    }
)
"""Every registered id and the constructor arguments that it stands for.

A bank that ships has an id of its own, for tools that take an id alone: its "fit" half, which is what
agents are fitted on; `split="test"` asks for the other, which they are scored on.
"""

_FROZEN: Final = ("hrm_rl.envs.halting:HaltingEnv", "hrm_rl.envs.vector:HaltingVectorEnv")
_TRAINED: Final = ("hrm_rl.envs.training:refuse", "hrm_rl.envs.training:TrainingVectorEnv")
_ENTRY_POINTS: Final = MappingProxyType({"HRMSudokuTrain-v0": _TRAINED})
"""What `make` and `make_vec` call, for the ids whose model is not frozen."""


def register_envs() -> None:
    """Make `gymnasium.make` and `make_vec` know every id of `ENV_ARGUMENTS`; safe to repeat.

    No `max_episode_steps`: the forced halt at `max_segments` is the MDP's own end, not a limit
    from outside it.
    """
    for env_id, arguments in ENV_ARGUMENTS.items():
        if env_id not in gymnasium.registry:
            single, vector = _ENTRY_POINTS.get(env_id, _FROZEN)
            gymnasium.register(
                env_id, entry_point=single, vector_entry_point=vector, kwargs=dict(arguments)
            )


def _one_thread() -> None:
    """A forked child has none of its parent's OpenMP threads, and torch would wait for them for ever."""
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "set_num_threads"):
        torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # POSIX; `AsyncVectorEnv` forks on Linux
    os.register_at_fork(after_in_child=_one_thread)
