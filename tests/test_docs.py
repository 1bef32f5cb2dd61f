"""What the documents show is what their code prints."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("hrm_rl/**/*.md")]
SOURCES = [*ROOT.glob("hrm_rl/**/*.py"), *ROOT.glob("scripts/*.py"), *ROOT.glob("tests/**/*.py")]
DOTTED = re.compile(r"`(hrm_rl(?:\.\w+)+)[`(]")
IMPORTED = re.compile(r"^ *from (hrm_rl[\w.]*) import ([\w, ]+)$", re.MULTILINE)
PATHS = re.compile(r"`((?:hrm_rl|scripts|tests|docs)/[\w./-]*\w)`")
NUMBER = re.compile(r"-?\d+\.\d+")


def test_the_tutorial_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "tutorial.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (said,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    exec(compile(code, "tutorial.md", "exec"), {})
    printed = capsys.readouterr().out
    assert NUMBER.sub("", printed).split() == NUMBER.sub("", said).split()
    ours, theirs = (list(map(float, NUMBER.findall(part))) for part in (printed, said))
    assert ours == pytest.approx(theirs, abs=0.1)  # percentages have one digit


def test_the_tutorial_stays_within_twenty_lines_of_code() -> None:
    text = (ROOT / "docs" / "tutorial.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    own = [line for line in code.splitlines() if line and not line.startswith(("from", "import"))]
    assert len(own) <= 20


def test_what_the_page_on_other_tools_shows_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """Its blocks marked `py` need what is not installed here, and were run by hand."""
    (code,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "ecosystem.md").read_text(), re.DOTALL
    )
    exec(compile(code, "ecosystem.md", "exec"), {})
    logged, segments = capsys.readouterr().out.splitlines()
    assert logged == "['l', 'r', 'segment', 't']" and 1 <= float(segments) <= 16


def names(text: str) -> set[str]:
    """The dotted names of this package that a text holds in backticks, or imports."""
    imported = {
        f"{module}.{name.split(' as ')[0].strip()}"
        for module, listed in IMPORTED.findall(text)
        for name in listed.split(",")
    }
    return {*DOTTED.findall(text), *imported}


def there(name: str) -> bool:
    """Whether a dotted name can be reached by importing as far as that goes."""
    module, _, rest = name.partition(".")
    value = importlib.import_module(module)
    for part in rest.split("."):
        module = f"{module}.{part}"
        if not hasattr(value, part):
            try:
                importlib.import_module(module)
            except ModuleNotFoundError:
                return False
        value = getattr(value, part)
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [name for name in sorted(names(text)) if not there(name)] == []
    assert [path for path in PATHS.findall(text) if not (ROOT / path).exists()] == []


def test_what_docstrings_name_is_there() -> None:
    named = {name for file in SOURCES for name in DOTTED.findall(file.read_text(encoding="utf-8"))}
    assert [name for name in sorted(named) if not there(name)] == []


def test_a_name_that_is_gone_is_seen() -> None:
    assert there("hrm_rl.models.hrm.HRM") and there("hrm_rl.rule")
    assert not there("hrm_rl.models.hrm.HMR") and not there("hrm_rl.bankfile.log_to")
