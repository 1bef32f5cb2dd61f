"""Too little memory, strange device names, and torch's defaults changed by the caller."""

import numpy as np
import pytest
import torch

from hrm_rl.device import lighten, resolve_device, shelter

GREEDY = {
    "CPU": lambda: torch.empty(10**15),
    "numpy": lambda: np.empty(10**15),
    "an overflow": lambda: torch.empty(2**40, 2**40),
    "Python": lambda: bytes(2**62),
}


@pytest.mark.parametrize("who", GREEDY)
def test_too_little_memory_is_a_sentence_that_says_what_to_lower(who: str) -> None:
    with (
        pytest.raises(ValueError, match=r"not enough memory for this.*; lower num_envs$") as caught,
        lighten("num_envs"),
    ):
        GREEDY[who]()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "size"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has"), "2.50 GiB"),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB). Tried to allocate 3 MB"), "3 MB"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), ""),
    ],
)  # fmt: skip
def test_the_words_of_every_device_are_known(error: Exception, size: str) -> None:
    with pytest.raises(ValueError, match="not enough memory") as caught, lighten("slots"):
        raise error
    assert size in str(caught.value)


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="shapes do not match"), lighten("slots"):
        raise RuntimeError("shapes do not match")
    with pytest.raises(KeyboardInterrupt), lighten("slots"):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    "name",
    ["banana", "", "cuda:", "cuda:-1", "cuda:x", "cpu ", "CPU", "cuda:1.5", "cpu:0:0", None, 3, b"cpu"],
)  # fmt: skip
def test_a_name_of_no_device_is_refused_in_one_sentence(name: object) -> None:
    with pytest.raises(ValueError, match='device must be "auto", "cpu", "cuda" or "mps"') as caught:
        resolve_device(name)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["cuda:99", "cuda:256", "cuda:65536", "cpu:3", "mps:1", "xla", "hip"]
)
def test_a_device_that_is_not_there_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.device("cuda:256") is cuda:0."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match=f'device "{name}" is not available on this machine; use'):
        resolve_device(name)


def test_a_device_may_be_given_as_torch_has_it() -> None:
    assert resolve_device(torch.device("cpu")) == torch.device("cpu")
    assert resolve_device("meta") == torch.device("meta")


def test_shelter_gives_torch_its_own_defaults_and_gives_back_the_callers() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"), torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
            with shelter():
                made = torch.ones(2, 2)
                assert (made.dtype, made.device.type) == (torch.float32, "cpu")
                assert not made.is_inference() and not torch.is_grad_enabled()
                assert (made @ made).dtype == torch.float32
            assert torch.get_default_dtype() == torch.float64
            assert torch.get_default_device().type == "meta"
            assert torch.is_autocast_enabled("cpu") and torch.is_inference_mode_enabled()
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.is_grad_enabled()
    with pytest.raises(KeyError), shelter():
        raise KeyError
    assert torch.is_grad_enabled()
