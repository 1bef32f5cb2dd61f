"""The hypotheses' script: what giving up is compared with."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from loading import module_of

from hrm_rl.agents.rules import sweep
from hrm_rl.banks.files import read_bank
from hrm_rl.stopping.exact import outcome

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def findings() -> ModuleType:
    return module_of("findings")


@pytest.mark.parametrize("cost", [0.005, 0.02])
def test_where_it_is_fitted_a_second_threshold_costs_nothing(
    findings: ModuleType, cost: float
) -> None:
    """The grid of pairs alone falls below the one threshold, whose sweep is finer than its side."""
    bank = findings.of_kind(read_bank("sudoku9-fit", max_segments=16), "minimal")
    confident = findings.best_knob(bank, sweep("trm", bank, 60), cost)
    both = findings.best_knob(bank, findings.with_giving_up(bank, confident), cost)
    assert outcome(bank, both, cost).value >= outcome(bank, confident, cost).value


def test_the_kinds_of_a_bank_part_it(findings: ModuleType) -> None:
    """Every puzzle of the shipped bank is in one kind: a third each."""
    bank = read_bank("sudoku9-fit")
    kinds = [findings.of_kind(bank, kind) for kind in ("easy", "minimal", "hard")]
    assert [len(kind) for kind in kinds] == [200, 200, 200]
    found = [set(map(bytes, kind.puzzles.inputs_PL)) for kind in kinds]
    assert len(set.union(*found)) == 600


@pytest.mark.slow
def test_gains_stand_beside_the_learners_that_were_asked_for(findings: ModuleType) -> None:
    """A gain is the difference of the values in its row; pairs that lack a learner have no column."""
    banks = [
        read_bank(f"sudoku9-{split}", max_segments=findings.M + 1) for split in ("fit", "test")
    ]
    lab = findings.Lab(*banks, seeds=2, shorter=1000, learners=("exact_pg", "act_q"))
    heads, _, *rows = [line.strip("| ").split(" | ") for line in findings.h3(lab)]
    assert heads == ["observation", "act_q", "exact_pg", "exact_pg - act_q, 95 %"]
    for row in rows:
        act_q, exact_pg, gain = (float(cell.split()[0]) for cell in row[1:])
        assert gain == pytest.approx(exact_pg - act_q, abs=0.0016)  # each has three digits
