"""What a bank must be: not empty, of one length, finite; where it is made, logged, read and observed.

Shapes: M segments, P puzzles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scripted import PUZZLES, Scripted, tiny_hrm

from hrm_rl.agents.comparison.compare import compare
from hrm_rl.agents.comparison.pairs import check_pair, logged_banks
from hrm_rl.agents.rules import rule, sweep
from hrm_rl.banks.bank import Bank, checked, log_bank, observe, play
from hrm_rl.banks.files import log_to, read_bank
from hrm_rl.banks.parts import finite
from hrm_rl.banks.synthetic import bank_a
from hrm_rl.stopping import exact, snell

BANK = bank_a(6, 3)


@pytest.fixture(autouse=True)
def as_users_run_it(unchecked_shapes: None) -> Iterator[None]:
    yield


def holed(number: float, at: tuple[int, int, int] = (1, 4, 0)) -> Bank:
    """`BANK` with a number in its column "o" that is none."""
    column = BANK.columns["o"].clone()
    column[at] = number
    return replace(BANK, columns={**BANK.columns, "o": column})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"correct_MP": torch.zeros(3, 0, dtype=torch.bool)}, "at least one segment of one puzzle"),
        ({"correct_MP": torch.zeros(0, 6, dtype=torch.bool)}, "at least one segment of one puzzle"),
        ({"correct_MP": torch.zeros(18, dtype=torch.bool)}, "at least one segment of one puzzle"),
        ({"correct_MP": torch.zeros(3, 6)}, "correct_MP must hold bools, got float32"),
        ({"correct_MP": torch.zeros(3, 5, dtype=torch.bool)}, r"cells_MP must have shape \(3, 5\)"),
        ({"cells_MP": torch.zeros(2, 6)}, r"cells_MP must have shape \(3, 6\).*got \(2, 6\)"),
        ({"predictions_MPT": torch.zeros(3, 6, 0, dtype=torch.uint8)}, "predictions_MPT must have"),
        ({"predictions_MPT": torch.zeros(3, 5, 1, dtype=torch.uint8)}, "predictions_MPT must have"),
        ({"predictions_MPT": torch.zeros(3, 6, 1)}, "predictions_MPT must hold whole numbers"),
        ({"rating_P": torch.zeros(5, dtype=torch.long)}, r"rating_P must have shape \(6\)"),
        ({"cluster_P": torch.zeros(7, dtype=torch.long)}, r"cluster_P must have shape \(6\)"),
        ({"cluster_P": torch.zeros(6)}, "cluster_P must hold whole numbers"),
        ({"columns": {"o": torch.zeros(3, 5, 1)}}, 'column "o" must have shape'),
        ({"columns": {"o": torch.zeros(4, 6, 1)}}, 'column "o" must have shape'),
        ({"columns": {"o": torch.zeros(3, 6)}}, 'column "o" must have shape'),
        ({"columns": {"o": torch.zeros(3, 6, 1, dtype=torch.long)}}, 'column "o" must hold floats'),
        ({"puzzles": PUZZLES}, "a bank of 6 puzzles must hold as many, got 8"),
    ],
)
def test_parts_that_do_not_fit_are_refused_where_a_bank_is_made(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        replace(BANK, **changes)


READERS: dict[str, Callable[[Bank], Any]] = {
    "observe": lambda bank: observe(bank, "o", 1),
    "play": lambda bank: play(bank, replace(rule("q"), observation="o", margin=0.0)),  # type: ignore[type-var]
    "fit_snell": lambda bank: snell.fit_snell(bank, "o", 0.0),
    "compare": lambda bank: compare(bank, {}),
    "checked": lambda bank: checked(bank, "o"),
    "first": lambda bank: observe(bank.first(2), "o", 1),
    "take": lambda bank: observe(snell.take(bank, torch.tensor([4])), "o", 1),
    "cross_fitted": lambda bank: snell.cross_fitted(
        bank, lambda part: snell.fit_snell(part, "o", 0.0), folds=2
    ),
}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", READERS)
def test_numbers_that_are_none_are_refused_where_they_are_seen(name: str, number: float) -> None:
    with pytest.raises(ValueError, match=rf'"o" is {number} after segment 2 of puzzle'):
        READERS[name](holed(number))


def test_a_column_that_nobody_looks_at_is_not_looked_through() -> None:
    assert len(play(holed(math.nan), rule("q")).segment_P) == 6  # it reads "q"


def test_a_hole_is_found_in_both_infinities_in_halves_and_beyond_what_a_sum_can_hold() -> None:
    assert not finite(torch.tensor([math.inf, -math.inf, 0.0]))
    assert not finite(torch.tensor([0.0, math.nan]).half())
    assert finite(torch.full((9,), 3e38)) and finite(torch.full((9,), 6e4).half())
    assert finite(torch.tensor([1e308, 1e308], dtype=torch.float64))


def test_a_column_is_looked_through_once() -> None:
    bank = bank_a(6, 3)
    observe(bank, "o", 1)
    bank.columns["o"][0, 0, 0] = math.nan
    observe(bank, "o", 1)  # it was seen to be finite
    observe(bank.first(2), "o", 1)
    with pytest.raises(ValueError, match="nan"):
        observe(replace(bank), "o", 1)


class Broken(Scripted):
    """Its Q is nan from segment 2 on."""

    def segment(self, *arguments: Any) -> Any:
        carry, output = super().segment(*arguments)
        q = output.q.masked_fill(carry.z_H[:, 0, :1] * 64 >= 2, math.nan)
        return carry, output._replace(q=q)


def test_a_model_that_shows_nan_is_not_logged(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='shows nan or infinity in "scalars" after segment 2'):
        log_bank(Broken(), PUZZLES, 3)  # type: ignore[arg-type]
    assert len(log_bank(Broken(), PUZZLES, 1)) == 8  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_segments": 4.5}, "max_segments must be a whole number"),
        ({"max_segments": 0}, "max_segments must be a whole number"),
        ({"batch_size": 0}, "batch_size must be a whole number"),
        ({"puzzles": PUZZLES.take([])}, "at least one puzzle"),
    ],
)
def test_nothing_is_begun_on_disk_that_cannot_be_logged(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    wanted = {"model": tiny_hrm(), "puzzles": PUZZLES, "max_segments": 2, "batch_size": 4} | changes
    with pytest.raises(ValueError, match=said):
        log_to(tmp_path / "bank", **wanted)
    assert not (tmp_path / "bank").exists()


@pytest.mark.parametrize("part", ["columns.scalars", "cells"])
def test_a_bank_on_disk_with_nan_is_refused_when_it_is_read(tmp_path: Path, part: str) -> None:
    log_to(tmp_path, tiny_hrm(), PUZZLES, 2)
    array = np.load(tmp_path / f"{part}.npy", mmap_mode="r+")
    array[3, 1] = math.nan
    array.flush()
    with pytest.raises(
        ValueError, match=r"is nan after segment 2 of puzzle 3|cannot be read|damaged"
    ):
        read_bank(tmp_path)


# --- what is asked of a bank ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        ([1.0] * 5, "must be a tensor of 6 weights"),
        ([0.0] * 6, "not all 0"),
        ([1.0, -1, 1, 1, 1, 1], "numbers >= 0"),
        ([1.0, math.nan, 1, 1, 1, 1], "finite numbers"),
        ([1.0, math.inf, 1, 1, 1, 1], "finite numbers"),
    ],
)
def test_weights_are_shares(weight: list[float], said: str) -> None:
    for ask in (
        lambda w: exact.best_fixed(BANK, 0.0, weight_P=w),
        lambda w: exact.outcome(BANK, rule("q"), 0.0, weight_P=w),
        lambda w: snell.fit_snell(BANK, "o", 0.0, weight_P=w),
    ):
        with pytest.raises(ValueError, match=said):
            ask(torch.tensor(weight))


def test_an_unknown_observation_is_told_what_it_was_meant_to_be() -> None:
    bank = log_bank(tiny_hrm(), PUZZLES, 2)
    with pytest.raises(ValueError, match='not with "scalar"; did you mean "scalars"'):
        observe(bank, "scalar", 1)


@pytest.mark.parametrize("index", [[], [-1], [6], [0, 7]])
def test_puzzles_that_are_not_there_are_not_taken(index: list[int]) -> None:
    with pytest.raises(ValueError, match=r"numbered 0\.\.5"):
        snell.take(BANK, torch.tensor(index, dtype=torch.long))


def test_two_banks_must_be_a_pair() -> None:
    other = bank_a(6, 3, seed=1)
    check_pair(BANK, other)
    with pytest.raises(ValueError, match="got one bank for both"):
        check_pair(BANK, BANK)
    with pytest.raises(ValueError, match="other observations"):
        check_pair(BANK, replace(other, columns={"o": other.columns["o"]}))
    logged = log_bank(tiny_hrm(), PUZZLES, 2)
    with pytest.raises(ValueError, match="8 puzzles are in both banks"):
        check_pair(logged, replace(logged))
    with pytest.raises(ValueError, match="a bank is wanted, got 'sudoku9-test'"):
        check_pair(logged, "sudoku9-test")  # type: ignore[arg-type]


def test_a_sweep_needs_points() -> None:
    for kind, least in {"q": 3, "two-sided": 9, "sampled": 5, "cumulative": 4, "random": 3}.items():
        assert sweep(kind, BANK, least)
        with pytest.raises(ValueError, match=f"points must be a whole number in {least}"):
            sweep(kind, BANK, least - 1)


def test_puzzles_that_are_scored_are_left_out_of_what_is_fitted_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fit, test = logged_banks(tiny_hrm(), PUZZLES, PUZZLES.take([2, 5]), 2)
    assert (len(fit), len(test)) == (6, 2)
    check_pair(fit, test)
    assert "2 of 8 puzzles are scored too, and not fitted on" in capsys.readouterr().out
    with pytest.raises(ValueError, match="all puzzles to fit on are among those that are scored"):
        logged_banks(tiny_hrm(), PUZZLES.take([2]), PUZZLES, 2)
