"""What holds in every test: one thread, no screen or disk to wait for, shapes checked, no clock."""

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

# Before torch, numba, pygame and matplotlib are imported, which read them once.
os.environ["OMP_NUM_THREADS"] = "1"  # small tensors are slower on more, and sums then differ
os.environ["NUMBA_NUM_THREADS"] = "1"
os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # no pool of compiling processes
os.environ["SDL_VIDEODRIVER"] = "dummy"
os.environ["SDL_AUDIODRIVER"] = "dummy"
os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
os.environ["MPLBACKEND"] = "Agg"

import jaxtyping
import pytest
import torch
from hypothesis import HealthCheck, settings
from shapes import check_shapes_of

ROOT = Path(__file__).resolve().parents[1]


def modules_with_shapes() -> list[str]:
    """Names of the modules that annotate shapes: the ones whose functions are wrapped and checked.

    What numba compiles can't be wrapped, so kernels live in modules without shapes.
    """
    files = [
        file.relative_to(ROOT).with_suffix("")
        for file in sorted(ROOT.glob("hrm_rl/**/*.py"))
        if "from jaxtyping import" in file.read_text(encoding="utf-8")
    ]
    return [".".join(file.parts).removesuffix(".__init__") for file in files]


check_shapes_of(modules_with_shapes())

# Whoever starts the tests in the background may have these ignored: tests of signals need them.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)

settings.register_profile(
    "hrm_rl",
    deadline=None,
    derandomize="CI" in os.environ,  # CI draws the same examples each time, a developer new ones
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("hrm_rl")


@pytest.fixture(scope="session", autouse=True)
def fast_disk() -> Iterator[None]:
    """No test pulls the plug, so none waits for the disk; a file that isn't open is still an error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)
        yield


@pytest.fixture
def unchecked_shapes() -> Iterator[None]:
    """Switch the shape checks off: torch.compile can't trace through them."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch, unchecked_shapes: None) -> None:
    """Compile as ever but for the last and slowest step, to C++."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
