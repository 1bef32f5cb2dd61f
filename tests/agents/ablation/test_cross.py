"""Runs held against each other: intervals over seeds, equal budgets, paired gains, failure modes."""

from __future__ import annotations

from typing import Any

import pytest
from madeup import M, point, result, runs

from hrm_rl.agents.ablation import cross
from hrm_rl.agents.ablation.grid import Cell, Done


def budget_runs() -> Done:
    """ "few" deals 5 puzzles a step and "many" 20; both have the same FLOPs a step."""
    few = [point(step, 0.1 * step, samples=5 * step) for step in (1, 2, 4, 8)]
    many = [point(step, 0.01 * step, samples=20 * step) for step in (1, 2, 4)]
    return {Cell("few", 0): result(*few), Cell("many", 0): result(*many)}


def test_runs_are_held_against_each_other_where_all_have_spent_the_same() -> None:
    """All have spent 4,000 FLOPs; "few" ends with 40 puzzles, which "many" has after two steps."""
    done = budget_runs()
    assert cross.common_budget(done, "flops") == 4000
    by_flops = {cell.variant: at["step"] for cell, at in cross.at_budget(done, "flops").items()}
    assert by_flops == {"few": 4, "many": 4}
    assert cross.common_budget(done, "samples") == 40
    by_samples = {cell.variant: at["step"] for cell, at in cross.at_budget(done, "samples").items()}
    assert by_samples == {"few": 8, "many": 2}
    at_end = {cell.variant: at["step"] for cell, at in cross.at_end(done).items()}
    assert at_end == {"few": 8, "many": 4}


def test_between_two_points_a_run_is_on_the_line_between_them() -> None:
    """2,500 FLOPs are half of the way from 1,000 to 4,000."""
    points = [point(1, 0.2, 3.0), point(4, 0.4, 2.0)]
    found = cross.spent(points, "flops", 2500)
    assert found is not None
    assert (found["step"], found["flops"], found["samples"]) == (2.5, 2500, 25)
    assert found["rules"]["own"] == pytest.approx([0.3, 2.5])
    assert found["rules"]["fixed-1"] == [0.0, 1.0]
    assert (found["own_rule"], found["ever"]) == ("q", pytest.approx(0.3))
    assert cross.spent(points, "flops", 4000) is points[1] is cross.spent(points, "flops", 9000)
    assert cross.spent(points, "flops", 1000) == points[0]
    assert cross.spent(points, "flops", 999) is None


def test_a_run_that_diverged_sets_no_budget_but_counts_as_far_as_it_came() -> None:
    done = budget_runs() | {Cell("broken", 0): result(point(1, 0.3), failed="NaN")}
    assert cross.common_budget(done, "flops") == 4000
    assert cross.at_budget(done, "flops")[Cell("broken", 0)]["step"] == 1
    done[Cell("broken", 0)] = result(failed="NaN")
    assert Cell("broken", 0) not in cross.at_end(done)
    with pytest.raises(ValueError, match="no run was trained to its end"):
        cross.common_budget({Cell("broken", 0): done[Cell("broken", 0)]}, "flops")


def test_the_cross_has_every_rule_and_gains_are_paired_by_seed() -> None:
    """ppo is better by 0.1 at every seed, so its gain is sure although both vary widely.

    Its seed 2 has no partner.
    """
    done = runs(act_q=[0.1, 0.8], ppo=[0.2, 0.9, 0.4])
    rows = cross.cross(cross.at_end(done), ["own", "fixed-1"])
    assert [(row.variant, row.rule, row.seeds) for row in rows] == [
        ("act_q", "own", 2),
        ("act_q", "fixed-1", 2),
        ("ppo", "own", 3),
        ("ppo", "fixed-1", 3),
    ]
    act_q, _, ppo, by_one = rows
    assert act_q.gain is None and act_q.accuracy.mean == pytest.approx(0.45)
    assert ppo.accuracy.mean == pytest.approx(0.5) and ppo.segments.mean == 2.0
    assert ppo.gain == pytest.approx((0.1, 0.1, 0.1))
    assert ppo.accuracy.half_width > 0.5
    assert by_one.gain == (0.0, 0.0, 0.0) and by_one.segments.mean == 1.0


@pytest.mark.parametrize(
    ("last", "failed", "wanted"),
    [
        ({"training_segments": 1.2}, "", ["collapsed"]),
        ({"training_segments": 1.5}, "", []),
        ({"training_segments": 3.8}, "", ["endless"]),
        ({"training_segments": 3.75}, "", []),
        ({"training_segments": 1.0, "own_rule": "fixed-1"}, "", []),
        ({"training_segments": 4.0, "own_rule": "fixed"}, "", []),
        ({"accuracy": 0.54}, "", ["unstable"]),
        ({"accuracy": 0.56}, "", []),
        ({"training_segments": 1.0, "accuracy": 0.1}, "", ["collapsed", "unstable"]),
        ({"training_segments": 1.0}, "step 3: NaN", ["diverged"]),
    ],
)
def test_failure_modes(last: dict[str, Any], failed: str, wanted: list[str]) -> None:
    """Of a run whose best point before had 0.6."""
    run = result(point(1, 0.6), point(2, **{"accuracy": 0.7, **last}), failed=failed)
    assert cross.failures(run, M) == wanted
