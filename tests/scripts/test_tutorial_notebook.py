"""The notebook is the tutorial, and its outputs are what its code prints."""

from __future__ import annotations

import json
import re
from types import ModuleType
from typing import Any

import pytest
from loading import module_of

NUMBER = re.compile(r"-?\d+\.\d+")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return module_of("tutorial_notebook")


@pytest.fixture(scope="module")
def there(script: ModuleType) -> Any:
    return json.loads(script.NOTEBOOK.read_text(encoding="utf-8"))


def sources(notebook: Any, kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_its_cells_are_those_of_the_page(script: ModuleType, there: Any) -> None:
    page = script.PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert sources(there, "code") == [block.strip() for block in blocks]
    wanted = [text for kind, text in script.parts(page) if kind == "markdown"]
    assert sources(there, "markdown") == wanted and wanted[0].startswith("# Tutorial")


def test_its_outputs_come_out_again(script: ModuleType, there: Any) -> None:
    """After new weights or banks: scripts/tutorial_notebook.py. Other processors round otherwise."""
    names: dict[str, Any] = {}
    for count, cell in enumerate((c for c in there["cells"] if c["cell_type"] == "code"), 1):
        said = "".join("".join(output["text"]) for output in cell["outputs"])
        printed = script.printed("".join(cell["source"]), names)
        assert cell["execution_count"] == count
        assert NUMBER.sub("", printed).split() == NUMBER.sub("", said).split()
        ours, theirs = (list(map(float, NUMBER.findall(part))) for part in (printed, said))
        assert ours == pytest.approx(theirs, abs=0.1)  # percentages have one digit
    assert said  # the last cell prints


def test_it_is_a_notebook_of_format_4_5(there: Any) -> None:
    """What nbformat's schema of 4.5 asks for."""
    assert (there["nbformat"], there["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in there["cells"]]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[\w-]{1,64}", i) for i in ids)
    for cell in there["cells"]:
        extra = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert cell.keys() == {"cell_type", "id", "metadata", "source"} | extra


def test_cells_share_names_and_shown_outputs_give_way(script: ModuleType) -> None:
    first, second = "```python\nx = 20\n```", "```python\nprint(x + 1)\n```"
    page = f"# A\n\n{first}\n\nthen\n\n{second}\n\nprints:\n\n```text\n42\n```\nend\n"
    made = script.notebook(page)
    assert sources(made, "markdown") == ["# A", "then", "end"]
    assert sources(made, "code") == ["x = 20", "print(x + 1)"]
    outputs = [cell["outputs"] for cell in made["cells"] if cell["cell_type"] == "code"]
    assert outputs == [[], [{"name": "stdout", "output_type": "stream", "text": ["21\n"]}]]
