"""Pages of the site that are written from elsewhere: environments from docstrings, cards of what ships."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path

from hrm_rl.agents.trained import SHIPPED
from hrm_rl.cli.main import main as hrm_rl
from hrm_rl.envs import ENV_ARGUMENTS, register_envs
from hrm_rl.models.checkpoint import WEIGHTS

TITLES = {
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
MOVED = {
    "hrm_rl/weights/": "weights/",
    "hrm_rl/policies/": "weights/",
    "README.md": "index.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
}
"""What lies outside docs/ -> where it is in the site."""
OWN = "HRMSudokuTrain-v0"
"""The environment with a class of its own; the others are `HaltingEnv` with other arguments."""


def write(docs: Path) -> None:
    """Write `environments/`, `weights/` and `project/`; pages that are as they should be are left alone."""
    pages = {f"environments/{e}.md": page(e, dict(given)) for e, given in ENV_ARGUMENTS.items()}
    pages |= {"environments/index.md": index(), "environments/halting.md": halting()}
    cards = {path.name: path.read_text() for path in sorted(WEIGHTS.glob("*.md"))}
    policies = {path.name: path.read_text() for path in sorted(SHIPPED.glob("*.md"))}
    pages |= {f"weights/{name}": text for name, text in (cards | policies).items()}
    pages["weights/index.md"] = (
        _listed("Weights that ship", 'Each loads by name: `hrm_rl.load_model("sudoku9")`.', cards)
        + "\n"
        + _listed(
            "Halting policies that ship",
            'Each stands wherever a rule is named: `hrm_rl.score("sudoku9-exact_pg", "sudoku9-test")`.',
            policies,
            level=2,
        )
    )
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        text = (docs.parent / name).read_text(encoding="utf-8")
        pages[MOVED[name]] = text.replace("](docs/", "](../").replace(
            "](README.md", "](../index.md"
        )
    register_envs()
    for name, text in pages.items():
        path = docs / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def play_on(path: Path) -> None:
    """Write the page to play on (`hrm-rl page`); ten seconds, so one that is there is kept.

    Raises:
        RuntimeError: it could not be written.
    """
    path.parent.mkdir(exist_ok=True)
    if not path.exists() and hrm_rl(["page", "--out", str(path)]):
        raise RuntimeError("the page to play on could not be made; see above")


def _listed(title: str, lead: str, names: Iterable[str], level: int = 1) -> str:
    listed = "\n".join(name.removesuffix(".md") for name in names)
    return f"{'#' * level} {title}\n\n{lead}\n\n:::{{toctree}}\n:maxdepth: 1\n\n{listed}\n:::\n"


def page(env_id: str, arguments: dict[str, object]) -> str:
    """The Markdown of an environment's page."""
    given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    make = "make_vec" if env_id == OWN else "make"
    more = ", num_envs=8" if env_id == OWN else ""
    parts = [
        f"# {TITLES[env_id]}",
        _picture(env_id),
        f'```python\nimport gymnasium as gym\n\nenv = gym.{make}("hrm_rl:{env_id}"{more})\n```',
        f"The id stands for `{given}`.",
    ]
    if env_id == OWN:
        from hrm_rl.envs.training import TrainingVectorEnv

        parts.append(_docstring(TrainingVectorEnv))
    else:
        parts.append("Actions, observations, rewards, ends and arguments: [halting](halting.md).")
    return "\n\n".join(part for part in parts if part) + "\n"


def halting() -> str:
    """The page that the frozen environments have in common: `HaltingEnv`'s docstring."""
    from hrm_rl.envs.halting import HaltingEnv

    return f"# Halting: what all frozen environments share\n\n{_docstring(HaltingEnv)}\n"


def index() -> str:
    """The list of environments."""
    rows = [f"| [{env_id}]({env_id}.md) | {TITLES[env_id]} |" for env_id in ENV_ARGUMENTS]
    lead = "All ids but one hold a frozen model, and differ in which, and in its puzzles."
    table = "\n".join(["| id | puzzles |", "| --- | --- |", *rows])
    return _listed("Environments", f"{lead}\n\n{table}", ["halting", *ENV_ARGUMENTS])


def _docstring(cls: type) -> str:
    return inspect.cleandoc(cls.__doc__ or "")


def _picture(env_id: str) -> str:
    gif = Path(__file__).parent / "gifs" / f"{env_id}.gif"
    return f"![{TITLES[env_id]}: an episode](../gifs/{gif.name})" if gif.exists() else ""
