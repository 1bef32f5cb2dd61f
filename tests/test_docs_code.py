"""Every block of Python in the documentation runs, here or in the test that is named here."""

import doctest
from pathlib import Path
from typing import Any

import pytest
from pages import DOCS, ROOT, blocks, name_of

PAGES = [
    page for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS) if blocks(page, "python")
]
ELSEWHERE = {
    "README.md": "test_the_program_of_the_readme_prints_what_it_shows",
    "docs/ecosystem.md": "test_what_the_page_on_other_tools_shows_runs",
    "docs/howto-sb3.md": "test_the_page_on_sb3_runs",
    "docs/plugins.md": "test_every_block_of_the_page_on_plugins_runs",
    "docs/quickstart.md": "test_the_quickstart_runs",
    "docs/tutorial.md": "test_the_tutorial_prints_what_it_says",
}
"""Page -> the test of test_docs.py that runs all its blocks, and looks at what comes out."""
FEWER = {"docs/training.md": [("steps=1800", "steps=20"), ("64 * 1800", "64 * 20")]}
"""Page -> what would take minutes, and what is run in its place."""
RAY, OPTUNA = "needs Ray's processes, for minutes", "Optuna is not among the packages of the tests"
NOT_RUN = {
    ("docs/ecosystem.md", "from dataclasses import replace"): RAY,
    ("docs/ecosystem.md", "from ray.rllib.algorithms.ppo import PPOConfig"): RAY,
    ("docs/ecosystem.md", "from ray.rllib.algorithms.dqn import DQNConfig"): RAY,
    ("docs/ecosystem.md", "import optuna"): OPTUNA,
    ("docs/howto-sb3.md", "import optuna"): OPTUNA,
}
"""Page and first line -> why a block, marked `py`, is for reading."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if name_of(page) not in ELSEWHERE], ids=name_of
)
def test_every_block_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other with the same names, in an empty folder; a dialogue says what it shows."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    fewer = FEWER.get(name_of(page), [])
    for code in blocks(page, "python"):
        for many, few in fewer:
            assert many in code
            code = code.replace(many, few)
        if code.startswith(">>>"):
            example = doctest.DocTestParser().get_doctest(code, names, name_of(page), None, 0)
            assert doctest.DocTestRunner().run(example, clear_globs=False).failed == 0
        else:
            exec(compile(code, name_of(page), "exec"), names)


@pytest.mark.parametrize(("page", "test"), ELSEWHERE.items())
def test_other_tests_run_their_pages(page: str, test: str) -> None:
    source = (ROOT / "tests" / "test_docs.py").read_text(encoding="utf-8")
    assert ROOT / page in PAGES and f"def {test}(" in source


def test_only_what_is_named_is_not_run() -> None:
    marked = {(name_of(page), code.splitlines()[0]) for page in DOCS for code in blocks(page, "py")}
    assert marked == set(NOT_RUN)
    for page in DOCS:
        for code in blocks(page, "py"):
            compile(code, name_of(page), "exec")
