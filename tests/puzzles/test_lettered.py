"""Writing by one character a value: text, tokens and values are each other's inverses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.puzzles.kinds import task_of
from hrm_rl.puzzles.lettered import Lettered

TASKS = [task_of(name) for name in ("parity7", "parity16", "life5", "queens6")]


@given(st.sampled_from(TASKS), st.data())
def test_text_and_tokens_keep_the_values(task: Lettered, data):
    values = st.integers(0, len(task.letters) - 1)
    values_L = np.array(
        data.draw(st.lists(values, min_size=task.length, max_size=task.length)), np.uint8
    )
    assert np.array_equal(task.parse(task.format(values_L)), values_L)
    assert np.array_equal(task.parse(task.pretty(values_L)), values_L)
    tokens_L = task.tokens(values_L)
    assert tokens_L.dtype == np.uint8 and tokens_L.min() >= 1 and tokens_L.max() < task.vocab
    assert np.array_equal(task.values(tokens_L), values_L)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.task)
def test_a_task_is_found_by_its_name_and_is_a_grid(task: Lettered):
    assert task_of(task.task) == task
    assert task.rows * task.columns == task.length
    assert task.values(np.zeros(3, np.uint8)).tolist() == [0, 0, 0]  # PAD reads as nothing


def test_pretty_has_a_line_for_each_row():
    task = task_of("queens4")
    assert task.pretty(task.parse(".Q...........Q..")) == " . Q . .\n . . . .\n . . . .\n . Q . ."
