"""The tutorial as a notebook: docs/tutorial.ipynb of docs/tutorial.md, with what its code prints here.

    python scripts/tutorial_notebook.py    # seconds of one core; after new weights, banks or words

Text becomes cells of Markdown, each block of Python a cell that is run; the block of text behind it, which
shows what it prints, and the line that announces that, give way to what it did print. Cells share names, as
in a notebook. Written as JSON, so that no package is needed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

from hrm_rl.models.tensorfile import write_atomically

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, NOTEBOOK = DOCS / "tutorial.md", DOCS / "tutorial.ipynb"
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```\n?", re.DOTALL | re.MULTILINE)
ITSELF = re.compile(r"^This page as a notebook.*\n\n?", re.MULTILINE)
"""What a page says of its notebook, which the notebook need not say."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=NOTEBOOK)
    args = parser.parse_args(arguments)
    text = json.dumps(notebook(PAGE.read_text(encoding="utf-8")), indent=1, ensure_ascii=False)
    write_atomically(args.out, f"{text}\n".encode())
    print(args.out)


def notebook(page: str) -> dict[str, Any]:
    """The notebook (format 4.5) of a page, its code run from top to bottom in one fresh namespace."""
    names: dict[str, Any] = {"__name__": "__main__"}
    cells: list[dict[str, Any]] = []
    for kind, source in parts(page):
        if kind == "python":
            count = 1 + sum(cell["cell_type"] == "code" for cell in cells)
            cells.append(_code(source, count, printed(source, names)))
        else:
            cells.append({"cell_type": "markdown", "metadata": {}, "source": _lines(source)})
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    about = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}


def parts(page: str) -> list[tuple[str, str]]:
    """The page as ("markdown" | "python", source) in its order, without what its code prints."""
    found: list[tuple[str, str]] = []
    at = 0
    page = ITSELF.sub("", page)
    for block in BLOCK.finditer(page):
        before = page[at : block.start()].strip()
        if block[1] == "python":
            found += [("markdown", before), ("python", block[2].strip())]
        else:
            found.append(
                ("markdown", before.rpartition("\n\n")[0] if before[-1:] == ":" else before)
            )
        at = block.end()
    found.append(("markdown", page[at:].strip()))
    return [(kind, source) for kind, source in found if source]


def printed(source: str, names: dict[str, Any]) -> str:
    """What the code prints; what it defines stays in `names`."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(source, PAGE.name, "exec"), names)
    return out.getvalue()


def _code(source: str, count: int, output: str) -> dict[str, Any]:
    stream = {"name": "stdout", "output_type": "stream", "text": _lines(output)}
    return {
        "cell_type": "code",
        "execution_count": count,
        "metadata": {},
        "outputs": [stream] if output else [],
        "source": _lines(source),
    }


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    main()
