"""Every command that the documentation shows can be typed: its options are there."""

import functools
import re
import runpy
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pages import DOCS, ROOT, blocks, name_of

from hrm_rl.cli import main as cli
from hrm_rl.cli import train

COMMAND = re.compile(r"^(?: {4})?((?:hrm-rl|python scripts/).*)$", re.MULTILINE)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS]


def commands(program: str) -> list[Any]:
    """(page, arguments) of every line, indented or in a block, that calls the program."""
    found = {
        (name_of(page), *shlex.split(line, comments=True))
        for page in PAGES
        for line in COMMAND.findall(page.read_text(encoding="utf-8"))
    }
    return [
        pytest.param(words, id=f"{page}: {' '.join(words)}"[:80])
        for page, *words in sorted(found)
        if words[0] == program
    ]


@pytest.fixture
def reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the commands whose arguments were taken; what they would then do is left out."""
    monkeypatch.chdir(tmp_path)
    for code in blocks(ROOT / "docs" / "plugins.md", "python"):  # files that its commands name
        (tmp_path / code.splitlines()[0].removeprefix("# ")).write_text(code)
    names: list[str] = []

    def stops(name: str, command: Callable[..., Any]) -> Callable[..., Any]:
        return functools.wraps(command)(lambda *args, **options: names.append(name))

    for name, command in cli.COMMANDS.items():
        if name != "train":
            monkeypatch.setitem(cli.COMMANDS, name, stops(name, command))
    monkeypatch.setattr(train, "_run", lambda *args: names.append("train"))
    return names


@pytest.mark.parametrize("words", commands("hrm-rl"))
def test_hrm_rl_takes_it(
    words: list[str], reached: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The parser is the command's own."""
    assert cli.main(words[1:]) == 0, capsys.readouterr().err
    assert set(reached) == {words[1]}


@pytest.mark.parametrize("line", ["compare --fit-bnak x", "train sudoku4 --slotz 8", "score"])
def test_what_hrm_rl_does_not_take_is_seen(line: str, reached: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(line.split())
    assert ended.value.code == 2 and reached == []


@pytest.mark.parametrize("words", commands("python"))
def test_a_script_takes_it(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own help, after the words that come before the first option, names each option."""
    script, *given = words[1:]
    options = {word.partition("=")[0] for word in given if word.startswith("--")}
    first = next((i for i, word in enumerate(given) if word.startswith("--")), len(given))
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    monkeypatch.setattr(sys, "argv", [script, *given[:first], "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / script), run_name="__main__")
    assert ended.value.code == 0
    assert options - set(re.findall(r"--[\w-]+", capsys.readouterr().out)) == set()
