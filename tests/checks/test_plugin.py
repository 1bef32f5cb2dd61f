"""What is a user's own: the named file is run, once for each content, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hrm_rl.checks.plugin import is_plugin, made, plugin


@pytest.mark.parametrize(
    "name",
    ["mine.py:Rule", "../a b/mine.py:fit", "/x/mine.py:_own", "mine:Rule", "mine.rules:Rule"],
)
def test_names_of_ones_own(name: str) -> None:
    assert is_plugin(name)


@pytest.mark.parametrize(
    "name",
    ["q", "random-1:5:3:2", "maze8:1000:7", "mine.py", "mine.py:", "a b:x", ":x", "", None, 7],
)
def test_other_names(name: object) -> None:
    assert not is_plugin(name)


def test_a_file_is_run_once_and_again_when_it_changed(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("class A:\n    value = 1\n")
    first = plugin(f"{file}:A")
    assert plugin(f"{file}:A") is first and first.value == 1
    file.write_text("class A:\n    value = 2\n")
    assert plugin(f"{file}:A").value == 2


def test_dataclasses_find_their_module(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass(frozen=True)\nclass A:\n    few: int = 3\n"
    )
    assert made(f"{file}:A").few == 3 and made(f"{file}:A", 5).few == 5


def test_neighbours_of_the_file_are_neither_run_nor_found(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text("raise RuntimeError('run')")
    (tmp_path / "neighbour_of_mine.py").write_text("raise RuntimeError('run')")
    (tmp_path / "mine.py").write_text("def f():\n    import neighbour_of_mine\n")
    before = list(sys.path)
    assert callable(plugin(f"{tmp_path / 'mine.py'}:f")) and sys.path == before
    with pytest.raises(ValueError, match=r"f failed: ModuleNotFoundError.*\(line 2\)"):
        made(f"{tmp_path / 'mine.py'}:f")


def test_a_module_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_rules_of_a_test").mkdir()
    (tmp_path / "own_rules_of_a_test" / "late.py").write_text("knob = 5\n")
    with pytest.raises(ValueError, match='no module "own_rules_of_a_test"; put its folder'):
        plugin("own_rules_of_a_test.late:knob")
    monkeypatch.syspath_prepend(tmp_path)
    assert plugin("own_rules_of_a_test.late:knob") == 5


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (
            "x = 1\ny = x / 0\n",
            "x",
            r"cannot be run: ZeroDivisionError: division by zero \(line 2\)",
        ),
        ("def f(:\n", "f", r"cannot be run: SyntaxError: .*\(line 1\)"),
        ("import sys\nsys.exit(0)\n", "f", r"cannot be run: SystemExit: 0 \(line 2\)"),
        ("def settled(): ...\n", "setled", 'has no "setled"; did you mean "settled"'),
        ("f = 3\n", "f", "must be a function or a class, got 3"),
        ("\ndef f():\n    raise KeyError('k')\n", "f", r"f failed: KeyError: 'k' \(line 3\)"),
    ],
)
def test_mistakes_are_one_sentence_with_their_line(
    text: str, name: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(ValueError, match=said) as error:
        made(f"{tmp_path / 'mine.py'}:{name}")
    assert len(str(error.value).splitlines()) == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be read \(no such file or directory\)"):
        plugin(f"{tmp_path / 'mine.py'}:f")


def test_a_file_that_failed_is_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("import pathlib\nx = int(pathlib.Path(__file__).with_name('n').read_text())\n")
    with pytest.raises(ValueError, match="FileNotFoundError"):
        plugin(f"{file}:x")
    (tmp_path / "n").write_text("4")
    assert plugin(f"{file}:x") == 4
