"""A whole bank on disk, and a disk that nobody waits for."""

import os
from pathlib import Path

import pytest
from logged import log


@pytest.fixture(autouse=True)
def fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test pulls the plug, so none waits for the disk."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every tier of it, never written to again."""
    return log(tmp_path_factory.mktemp("banks") / "whole", tier="full")
