"""The pages of the documentation, and the blocks of code in them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WRITTEN = (
    "_build",
    "environments",
    "project",
    "weights",
)  # folders of docs/ that `make docs` writes
DOCS = [page for page in sorted(ROOT.glob("docs/**/*.md")) if page.parent.name not in WRITTEN]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def name_of(page: Path) -> str:
    """`docs/rules.md`."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, kind: str) -> list[str]:
    """The fenced blocks of a kind, "python", in the order of the page."""
    text = page.read_text(encoding="utf-8")
    return [block for found, block in BLOCK.findall(text) if found == kind]
