"""The site: the API has no holes, and each environment has a page with its own numbers."""

import ast
import importlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import gymnasium
import pytest
from loading import module_of
from pages import ROOT

import hrm_rl
from hrm_rl.envs import ENV_ARGUMENTS

API = {page.stem: page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "api").glob("*.md")}
DOCUMENTED = [
    module
    for text in API.values()
    for module in re.findall(r"^\.\. automodule:: (\S+)", text, re.M)
]
WHOLE = ("agents/learners", "agents/rules", "haltbench", "inside", "page", "stopping")
"""Rooms of which every file with something public is in the API; of others it has what people call."""
GIF_BYTES = 300_000


def has_public(file: Path) -> bool:
    """Whether a file defines a function or a class that is for others."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return any(isinstance(node, kinds) and not node.name.startswith("_") for node in body)


@pytest.mark.parametrize("room", WHOLE)
def test_every_file_of_the_room_is_in_the_api(room: str) -> None:
    files = [file for file in (ROOT / "hrm_rl" / room).glob("*.py") if has_public(file)]
    modules = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in files
    }
    assert modules and modules - set(DOCUMENTED) == set()


def test_what_the_api_documents_is_there_once_and_in_its_contents() -> None:
    assert len(DOCUMENTED) == len(set(DOCUMENTED))
    assert all(importlib.util.find_spec(module) for module in DOCUMENTED)
    contents = re.findall(r"^\w+$", API["index"].partition(":::{toctree}")[2], re.M)
    assert sorted(contents) == sorted(set(API) - {"index"})


def test_the_front_door_has_a_line_for_each_name() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .* \| \{py:\w+\}`([\w.]+)` \|$", API["hrm_rl"], re.M)
    defined = {name: target.removesuffix(f".{name}") for name, target in rows}
    assert defined == {**hrm_rl._PUBLIC, "register_envs": "hrm_rl.envs"}
    assert set(defined.values()) <= set(DOCUMENTED)


@pytest.fixture(scope="module")
def written() -> ModuleType:
    """docs/environment_pages.py, which is no package's."""
    return module_of("environment_pages", ROOT / "docs")


def test_every_environment_has_a_title_and_a_small_gif(written: ModuleType) -> None:
    assert set(written.TITLES) == set(ENV_ARGUMENTS)
    for env_id in ENV_ARGUMENTS:
        gif = written.picture(env_id)
        assert gif.read_bytes()[:6] == b"GIF89a" and gif.stat().st_size < GIF_BYTES
    used = {written.picture(env_id).name for env_id in ENV_ARGUMENTS}
    assert used == {gif.name for gif in written.GIFS.iterdir()}
    assert written.picture("HRMMazeBank-v0").name == "HRMMaze-v0.gif"


def row(page: str, name: str) -> list[str]:
    """The cells of a table's row, by what its first cell says."""
    (found,) = re.findall(rf"^\| {re.escape(name)} *\| (.*) \|$", page, re.M)
    return [cell.strip() for cell in found.split(" | ")]


def test_a_page_has_the_numbers_and_defaults_of_its_id(written: ModuleType) -> None:
    page = written.page("HRMSudoku4x4-v0", ENV_ARGUMENTS["HRMSudoku4x4-v0"])
    wide = '`Box(18,)`; 3 with `"q"`, 65 with `"z_H"`, 65 with `"z_H_pool"`, 2177 with `"full"`'
    assert row(page, "observation")[0] == wide
    assert row(page, "puzzles")[0] == '336 of the kind `sudoku4`, of split "fit"'
    assert row(page, "V, the vocabulary") == ["6 tokens"]
    assert row(page, "`checkpoint`")[1] == '`"sudoku4"`' and row(page, "`bank`")[1] == "`None`"
    assert row(page, "`max_segments`")[1] == "`16`" and "of the id" not in page
    assert '"hrm_rl:HRMSudoku4x4-v0", step_cost=0.01' in page
    for heading in ("Action Space", "Observation Space", "Rewards", "Episode End", "Arguments"):
        assert f"\n## {heading}\n" in page


def test_a_bank_says_what_was_logged(written: ModuleType) -> None:
    page = written.page("HRMMazeBank-v0", ENV_ARGUMENTS["HRMMazeBank-v0"])
    assert row(page, "observation")[0] == '`Box(18,)`; 3 with `"q"`'
    assert row(page, "`bank`")[1] == '`"maze8"`' and row(page, "`checkpoint`")[1] == "none"
    for name, width in (("scalars", 18), ("q", 3)):
        env = gymnasium.make("hrm_rl:HRMMazeBank-v0", observation=name)
        assert env.observation_space.shape == (width,)


def test_a_model_in_training_has_its_own_docstring(written: ModuleType) -> None:
    page = written.page("HRMSudokuTrain-v0", ENV_ARGUMENTS["HRMSudokuTrain-v0"])
    assert "gym.make_vec(" in page and "This MDP is not stationary" in page
    assert row(page, "`preset`")[1] == '`"sudoku4"`' and row(page, "`task`")[1] == '`"sudoku"`'
    assert row(page, "observation")[0].startswith('`Box(18,)`; 3 with `"q"`, 65 with `"z_H"`')
