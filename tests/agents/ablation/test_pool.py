"""A pool of processes: Ctrl-C saves what it is at, and none of it is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alive import alive, await_that
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny import MLP, tiny_run

from hrm_rl.agents.ablation.member import steps_done

POOL = """
import sys
from pathlib import Path
from hrm_rl.cli.main import main
from hrm_rl.training import presets
from hrm_rl.training.config import TrainConfig

if __name__ == "__main__":
    presets.PRESETS["tiny"] = lambda: TrainConfig.from_json(sys.argv[1])
    args = ["ablate", "--preset", "tiny", "--learners", "fixed-1", "fixed-2", "--seeds", "1"]
    sys.exit(main([*args, "--workers", "2", "--limit", "6", "--out", sys.argv[2]]))
"""


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The command in a process group of its own, with two runs that have a checkpoint each.

    They are long, with a checkpoint every 100th step.
    """
    long = tiny_run(model=MLP, steps=1600, log_every=1, tie="halt").to_json()
    process = subprocess.Popen(
        [sys.executable, "-c", POOL, long, str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        for name in ("fixed-1", "fixed-2"):
            await_that((tmp_path / name / "0" / "state.safetensors").exists, 200)
        yield process
    finally:
        if alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.slow
def test_ctrl_c_saves_what_the_pool_is_at_and_ends_it(
    pool: subprocess.Popen[str], tmp_path: Path
) -> None:
    os.killpg(pool.pid, signal.SIGINT)  # as a terminal does
    _, err = pool.communicate(timeout=100)
    assert pool.returncode == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1] == (
        "hrm-rl: stopped with 0 of 2 runs complete, the others saved; the same command goes on"
    )
    await_that(lambda: not alive(pool.pid), 20)
    for name in ("fixed-1", "fixed-2"):
        events = EventAccumulator(str(tmp_path / name / "0"))
        events.Reload()
        assert steps_done(tmp_path / name / "0") == events.Scalars("train/loss")[-1].step


@pytest.mark.slow
def test_a_killed_command_leaves_no_process_behind(pool: subprocess.Popen[str]) -> None:
    pool.kill()
    pool.communicate(timeout=100)
    await_that(lambda: not alive(pool.pid), 20)
