"""What the wheel holds, and that it is enough; `scripts/try_wheel.py` installs it in empty environments.

The wheel is made of the sdist, as pip makes it where it finds no wheel: what the sdist lacks is missed here.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import hrm_rl

ROOT = Path(__file__).resolve().parents[1]
STAND_IN = "hrm_rl/banks/stand-in/bank.json"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy: in place, an old build/ folder would leak into it."""
    copy = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, copy)
    for name in ("hrm_rl", "envs", "agents", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    (copy / STAND_IN).parent.mkdir(parents=True)  # whether or not a bank lies in the repository
    (copy / STAND_IN).touch()
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(built("build_sdist", copy, "*.tar.gz")) as archive:
        archive.extractall(unpacked, filter="data")
    (source,) = unpacked.iterdir()
    assert source.name == f"hrm_rl-{hrm_rl.__version__}"
    return built("build_wheel", source, "*.whl")


def built(hook: str, source: Path, pattern: str) -> Path:
    """What a hook of setuptools makes in the folder of the source."""
    code = f"from setuptools import build_meta as b; b.{hook}('.')"
    command = [sys.executable, "-c", code]
    outcome = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    (made,) = source.glob(pattern)
    return made


@pytest.fixture(scope="module")
def wheel_files(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_wheel_holds_only_hrm_rl(wheel_files: set[str]) -> None:
    tops = {name.partition("/")[0] for name in wheel_files}
    assert tops == {"hrm_rl", f"hrm_rl-{hrm_rl.__version__}.dist-info"}


def test_wheel_holds_the_package_and_nothing_else(wheel_files: set[str]) -> None:
    """Every file of it but caches and pages about the banks' folder: what is new ships, or is named here."""
    package = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "hrm_rl").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    inside = {name for name in wheel_files if name.startswith("hrm_rl/")}
    assert inside == package | {STAND_IN}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["solve", "3....1.3......42", "--checkpoint", "sudoku4"], "solved after"),
        (["score", "sudoku9-exact_pg"], "over the best fixed number"),
    ],
)
def test_what_the_wheel_holds_is_enough(
    command: list[str], said: str, wheel: Path, tmp_path: Path
) -> None:
    """Unpacked elsewhere, beside the packages that are here, with this repository out of the way."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "unpacked")
    shutil.rmtree(tmp_path / "unpacked" / "hrm_rl" / "banks" / "stand-in")
    (tmp_path / "empty").mkdir()
    code = "import sys, hrm_rl; print(hrm_rl.__file__); from hrm_rl.cli.main import main; sys.exit(main())"
    outcome = subprocess.run(
        [sys.executable, "-c", code, *command], cwd=tmp_path / "empty", capture_output=True, text=True,
        check=False, env={**os.environ, "PYTHONPATH": str(tmp_path / "unpacked")},
    )  # fmt: skip
    where, *rest = outcome.stdout.splitlines()
    assert outcome.returncode == 0 and said in rest[-1], outcome.stderr
    assert Path(where).is_relative_to(tmp_path / "unpacked")
