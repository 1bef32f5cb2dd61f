"""The front door: which names are public, and that everybody is told the same ones."""

import ast
import sys
from pathlib import Path

import pytest
from interpreter import run

import hrm_rl

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", sorted(hrm_rl._PUBLIC.keys() - {"PRESETS"}))
def test_public_name_comes_from_its_module(name: str) -> None:
    value = getattr(hrm_rl, name)
    assert value.__module__ == hrm_rl._PUBLIC[name] and callable(value)
    assert getattr(sys.modules[hrm_rl._PUBLIC[name]], name) in (value, getattr(value, name, None))
    assert name in dir(hrm_rl) and f"{name}" in hrm_rl.__doc__


def test_presets_are_those_of_the_trainer() -> None:
    assert hrm_rl.PRESETS is sys.modules["hrm_rl.training.presets"].PRESETS
    assert isinstance(hrm_rl.PRESETS["sudoku4"](), hrm_rl.TrainConfig)
    assert "PRESETS" in dir(hrm_rl)


@pytest.mark.slow
@pytest.mark.parametrize(
    "first",
    [
        "import hrm_rl; f = hrm_rl.evaluate",
        "from hrm_rl import evaluate as f",
        "from hrm_rl.evaluate import solve; import hrm_rl; f = hrm_rl.evaluate",
        "import hrm_rl.evaluate as f",
        "import hrm_rl; hrm_rl.evaluate; from hrm_rl.evaluate import evaluate as f",
    ],
)
def test_evaluate_can_be_called_whatever_was_imported_first(first: str, tmp_path: Path) -> None:
    code = f"""{first}
import inspect, hrm_rl
print(*list(inspect.signature(f).parameters)[:4], hrm_rl.evaluate.solve.__name__)"""
    assert run(code, tmp_path).stdout == "model puzzles policy max_segments solve\n"


def test_help_is_one_screen_that_names_everything(tmp_path: Path) -> None:
    outcome = run("import hrm_rl, pydoc; print(pydoc.plain(pydoc.render_doc(hrm_rl)))", tmp_path)
    page = outcome.stdout
    assert len(page.splitlines()) <= 60, outcome.stderr
    assert all(name in page for name in hrm_rl._PUBLIC)


def test_type_checkers_are_told_the_same_names() -> None:
    tree = ast.parse((ROOT / "hrm_rl/__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    told = {
        alias.asname: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == hrm_rl._PUBLIC


def test_unknown_public_name() -> None:
    with pytest.raises(AttributeError, match="'hrm_rl' has no attribute 'HMR'"):
        _ = hrm_rl.HMR
