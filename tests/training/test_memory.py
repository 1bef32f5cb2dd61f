"""Freed memory stays with the process, in a process that asks for it."""

import subprocess
import sys
from pathlib import Path

import pytest

FREED = """
import sys
import torch
from hrm_rl.training.memory import keep_freed_memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

if sys.argv[1] == "keep":
    keep_freed_memory()
before = resident()
block = torch.ones(16 * 2**20)
del block
print(resident() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_freed_memory_is_kept() -> None:
    kept, given_back = (
        int(subprocess.check_output([sys.executable, "-c", FREED, what])) for what in ("keep", "")
    )
    assert kept > 60 * 2**20 > 10 * 2**20 > given_back
