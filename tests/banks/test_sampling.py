"""How puzzles were sampled: copies of one, and parts of a joined set."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hrm_rl.banks.files import read_bank
from hrm_rl.banks.sampling import sampling
from hrm_rl.banks.synthetic import bank_a
from hrm_rl.puzzles import load
from hrm_rl.puzzles.files import part_of
from hrm_rl.statistics.comparisons import mean_interval


def test_the_shipped_bank_has_a_stratum_for_each_part() -> None:
    """250 each, easy, minimal and hard, whatever else their sources say."""
    bank = read_bank("sudoku9-test")
    clusters_P, strata_P = sampling(bank)
    assert strata_P is not None and np.bincount(strata_P).tolist() == [250, 250, 250]
    assert len(np.unique(clusters_P)) == 750
    right_P = bank.correct_MP[15].numpy()
    assert mean_interval(right_P, *sampling(bank)).half_width == pytest.approx(0.0236, abs=2e-3)
    assert mean_interval(right_P).half_width == pytest.approx(0.0273, abs=2e-3)


def test_one_part_and_no_puzzles_have_no_strata() -> None:
    assert part_of(load("sudoku9_easy", "fit")) is None and part_of(load("sudoku4", "fit")) is None
    bank = replace(bank_a(4, 3), cluster_P=torch.tensor([5, 5, 7, 7]))
    assert sampling(bank).clusters_P.tolist() == [5, 5, 7, 7] and sampling(bank).strata_P is None


def test_a_set_with_puzzles_from_elsewhere_was_not_sampled_by_part() -> None:
    puzzles = load("sudoku9", "fit")
    mixed = replace(puzzles, sources=("mine", *puzzles.sources[1:]))
    assert part_of(puzzles) is not None and part_of(mixed) is None
