"""The parts of the model, against their formulas."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.models.layers import (
    Attention,
    Rotary,
    SwiGLU,
    at_least_float32,
    inner_width,
    rms_norm,
    rotary_angles,
    rotate,
)


def test_rms_norm_by_hand() -> None:
    x = torch.tensor([[3.0, 4.0]])
    torch.testing.assert_close(rms_norm(x), x / 12.5**0.5, rtol=1e-6, atol=0)


@given(scale=st.floats(1e-2, 1e6), seed=st.integers(0, 100))
def test_rms_norm_forgets_the_scale(scale: float, seed: int) -> None:
    x = torch.randn(3, 64, generator=torch.Generator().manual_seed(seed))
    normed = rms_norm(x * scale)
    torch.testing.assert_close(normed.square().mean(-1), torch.ones(3), rtol=0.2, atol=0)
    assert (normed.abs() <= 64**0.5).all()


def test_rms_norm_keeps_bfloat16_and_computes_above_it() -> None:
    x = torch.randn(4, 512, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert rms_norm(x).dtype == torch.bfloat16
    assert torch.equal(rms_norm(x), rms_norm(x.float()).bfloat16())


@pytest.mark.parametrize(
    ("width", "expansion", "inner"), [(512, 4, 1536), (128, 3, 256), (128, 4, 512), (82, 4, 256)]
)
def test_inner_width_is_rounded_up_to_256(width: int, expansion: float, inner: int) -> None:
    assert inner_width(width, expansion) == inner


def test_rotary_products_depend_on_the_distance_alone() -> None:
    cos, sin = rotary_angles(10, 8)
    q, k = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))

    def product(at_q: int, at_k: int) -> float:
        everywhere_q, everywhere_k = (v.expand(1, 10, 1, 8) for v in (q, k))
        a, b = rotate(everywhere_q, cos, sin), rotate(everywhere_k, cos, sin)
        return float(a[0, at_q, 0] @ b[0, at_k, 0])

    assert product(5, 3) == pytest.approx(product(9, 7), rel=1e-4)
    assert product(0, 0) == pytest.approx(float(q @ k), rel=1e-4)
    assert product(5, 3) != pytest.approx(product(3, 5), rel=1e-2)


def test_what_is_too_narrow_is_widened_and_fp64_stays() -> None:
    formats = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
    widened = [at_least_float32(torch.ones(1, dtype=dtype)).dtype for dtype in formats]
    assert widened == [torch.float32] * 3 + [torch.float64]


def test_rotary_angles_are_computed_again_in_the_format_of_the_model() -> None:
    single, double = (rotary_angles(9, 8, dtype=dtype) for dtype in (torch.float32, torch.float64))
    turns = Rotary(9, 8)
    assert not torch.equal(turns.angles[0].double(), double[0])
    for cast, exact in [("double", double), ("float", single), ("to", single)]:
        getattr(turns, cast)(*["cpu"] * (cast == "to"))
        assert all(torch.equal(ours, want) for ours, want in zip(turns.angles, exact, strict=True))
    assert torch.equal(turns.bfloat16().cos, single[0].bfloat16())
    assert not turns.state_dict()


def test_attention_equals_the_fused_kernel() -> None:
    """On a CPU it is written out, elsewhere torch's kernel: they must be the same function."""
    torch.manual_seed(0)
    attention, x = Attention(32, 4), torch.randn(2, 5, 32)
    cos, sin = rotary_angles(5, 8)
    q, k, v = attention.qkv_proj(x).view(2, 5, 3, 4, 8).unbind(2)
    q, k, v = (t.transpose(1, 2) for t in (rotate(q, cos, sin), rotate(k, cos, sin), v))
    fused = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(2, 5, 32)
    torch.testing.assert_close(attention(x, (cos, sin)), attention.o_proj(fused))


def test_swiglu_by_hand() -> None:
    layer = SwiGLU(2, 1.0)
    x = torch.tensor([[1.0, -2.0]])
    gate, up = (layer.gate_up_proj.weight @ x[0]).chunk(2)
    want = layer.down_proj.weight @ (gate * gate.sigmoid() * up)
    torch.testing.assert_close(layer(x)[0], want)
