"""The pages of the environments: each id with its own numbers, and the docstring of its class."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from hrm_rl import features
from hrm_rl.envs import ENV_ARGUMENTS
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.training import TrainingVectorEnv
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.training.presets import PRESETS

TITLES: Final = {
    "HRMSudoku-v0": "Sudoku",
    "HRMSudokuBank-v0": "Sudoku, from a bank",
    "HRMSudoku4x4-v0": "Sudoku 4x4",
    "HRMSudokuTrain-v0": "Sudoku while the model learns",
    "HRMMaze-v0": "Mazes",
    "HRMMazeBank-v0": "Mazes, from a bank",
    "HRMParity-v0": "Parity",
    "HRMARC-v0": "ARC",
    "HRMARCBank-v0": "ARC, from a bank",
    "HRMLife-v0": "Life",
    "HRMQueens-v0": "Queens",
}
OWN: Final = "HRMSudokuTrain-v0"
"""The environment with a class of its own; the others are `HaltingEnv` with other arguments."""
DESCRIBED: Final = {
    "hrm_rl.envs.halting.HaltingEnv": "halting",
    "hrm_rl.envs.vector.HaltingVectorEnv": "halting",
    "hrm_rl.envs.training.TrainingVectorEnv": OWN,
}
"""Class -> the page with its docstring, which is Markdown and no reStructuredText."""
GIFS: Final = Path(__file__).parent / "gifs"
ROW: Final = re.compile(r"^\| `(\w+)` *\| [^|]*\| ([^|]*?) *\|", re.MULTILINE)
"""A row of the table of arguments: the name, and the default."""


def pages() -> dict[str, str]:
    """File name -> text, of all ids, what they share, and the list of them."""
    own = {f"{env_id}.md": page(env_id, dict(given)) for env_id, given in ENV_ARGUMENTS.items()}
    return {**own, "halting.md": halting(), "index.md": index()}


def page(env_id: str, arguments: dict[str, str]) -> str:
    """The Markdown of an environment's page."""
    cls, facts = (TrainingVectorEnv, of_training) if env_id == OWN else (HaltingEnv, of_frozen)
    make, more = ("make_vec", ", num_envs=8") if env_id == OWN else ("make", "")
    given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    rows = "\n".join(f"| {name} | {value} |" for name, value in facts(arguments).items())
    parts = [
        f"# {TITLES[env_id]}",
        f"![{TITLES[env_id]}: an episode](../gifs/{picture(env_id).name})",
        f'```python\nimport gymnasium as gym\n\nenv = gym.{make}("hrm_rl:{env_id}"{more})\n```',
        f"The id stands for `{given}`.",
        f"| of this id | |\n| --- | --- |\n{rows}",
        with_defaults(docstring(cls), arguments).replace("hrm_rl:HRMSudoku-v0", f"hrm_rl:{env_id}"),
    ]
    return "\n\n".join(parts) + "\n"


def picture(env_id: str) -> Path:
    """An id's GIF; that of a bank is its model's, where an id thinks with that."""
    bank = ENV_ARGUMENTS[env_id].get("bank")
    of_model = (e for e, given in ENV_ARGUMENTS.items() if bank and given.get("checkpoint") == bank)
    return GIFS / f"{next(of_model, env_id)}.gif"


def of_frozen(arguments: Mapping[str, Any]) -> dict[str, str]:
    """What holds of one id alone, read off the environment itself."""
    env = HaltingEnv(**arguments)
    assert env.puzzles is not None, "only synthetic banks have none, and they have no ids"
    bank = env.config.bank
    model = bank.config if bank is not None else env.engine.segments.model.config  # type: ignore[attr-defined]
    logged = features.OBSERVATIONS if bank is None else [*bank.columns]
    there = [
        name for name in features.OBSERVATIONS if name in logged or name == "q"
    ]  # begins "scalars"
    return {
        "thinks": f"the model `{arguments['checkpoint']}`"
        if bank is None
        else "nobody: the segments were logged",
        "puzzles": f'{len(env.puzzles)} of the kind `{env.puzzles.task}`, of split "{env.config.split}"',
        **spaces(model, there),
    }


def of_training(arguments: Mapping[str, Any]) -> dict[str, str]:
    """The same of a run, whose model is new."""
    config = PRESETS[arguments["preset"]]()
    return {
        "thinks": f"a new model, made and trained as the preset `{arguments['preset']}` says",
        "puzzles": ", ".join(f"`{name}`" for name, _ in config.data),
        **spaces(config.model, features.OBSERVATIONS),
    }


def spaces(model: Any, observations: Iterable[str]) -> dict[str, str]:
    """How wide each observation is, and what V stands for."""
    wide = {name: len(features.bounds(name, model, True)[0]) for name in observations}
    others = ", ".join(
        f'{width} with `"{name}"`' for name, width in wide.items() if name != "scalars"
    )
    return {
        "observation": f"`Box({wide['scalars']},)`" + f"; {others}" * bool(others),
        "action": "`Discrete(2)`",
        "V, the vocabulary": f"{model.vocab} tokens",
    }


def with_defaults(text: str, arguments: Mapping[str, str]) -> str:
    """A docstring whose table of arguments has the defaults of one id."""

    def row(found: re.Match[str]) -> str:
        name, default = found.groups()
        own = f'`"{arguments[name]}"`' if name in arguments else "none"
        known = name in arguments or default == "of the id"
        return found[0].replace(f"| {default}", f"| {own}") if known else found[0]

    return ROW.sub(row, text)


def halting() -> str:
    """The page that the frozen environments have in common: the docstrings of their classes."""
    many = docstring(HaltingVectorEnv).replace("## ", "### ")
    lead = "`HaltingEnv`, whatever thinks and about what; the pages of the ids say it with their numbers."
    title = "# Halting: what all frozen environments share"
    return f"{title}\n\n{lead}\n\n{docstring(HaltingEnv)}\n\n## HaltingVectorEnv\n\n{many}\n"


def index() -> str:
    """The list of environments."""
    rows = [f"| [{env_id}]({env_id}.md) | {TITLES[env_id]} |" for env_id in ENV_ARGUMENTS]
    lead = "All ids but one hold a frozen model, and differ in which, and in its puzzles."
    table = "\n".join(["| id | puzzles |", "| --- | --- |", *rows])
    return listed("Environments", f"{lead}\n\n{table}", [*ENV_ARGUMENTS, "halting"])


def listed(title: str, lead: str, names: Iterable[str], level: int = 1) -> str:
    """A page that lists others, or a part of one, whose heading is of the given level."""
    lines = "\n".join(name.removesuffix(".md") for name in names)
    return f"{'#' * level} {title}\n\n{lead}\n\n:::{{toctree}}\n:maxdepth: 1\n\n{lines}\n:::\n"


def docstring(cls: type) -> str:
    """A class's description, without its indent."""
    return inspect.cleandoc(cls.__doc__ or "")
