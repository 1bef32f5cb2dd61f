"""What the Dockerfile copies is there, and .dockerignore lets it through; no image is built here."""

import re
import shlex
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COPIED = [
    source
    for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE)
    for source in shlex.split(line)[:-1]
]
IGNORED = [
    line
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def ignores(path: str, pattern: str) -> bool:
    """Whether a pattern takes out a path or a folder that it lies in, by Docker's rules."""
    parts = [
        "(?:.*/)?" if part == "**/" else "[^/]*" if part == "*" else re.escape(part)
        for part in re.split(r"(\*\*/|\*)", pattern)
    ]
    whole = PurePosixPath(path)
    return any(re.fullmatch("".join(parts), str(each)) for each in (whole, *whole.parents))


def ships(file: Path) -> bool:
    return file.is_file() and "__pycache__" not in file.parts


@pytest.mark.parametrize("source", COPIED)
def test_what_is_copied_is_there_and_let_through(source: str) -> None:
    place = ROOT / source
    files = [file for file in place.rglob("*") if ships(file)] if place.is_dir() else [place]
    assert files and all(file.is_file() for file in files)
    paths = [file.relative_to(ROOT).as_posix() for file in files]
    assert [path for path in paths if any(ignores(path, pattern) for pattern in IGNORED)] == []


def test_what_the_build_reads_is_copied() -> None:
    """`pip install .` reads the files that pyproject.toml names, and `-c` another."""
    assert {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "hrm_rl"} <= set(COPIED)


def test_the_pin_of_torch_is_one_line_without_a_build() -> None:
    """The Dockerfile puts +cpu behind it."""
    pins = [
        line
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line.startswith("torch==")
    ]
    assert len(pins) == 1 and re.fullmatch(r"torch==\d+(\.\d+)+", pins[0])
    assert """"$(grep '^torch==' constraints.txt)+cpu\"""" in DOCKERFILE


@pytest.mark.parametrize(
    ("path", "pattern", "wanted"),
    [
        ("banks/fit/bank.json", "banks", True),
        ("hrm_rl/banks/bank.py", "banks", False),
        ("hrm_rl/envs/__pycache__/mdp.pyc", "**/__pycache__", True),
        ("__pycache__/x.pyc", "**/__pycache__", True),
        ("hrm_rl.egg-info/PKG-INFO", "**/*.egg-info", True),
        ("hrm_rl/page/build.py", "build", False),
        ("docs/index.md", "docs", True),
    ],
)
def test_patterns_match_as_docker_has_it(path: str, pattern: str, wanted: bool) -> None:
    assert ignores(path, pattern) == wanted
