"""Build the sdist and of it the wheel, check both as PyPI does, and let the wheel solve a puzzle in an empty
environment of each Python.

    python scripts/try_wheel.py              # each of python3.11 to 3.14 that is on the PATH and runs
    python scripts/try_wheel.py python3.12   # that alone

Built of what git tracks, so that what was forgotten in a commit is missed here too. An environment has the
versions of constraints.txt and takes a gigabyte; it is gone before the next is made. Minutes each, most of
them pip's.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
PYTHONS = tuple(f"python3.{minor}" for minor in range(11, 15))
BUILD = "import sys; from setuptools import build_meta as b; print(getattr(b, sys.argv[1])(sys.argv[2]))"
"""A hook of the setuptools that is here, named first: what `python -m build` calls, in no new environment."""
QUICK = ("install", "-q", "--no-compile", "--disable-pip-version-check")
"""What is used once need not be compiled in advance."""
TRIED: Mapping[tuple[str, ...], str] = {
    ("solve", "3....1.3......42", "--checkpoint", "sudoku4"): "solved after",
    ("score", "sudoku9-exact_pg"): "over the best fixed number",
    ("solve", "." * 81): "has several solutions",
}
"""Command -> what it must say: a model, a bank and a policy that ship, and a mistake told in a sentence."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pythons", nargs="*", help="all that are there if left out")
    args = parser.parse_args(arguments)
    pythons = args.pythons or [name for name in PYTHONS if runs(name)]
    with tempfile.TemporaryDirectory(prefix="hrm-rl-wheel-") as folder:
        _, wheel = built = build(Path(folder))
        for file in built:
            print(f"{file.name}: {file.stat().st_size / 1e6:.1f} MB", flush=True)
        check(built, Path(folder))
        failed = [python for python in pythons if not tried(python, wheel, Path(folder))]
    if failed:
        print(f"the wheel fails in {', '.join(failed)}")
    return len(failed)


def runs(python: str) -> bool:
    """Whether there is such a Python: a shim of pyenv may be there without one behind it."""
    return shutil.which(python) is not None and not _call(python, "-c", "import venv").returncode


def build(folder: Path) -> tuple[Path, Path]:
    """The sdist of what git tracks, and the wheel of that sdist, as pip makes it where it finds no wheel.

    Elsewhere than here: an old build/ would leak into a wheel that is built in place.
    """
    source = folder / "source"
    source.mkdir()
    packed = subprocess.run(
        ["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True
    ).stdout
    subprocess.run(["tar", "x"], cwd=source, input=packed, check=True)
    sdist = _made("build_sdist", source, folder)
    subprocess.run(["tar", "xzf", sdist], cwd=folder, check=True)
    return sdist, _made("build_wheel", folder / sdist.name.removesuffix(".tar.gz"), folder)


def _made(hook: str, source: Path, folder: Path) -> Path:
    done = _call(sys.executable, "-c", BUILD, hook, str(folder), cwd=source, must=True)
    return folder / done.stdout.splitlines()[-1]


def check(files: Sequence[Path], folder: Path) -> None:
    """What PyPI would refuse, by `twine check`, in an environment of its own."""
    bin_ = environment(sys.executable, folder / "twine")
    _call(bin_ / "pip", *QUICK, "twine", must=True)
    said = _call(bin_ / "twine", "check", "--strict", *map(str, files), must=True).stdout
    print(said.strip(), flush=True)


def environment(python: str, folder: Path) -> Path:
    """Where the programs of a new and empty virtual environment are."""
    _call(python, "-m", "venv", str(folder), must=True)
    return folder / "bin"


def tried(python: str, wheel: Path, folder: Path) -> bool:
    """Install it in an empty environment, run the commands elsewhere, and say how that went."""
    start, home, empty = time.monotonic(), folder / "environment", folder / "empty"
    shutil.rmtree(home, ignore_errors=True)
    empty.mkdir(exist_ok=True)
    bin_ = environment(python, home)
    torch = next(
        line for line in CONSTRAINTS.read_text().splitlines() if line.startswith("torch==")
    )
    for what in (torch, str(wheel)):  # torch by its pin alone first, as the Makefile does
        _call(bin_ / "pip", *QUICK, "-c", str(CONSTRAINTS), what, must=True)
    version = _call(bin_ / "python", "--version").stdout.strip()
    print(f"{version}: installed in {time.monotonic() - start:.0f} s", flush=True)
    wrong = False
    for command, wanted in TRIED.items():
        outcome = _call(bin_ / "hrm-rl", *command, cwd=empty)
        said = outcome.stdout + outcome.stderr
        right = wanted in said and "Traceback" not in said
        wrong |= not right
        print(
            f"  hrm-rl {' '.join(command)[:40]}: {said.strip().splitlines()[-1] if right else said}"
        )
    shutil.rmtree(home)
    return not wrong


def _call(
    program: str | Path, *args: str, cwd: Path | None = None, must: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a program; one that must not fail and does ends this with what it said."""
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [program, *args], cwd=cwd, capture_output=True, text=True, check=False, env=alone
    )
    if must and done.returncode:
        raise SystemExit(f"{program} {' '.join(args)[:200]} failed:\n{done.stdout}{done.stderr}")
    return done


if __name__ == "__main__":
    sys.exit(main())
