"""Code in a fresh interpreter."""

import subprocess
import sys
from pathlib import Path


def run(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the code in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False
    )
