"""Compiling kernels: without a place for the cache, and after one of them was edited."""

import os
from types import SimpleNamespace

from hrm_rl.puzzles import jit


def test_kernels_compile_where_numba_finds_no_place_for_its_cache(monkeypatch):
    def njit(function=None, cache=False):
        if cache:
            return refuse
        return function

    def refuse(function):
        raise RuntimeError(f"cannot cache function {function!r}: no locator available")

    monkeypatch.setattr(jit, "HAVE_NUMBA", True)
    monkeypatch.setattr(jit, "numba", SimpleNamespace(njit=njit), raising=False)
    assert jit.njit(len) is len


def test_the_plain_function_is_used_without_numba(monkeypatch):
    monkeypatch.setattr(jit, "HAVE_NUMBA", False)
    assert jit.njit(len) is len


def test_an_edited_kernel_drops_the_older_cache(tmp_path):
    """numba would run the old code of a kernel that lives in another file than its caller."""
    cache = tmp_path / "sudoku" / "__pycache__"
    cache.mkdir(parents=True)
    kernel, old, new = tmp_path / "sudoku" / "kernel.py", cache / "old.nbi", cache / "new.nbi"
    for age, file in ((2, old), (1, kernel), (0, new)):
        file.write_text("@njit")
        os.utime(file, (1000 - age, 1000 - age))
    jit.drop_stale_cache(tmp_path)
    assert new.exists() and not old.exists()
