"""What a continue costs when: by hand, and as laws."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.training.joint import Ended, Schedule
from hrm_rl.training.joint.prices import (
    AfterAccuracy,
    Budget,
    Constant,
    Ramp,
    ascended,
    running,
)

CPU = torch.device("cpu")


def number(value: float) -> torch.Tensor:
    return torch.tensor(value)


def charged(schedule: Schedule, steps: list[tuple[int, int, int]]) -> list[float]:
    """The price in each step, and in the one after; of a step how many halted, were right, and their m."""
    priced, found = schedule.begin(CPU), []
    for step, ended in enumerate(steps, 1):
        found.append(float(schedule.price(priced, step)))
        priced = schedule.after(priced, Ended(*map(torch.tensor, ended)))
    return [*found, float(schedule.price(priced, len(steps) + 1))]


NOBODY = (0, 0, 0)


def test_what_is_known_beforehand_by_hand() -> None:
    assert charged(Constant(0.3), [NOBODY] * 2) == [0.3] * 3
    assert charged(Ramp(0.4, 2, 6), [NOBODY] * 7) == pytest.approx(
        [0, 0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.4]
    )
    assert charged(Ramp(0.4, 2, 2), [NOBODY] * 3) == [0, 0, 0.4, 0.4], "a jump after step 2"
    assert charged(Ramp(0.4, 0, 1), [NOBODY]) == [0.4, 0.4]


def test_a_running_accuracy_by_hand() -> None:
    """Horizon 4: each puzzle leaves 3/4 of what was. Two puzzles, one right: 7/16 of a half."""
    first = running(number(0.0), number(1), number(2), 4)
    assert first.item() == pytest.approx(7 / 16 / 2)
    assert running(first, number(0), number(0), 4).item() == first.item(), "nobody halted"
    assert running(first, number(1), number(1), 4).item() == pytest.approx(0.75 * 7 / 32 + 0.25)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_a_running_accuracy_is_one(steps: list[tuple[int, int]]) -> None:
    """Between 0 and the highest accuracy of any step."""
    accuracy, highest = number(0.0), 0.0
    for halted, wrong in steps:
        exact = max(halted - wrong, 0)
        accuracy = running(accuracy, number(exact), number(halted), 20.0)
        highest = max(highest, exact / max(halted, 1))
        assert 0 <= float(accuracy) <= highest + 1e-6


def test_after_an_accuracy_it_is_charged_and_stays() -> None:
    """Horizon 2: two right puzzles bring it from 0 to 3/4, and two wrong ones down to 3/16."""
    schedule = AfterAccuracy(0.1, 0.7, horizon=2)
    found = charged(schedule, [(1, 1, 3), NOBODY, (1, 1, 3), (2, 0, 6)])
    assert found == pytest.approx([0, 0, 0, 0.1, 0.1])
    assert charged(AfterAccuracy(0.1, 0.75, horizon=2), [(2, 2, 2)]) == [0, 0], "has to pass it"


def test_a_few_lucky_puzzles_are_no_accuracy() -> None:
    assert charged(AfterAccuracy(0.1, 0.5), [(100, 100, 100)])[-1] == 0
    assert charged(AfterAccuracy(0.1, 0.5), [(700, 700, 700)])[-1] == pytest.approx(0.1)


def test_dual_ascent_by_hand() -> None:
    """A budget of 3 segments: halts at 5 and 4 are 3 too many in all, one at 1 is 2 too few."""
    assert ascended(number(0.5), number(3.0), 0.1).item() == pytest.approx(0.8)
    schedule = Budget(3.0, slots=2, start=0.05, rate=0.02)
    found = charged(schedule, [(2, 0, 9), NOBODY, (1, 1, 1), (2, 2, 2)])
    assert found == pytest.approx([0.05, 0.08, 0.08, 0.06, 0.02])


def test_a_multiplier_is_projected() -> None:
    """Back to 0 where an inequality asks for no less, and to 1, where nothing is worth a segment."""
    assert ascended(number(0.1), number(-3.0), 0.1).item() == 0
    assert ascended(number(0.9), number(3.0), 0.1).item() == 1
    assert charged(Budget(3.0, slots=1, rate=0.1), [(1, 1, 1), (1, 1, 4)]) == pytest.approx(
        [0, 0, 0.1]
    )


@given(st.floats(0, 1), st.integers(0, 50), st.floats(1, 8))
def test_a_multiplier_moves_the_way_it_should(price: float, halted: int, mean: float) -> None:
    """Up above the budget, down below it, and nowhere at it."""
    target, segments = 4.0, int(halted * mean)
    schedule = Budget(target, slots=8, start=price)
    before, after = charged(schedule, [(halted, 0, segments)])
    excess = segments - target * halted
    assert 0 <= after <= 1
    assert (after - before) * excess >= 0
    assert excess or after == before


def test_of_several_processes_it_sees_the_sums() -> None:
    """Twice the slots with the same puzzles in both halves: the same price."""
    one, two = Budget(2.0, slots=4), Budget(2.0, slots=8)
    steps = [(2, 1, 7), (1, 0, 1), (3, 3, 12)]
    doubled: Any = [tuple(2 * part for part in step) for step in steps]
    assert charged(one, steps) == pytest.approx(charged(two, doubled))
