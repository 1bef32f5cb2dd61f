"""That annotated shapes are checked in these tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import jaxtyping
import pytest
import torch
from jaxtyping import Float
from shapes import checked
from torch import Tensor

from hrm_rl.training.q_targets import halt_target

PAIR, TRIPLE = torch.zeros(2), torch.zeros(3)


@checked
def cut(x_B: Float[Tensor, " B"], y_B: Float[Tensor, " B"], *, off: int = 0) -> Float[Tensor, " B"]:
    return (x_B + y_B)[off:]


@checked
def halves(
    x: Float[Tensor, " B"] | tuple[Float[Tensor, " B"], Float[Tensor, " B"]], at: int
) -> tuple[Float[Tensor, " H"], Float[Tensor, " H"]]:
    of_B = x[0] if isinstance(x, tuple) else x
    return of_B[:at], of_B[at:]


@checked
def longest(x: tuple[Float[Tensor, " B"], ...]) -> int:
    return max(map(len, x))


@checked
def squares(x_B: Float[Tensor, " B"]) -> Iterator[Float[Tensor, ""]]:
    yield from x_B**2


@checked
@dataclass
class Weighed:
    x_B: Float[Tensor, " B"]
    weight_B: Float[Tensor, " B"]


def test_in_what_the_library_defines() -> None:
    with pytest.raises(jaxtyping.TypeCheckError, match="halt_target"):
        halt_target(torch.zeros(2, 3, dtype=torch.bool))


@pytest.mark.parametrize(
    "call",
    [
        lambda: cut(PAIR, TRIPLE),
        lambda: cut(PAIR, y_B=TRIPLE),
        lambda: cut(PAIR, torch.zeros(2, 1)),
        lambda: cut(PAIR, PAIR.long()),
        lambda: cut(PAIR, PAIR.numpy()),
        lambda: cut(PAIR, PAIR, off=1),
        lambda: squares(torch.zeros(2, 2)),
        lambda: Weighed(PAIR, TRIPLE),
    ],
)
def test_sizes_that_differ_are_noticed(call: Callable[[], object]) -> None:
    with pytest.raises(jaxtyping.TypeCheckError, match=r"cut|squares|Weighed"):
        call()


def test_they_are_noticed_after_calls_that_were_right() -> None:
    assert halves(PAIR, 1)[0].shape == cut(PAIR, PAIR)[:1].shape
    for wrong in (
        lambda: halves(PAIR, 2),
        lambda: halves((PAIR, TRIPLE), 1),
        lambda: cut(PAIR, TRIPLE),
    ):
        assert halves((PAIR, PAIR), 1)[0].shape == (1,)
        with pytest.raises(jaxtyping.TypeCheckError, match=r"halves|cut"):
            wrong()


def test_one_of_many_is_noticed_at_last() -> None:
    with pytest.raises(jaxtyping.TypeCheckError, match="longest"):
        for _ in range(100):
            longest((PAIR, TRIPLE, torch.zeros(2, 2)))


def test_a_size_holds_for_one_call() -> None:
    assert cut(PAIR, PAIR).shape == (2,) and cut(TRIPLE, TRIPLE).shape == (3,)
    assert len(list(squares(TRIPLE))) == 3 and Weighed(TRIPLE, TRIPLE).x_B is TRIPLE


def test_in_a_function_that_is_made_within_another() -> None:
    @checked
    def twice(x_B: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
        return cut(TRIPLE, TRIPLE) if len(x_B) == 2 else x_B * 2

    assert twice(TRIPLE).shape == (3,)
    with pytest.raises(jaxtyping.TypeCheckError, match="twice"):
        twice(PAIR)


def test_what_has_no_shape_is_left_as_it_is() -> None:
    def plain(x: Tensor, of: tuple[int, ...] = ()) -> Tensor:
        return x

    assert checked(plain) is plain
    assert cut.__annotations__["off"] == "int"


def test_an_annotation_that_is_wrong_is_an_error() -> None:
    def wrong(x: Float[Tensor, "*a *b"]) -> None: ...

    with pytest.raises(ValueError, match="variadic"):
        checked(wrong)


def test_off_where_a_test_says_so(unchecked_shapes: None) -> None:
    assert jaxtyping.config.jaxtyping_disable
    assert cut(PAIR, torch.zeros(1)).shape == (2,)
