"""What the documents show is what their code prints."""

import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from pages import BLOCK, DOCS, ROOT, blocks

from hrm_rl.cli.main import main

PAGES = [*ROOT.glob("*.md"), *DOCS, *ROOT.glob("hrm_rl/**/*.md")]
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
    for code in blocks(ROOT / "docs" / "ecosystem.md", "python"):
        exec(compile(code, "ecosystem.md", "exec"), {})
    logged, segments = capsys.readouterr().out.splitlines()
    assert logged == "['l', 'r', 'segment', 't']" and 1 <= float(segments) <= 16


PLUGINS = (ROOT / "docs" / "plugins.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "heading", ["A rule", "A learner", "A halting learner for training", "A preset", "Puzzles"]
)
def test_every_block_of_the_page_on_plugins_runs(
    heading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are written, those of other sections too, and the commands of the section run beside them."""
    monkeypatch.chdir(tmp_path)
    for kind, text in BLOCK.findall(PLUGINS):
        assert kind in ("python", "sh")
        if kind == "python":
            Path(text.splitlines()[0].removeprefix("# ")).write_text(text)
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PLUGINS, re.DOTALL | re.MULTILINE)
    commands = [
        line for kind, text in BLOCK.findall(section) if kind == "sh" for line in text.splitlines()
    ]
    assert commands
    for command in commands:
        program, *args = shlex.split(command)
        assert program == "hrm-rl" and main(args) == 0, command


README = (ROOT / "README.md").read_text()


def test_the_readme_is_short() -> None:
    assert len(README.split()) < 900


def test_as_many_rules_and_learners_as_is_said() -> None:
    from hrm_rl.agents.learners import LEARNERS
    from hrm_rl.agents.rules import RULES
    from hrm_rl.training.joint import LEARNERS as JOINT

    pages = {
        README: (r"(\d+) learners for frozen models and (\d+) beside", (len(LEARNERS), len(JOINT))),
        (ROOT / "docs" / "quickstart.md").read_text(): (
            r"There are (\d+)\s+kinds of rules .* and (\d+)\s+learners",
            (len(RULES), len(LEARNERS)),
        ),
    }
    for page, (said, there) in pages.items():
        (found,) = re.findall(said, page, re.DOTALL)
        assert tuple(map(int, found)) == there


def test_the_solve_of_the_readme_prints_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    (command,) = re.findall(r"^    hrm-rl (solve .*)$", README, re.MULTILINE)
    shown = next(text for kind, text in BLOCK.findall(README) if kind == "text")
    assert main(shlex.split(command)) == 0
    printed = capsys.readouterr().out
    assert NUMBER.sub("", printed) == NUMBER.sub("", shown)
    ours, theirs = (list(map(float, NUMBER.findall(part))) for part in (printed, shown))
    assert ours == pytest.approx(theirs, abs=0.02)
    assert printed.splitlines()[-1].startswith("solved")


@pytest.mark.slow
def test_the_program_of_the_readme_prints_what_it_shows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Training rounds differently on other machines: what comes out lies in the intervals shown."""
    (code,) = (text for kind, text in BLOCK.findall(README) if kind == "python")
    _, shown, _ = (text for kind, text in BLOCK.findall(README) if kind == "text")
    assert len([line for line in code.splitlines() if line]) <= 10
    exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert NUMBER.sub("", printed).replace("+", "") == NUMBER.sub("", shown).replace("+", "")
    numbers = re.compile(r"([-+\d.]+)(?: %)? \[([-+\d.]+), ([-+\d.]+)\]")
    pairs = list(zip(numbers.findall(printed), numbers.findall(shown), strict=True))
    assert len(pairs) == 4
    for (ours, _, _), (_, low, high) in pairs:
        assert float(low) <= float(ours) <= float(high)


@pytest.mark.slow
def test_the_page_on_sb3_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With fewer decisions; its block marked `py` needs Optuna, and was run by hand."""
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "howto-sb3.md").read_text()
    code = "\n".join(text for kind, text in BLOCK.findall(page) if kind == "python")
    few = re.sub(r"learn\(\d+_000", "learn(2_048", code)
    assert few.count("learn(2_048") == 2
    there: dict[str, Any] = {}
    exec(compile(few, "howto-sb3.md", "exec"), there)
    assert capsys.readouterr().out.splitlines()[-1] == "True"
    assert isinstance(there["agent"], there["PPO"])
    (command,) = re.findall(r"^    hrm-rl (score .*)$", page, re.MULTILINE)
    assert main(shlex.split(command)) == 0


def test_the_quickstart_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "quickstart.md").read_text(), re.DOTALL
    )
    exec(compile(code, "quickstart.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert [line.partition("(")[0] for line in said] == [*["Interval"] * 3, "Difference"]


LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to a page's headings."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if re.match(r"https?:|mailto:", link):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_in_the_contents() -> None:
    listed = {(ROOT / link.partition("#")[0]).resolve() for link in LINK.findall(README)}
    pages = {*ROOT.glob("docs/*.md"), *ROOT.glob("*.md")}
    pages -= {ROOT / "README.md", ROOT / "docs" / "index.md"}  # the contents, here and of the site
    assert sorted(page.name for page in pages if page.resolve() not in listed) == []


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
