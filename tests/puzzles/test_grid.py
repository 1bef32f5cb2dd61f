"""What follows from a kind's class and its rows, of every kind there is."""

import pytest

from hrm_rl.puzzles.kinds import KINDS, task_of
from hrm_rl.puzzles.task import Grid


@pytest.mark.parametrize(
    ("name", "kind", "rows", "columns"),
    [
        ("sudoku6", "sudoku", 6, 6),
        ("maze10", "maze", 10, 10),
        ("arc12", "arc", 12, 12),
        ("arc12x7", "arc", 12, 12),
        ("demos5x2", "demos", 25, 5),
        ("parity12", "parity", 3, 4),
        ("life5", "life", 6, 5),
        ("queens8", "queens", 8, 8),
    ],
)
def test_names_and_sizes_by_hand(name: str, kind: str, rows: int, columns: int) -> None:
    rules = task_of(name)
    assert (rules.task, rules.kind, rules.rows, rules.columns) == (name, kind, rows, columns)
    assert rules.length == rows * columns


def test_every_kind_is_a_grid_named_by_its_class() -> None:
    assert all(issubclass(kind, Grid) for kind in KINDS.values())  # type: ignore[arg-type]
    assert [kind.__name__.lower() for kind in KINDS.values()] == [*KINDS]  # type: ignore[attr-defined]
