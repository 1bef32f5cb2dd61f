"""A whole bank on disk."""

from pathlib import Path

import pytest
from logged import log


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every tier of it, never written to again."""
    return log(tmp_path_factory.mktemp("banks") / "whole", tier="full")
