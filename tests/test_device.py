"""Where to compute, and in which number format."""

import pytest
import torch

from hrm_rl.device import autocast, resolve_device, resolve_dtype


def test_auto_takes_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert resolve_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert resolve_device("cuda:0") == torch.device("cuda:0")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_a_device_that_is_not_there_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match=f'device "{name}" is not available on this machine'):
        resolve_device(name)


def test_a_second_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match='device "cuda:1" is not available'):
        resolve_device("cuda:1")


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(
        ValueError, match='device must be "auto", "cpu", "cuda" or "mps", got "gpu"'
    ):
        resolve_device("gpu")


@pytest.mark.parametrize(
    ("instructions", "dtype"),
    [("amx_bf16", torch.bfloat16), ("avx512_bf16", torch.bfloat16), ("avx512_f", torch.float32)],
)
def test_auto_format_on_a_cpu_follows_its_instructions(
    instructions: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    has = {"amx_bf16": False, "avx512_bf16": False} | {instructions: True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    assert resolve_dtype("auto", torch.device("cpu")) == dtype
    assert resolve_dtype("bfloat16", torch.device("cpu")) == torch.bfloat16


def test_autocast_to_float32_changes_nothing_on_any_device() -> None:
    with autocast(torch.float32, torch.device("meta")):
        assert not torch.is_autocast_enabled("cpu")
    with autocast(torch.bfloat16, torch.device("cpu")):
        assert torch.is_autocast_enabled("cpu")
