"""How the arrays of a bank lie in memory, and lists that hold what they hold."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.envs.banked import Layout, layout


@given(
    sizes=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 3)),
    order=st.permutations([0, 1]),
    cut=st.booleans(),
    wanted=st.booleans(),
)
def test_a_list_holds_what_the_array_holds(
    sizes: tuple[int, int, int], order: list[int], cut: bool, wanted: bool
) -> None:
    """Whichever axis lies inside, whether or not the array is a part of a larger one."""
    part = torch.arange(60)[: sizes[0] * sizes[1] * sizes[2]]
    sizes_in_memory = [sizes[order[0]], sizes[order[1]], sizes[2]]
    part_MPF = part.view(sizes_in_memory).permute(*np.argsort(order).tolist(), 2)
    part_MPF = part_MPF[: -(-sizes[0] // 2)] if cut else part_MPF
    found = layout(part_MPF)
    assert found is not None
    lay = Layout(1, 9) if wanted else found
    listed = lay.list(part_MPF)
    assert (listed.data_ptr() == part_MPF.data_ptr()) == (lay == found)
    for m in range(part_MPF.shape[0]):
        for p in range(part_MPF.shape[1]):
            assert torch.equal(listed[m * lay.step_m + p * lay.step_p], part_MPF[m, p])


def test_an_array_that_repeats_itself_is_copied() -> None:
    rows = Layout(1, 4).list(torch.arange(3)[None].expand(4, 3))
    assert rows.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert layout(torch.arange(3)[None].expand(4, 3)) is None
    assert layout(torch.zeros(4, 3, 5)[..., :2]) is None
