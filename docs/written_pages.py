"""Pages of the site that are written from elsewhere: environments from docstrings, cards of what ships."""

from __future__ import annotations

from pathlib import Path

import environment_pages

from hrm_rl.agents.trained import SHIPPED
from hrm_rl.cli.main import main as hrm_rl
from hrm_rl.envs import register_envs
from hrm_rl.models.checkpoint import WEIGHTS

MOVED = {
    "hrm_rl/weights/": "weights/",
    "hrm_rl/policies/": "weights/",
    "README.md": "index.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
}
"""What lies outside docs/ -> where it is in the site."""


def write(docs: Path) -> None:
    """Write `environments/`, `weights/` and `project/`; pages that are as they should be are left alone."""
    pages = {f"environments/{name}": text for name, text in environment_pages.pages().items()}
    cards = {path.name: path.read_text() for path in sorted(WEIGHTS.glob("*.md"))}
    policies = {path.name: path.read_text() for path in sorted(SHIPPED.glob("*.md"))}
    pages |= {f"weights/{name}": text for name, text in (cards | policies).items()}
    pages["weights/index.md"] = (
        environment_pages.listed(
            "Weights that ship", 'Each loads by name: `hrm_rl.load_model("sudoku9")`.', cards
        )
        + "\n"
        + environment_pages.listed(
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
