"""What surrounds an environment does not change what it shows: torch's defaults, random states, forks."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import data_equivalence
from scripted import PUZZLES, tiny_hrm

from hrm_rl.banks.bank import log_bank
from hrm_rl.envs.engine import AUTORESETS
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.training import TrainingVectorEnv
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.models.checkpoint import save_model


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def default_device() -> Iterator[None]:
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


AMBIENT: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "float16": lambda: default_dtype(torch.float16),
    "set_default_device": default_device,
    "a device context": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "gradients": torch.enable_grad,
    "anomaly detection": lambda: torch.autograd.set_detect_anomaly(True, check_nan=False),
}
MODEL = tiny_hrm().requires_grad_()  # which an environment has no use for
BANK = log_bank(tiny_hrm(), PUZZLES, 4)
ARGUMENTS: dict[str, Any] = {"max_segments": 4, "step_cost": 0.1, "device": "cpu"}


def rollout(source: str, way: str) -> list[Any]:
    """From the making of an environment to its end."""
    given = {"bank": BANK} if source == "bank" else {"model": MODEL, "puzzles": PUZZLES}
    if way == "single":
        env = HaltingEnv(**ARGUMENTS | given)
        found: list[Any] = [env.reset(seed=1), *(env.step(0) for _ in range(3)), env.reset()]
        return [*found, env.action_masks(), env.step(1), env.frame().q_halt]
    vec = HaltingVectorEnv(3, autoreset_mode=way, **ARGUMENTS | given)
    found = [vec.reset(seed=1, options={"puzzle": 2})]
    found += [vec.step(np.array([0, 0, 0])), vec.step(np.array([0, 0, 1]))]
    if way != "Disabled":
        found += [vec.step(np.array([0, 1, 0])) for _ in range(4)]
    return [*found, vec.action_masks(), [frame.q_halt for frame in vec.frames()]]


@pytest.mark.parametrize("way", ["single", *AUTORESETS])
@pytest.mark.parametrize("source", ["live", "bank"])
def test_rollouts_do_not_depend_on_torchs_defaults(source: str, way: str) -> None:
    plain = rollout(source, way)
    for name, ambient in AMBIENT.items():
        with ambient():
            found = rollout(source, way)
        assert data_equivalence(plain, found, exact=True), name


@pytest.mark.parametrize("ambient", ["float64", "a device context", "inference mode"])
def test_torch_output_does_not_depend_on_them_either(ambient: str) -> None:
    def tensors() -> list[torch.Tensor]:
        env = HaltingVectorEnv(3, output="torch", bank=BANK, **ARGUMENTS)
        obs, info = env.reset(seed=0)
        step = env.step(torch.zeros(3, dtype=torch.int64, device="cpu"))
        return [obs, *info.values(), *step[:4], *step[4].values()]

    plain = tensors()
    with AMBIENT[ambient]():
        found = tensors()
    for one, two in zip(plain, found, strict=True):
        assert one.dtype == two.dtype and torch.equal(one, two)
        assert not two.is_inference() and not two.requires_grad


def test_a_checkpoint_is_loaded_the_same(tmp_path: Any) -> None:
    save_model(tmp_path / "tiny", tiny_hrm())
    arguments = ARGUMENTS | {"checkpoint": str(tmp_path / "tiny"), "puzzles": PUZZLES}
    plain = HaltingEnv(**arguments).reset(seed=0)
    for name in ("float64", "set_default_device", "inference mode", "autocast"):
        with AMBIENT[name]():
            env = HaltingEnv(**arguments)
        assert data_equivalence(plain, env.reset(seed=0), exact=True), name


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("ambient", ["float64", "set_default_device", "autocast", "no gradients"])
def test_a_model_in_training_learns_the_same(ambient: str, dtype: str) -> None:
    def learn() -> list[Any]:
        env = TrainingVectorEnv(3, device="cpu", dtype=dtype, max_segments=3, seed=1)
        found: list[Any] = [env.reset(seed=0)]
        found += [env.step(np.array([0, 1, 0])) for _ in range(4)]
        weights = [
            part.detach().double().sum().item() for part in env.engine.state.model.parameters()
        ]
        return [*found, weights]

    plain = learn()
    with AMBIENT[ambient]():
        found = learn()
    assert data_equivalence(plain, found, exact=True)


def test_the_callers_random_states_stay_where_they_were() -> None:
    import random

    def states() -> list[Any]:
        return [
            torch.get_rng_state().tolist(),
            np.random.get_state()[1].tolist(),
            random.getstate(),
        ]  # type: ignore[index]

    before = states()
    for source in ("live", "bank"):
        for way in ("single", *AUTORESETS):
            rollout(source, way)
    assert states() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_forked_child_steps_on_and_does_not_hang() -> None:
    """The parent's OpenMP threads do not exist in the child, where torch would wait for them."""
    model, threads = tiny_hrm(), torch.get_num_threads()
    env = HaltingVectorEnv(512, model=model, puzzles=PUZZLES, **ARGUMENTS)
    expected = env.reset(seed=0)[0]
    torch.set_num_threads(2)
    try:
        torch.ones(1000, 1000) @ torch.ones(1000, 1000)  # starts the threads
        torch.ones(2_000_000).exp().sum()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                again = env.reset(seed=0)[0]
                torch.ones(2_000_000).exp().sum()
                code = 0 if np.allclose(again, expected, atol=1e-4) else 2
            finally:
                os._exit(code)
        assert _exit_code(child) == 0
    finally:
        torch.set_num_threads(threads)


def _exit_code(child: int, patience: int = 600) -> int | str:
    for _ in range(patience):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "it hung"
