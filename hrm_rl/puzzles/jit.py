"""`njit`: numba's compiler where numba is installed, the plain Python function where it is not.

Every kernel of this package is written so that both give the same numbers: signed integers below
2**63, no overflow, no `np.random`. `HRM_RL_NO_NUMBA=1` switches numba off; a test compares.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

F = TypeVar("F", bound=Callable)

HAVE_NUMBA = False
if not os.environ.get("HRM_RL_NO_NUMBA"):
    try:
        import numba

        HAVE_NUMBA = True
    except ImportError:
        pass


def njit(function: F) -> F:
    """Compile `function` at its first call; kept on disk where numba finds a folder to write to."""
    if not HAVE_NUMBA:
        return function
    try:
        return numba.njit(cache=True)(function)  # type: ignore[return-value]
    except RuntimeError:  # no folder for the cache: compile anew in each process
        return numba.njit(function)


def drop_stale_cache(folder: Path) -> None:
    """Delete numba's index files in and below `folder` that are older than its newest kernel.

    numba looks at the file of a kernel only, and would go on running the old code of kernels that
    it calls in other files.
    """
    kernels = [file for file in folder.rglob("*.py") if b"@njit" in file.read_bytes()]
    newest = max((file.stat().st_mtime for file in kernels), default=0.0)
    for index in folder.rglob("__pycache__/*.nbi"):
        try:
            if index.stat().st_mtime < newest:
                index.unlink()
        except OSError:  # read-only, or another process was quicker
            pass


if HAVE_NUMBA:
    drop_stale_cache(Path(__file__).parent)
