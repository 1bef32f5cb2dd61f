"""What an ablation writes: tables, rows, plots, and the paper's Figure 5."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from madeup import M, point, result, runs

from hrm_rl.agents.ablation import cross, figure5, paired, plots, tables
from hrm_rl.agents.ablation.grid import Cell, Done

DONE = runs(act_q=[0.2, 0.4], ppo=[0.3, 0.5], **{"fixed-4": [0.6, 0.6]})


def cells(text: str, title: str) -> dict[str, list[str]]:
    """The rows of the table under a heading, by their first cell."""
    part = text.split(f"## {title}")[1].split("## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return {row[0]: row[1:] for row in ([c.strip() for c in x.split("|")[1:-1]] for x in lines)}


def test_the_tables_say_what_was_found() -> None:
    """act_q: mean 30 %, deviation 0.1414, t 12.706: 127 points either way."""
    text = tables.markdown(DONE, M)
    heads, ppo = (cells(text, "Runs")[name] for name in ("trained with", "ppo"))
    row = dict(zip(heads, ppo, strict=True))
    assert (row["seeds"], row["FLOPs"], row["puzzles dealt"]) == ("2", "2e+03", "20 ±0")
    assert row["accuracy %"] == "40.0 ±127.1" and row["accuracy - act_q's"] == "+10.0 ±0.0"
    assert cells(text, "Runs")["act_q"][-1] == ""
    crossed = cells(text, "Train-time rule (rows) x inference-time rule (columns), at equal FLOPs")
    assert crossed["trained with"][0] == "own" and crossed["ppo"][0] == "40.0 ±127.1 @ 2.00"
    assert crossed["ppo"][crossed["trained with"].index("fixed-1")] == "0.0 ±0.0 @ 1.00"
    assert cells(text, "Pareto areas")["fixed-4"][0] == "30.0 ±0.0"
    assert cells(text, "Failure modes")["act_q"] == ["2", "0", "0", "0", "0"]


def test_a_variant_with_a_limit_of_its_own_is_held_to_it() -> None:
    """It has no column for the numbers of segments that it never ran, and 3.9 of 4 are endless."""
    done = runs(act_q=[0.2, 0.4], ppo=[0.3, 0.5])
    for run in done.values():
        for found in run.points:
            found["rules"]["fixed-8"] = [0.7, 8.0]
    done[Cell("ppo@4", 0)] = result(point(2, 0.3, training_segments=3.9))
    text = tables.markdown(done, 8)
    crossed = cells(text, "Train-time rule (rows) x inference-time rule (columns), at the end")
    column = crossed["trained with"].index("fixed-8")
    assert crossed["ppo"][column] == "70.0 ±0.0 @ 8.00" and crossed["ppo@4"][column] == ""
    modes = cells(text, "Failure modes")
    assert modes["trained with"][2] == "endless"
    assert (modes["ppo@4"][2], modes["ppo"][2]) == ("1", "0")


def test_trunks_are_compared_by_the_last_segment() -> None:
    """All are right in 70 % but ppo's second seed, 90 %: mean 80, differences 0 and +20."""
    done = runs(act_q=[0.2, 0.4], ppo=[0.3, 0.5])
    for run in done.values():
        for found in run.points:
            found["rules"]["fixed-8"] = [0.7, 8.0]
    done[Cell("ppo", 1)].points[-1]["rules"]["fixed-8"] = [0.9, 8.0]
    found = cells(tables.markdown(done, 8), "Trunks")
    assert found["trained with"] == ["accuracy %", "less act_q's"]
    assert found["act_q"] == ["70.0 ±0.0", ""]
    assert found["ppo"] == ["80.0 ±127.1", "+10.0 ±127.1"]


def test_differences_are_paired_by_seed_by_hand() -> None:
    """Areas are half of the accuracies: ppo's are 5 and 15 above act_q's, mean 10, t 12.706 * 5."""
    done = runs(act_q=[0.2, 0.4], ppo=[0.3, 0.7], **{"fixed-2": [0.5, 0.5], "fixed-8": [0.1, 0.2]})
    found = paired.against(cross.at_end(done), paired.own_area)
    other, difference, p = found["ppo"]
    assert (other, difference.mean) == ("act_q", pytest.approx(0.1))
    assert difference.high == pytest.approx(0.1 + 12.706 * 0.05, abs=1e-4)
    assert "act_q" not in found and found["fixed-2"][0] == "fixed-8"
    assert p >= difference.p
    least = min(found.values(), key=lambda row: row[1].p)
    assert least[2] == pytest.approx(min(1.0, 3 * least[1].p))
    # Right after 4 of 16 segments: a quarter of the accuracy, 2.5 and 7.5 points.
    assert "+5.0 [-26.8, +36.8]" in tables.markdown(done, M)


def test_another_reference_may_be_named() -> None:
    done = runs(act_q=[0.2, 0.4], ppo=[0.3, 0.7], **{"fixed-2": [0.5, 0.5]})
    found = paired.against(cross.at_end(done), paired.own_area, "ppo")
    assert {name: other for name, (other, _, _) in found.items()} == {
        "act_q": "ppo",
        "fixed-2": "ppo",
    }
    assert found["act_q"][1].mean == pytest.approx(-0.1)
    assert "| act_q | ppo | -10.0" in tables.markdown(done, M, "ppo")


def test_what_was_settled_on_is_held_against_thresholds_at_as_many_segments() -> None:
    """A line from a quarter of 0.8 at 1 to 0.8 at 3: 0.5 at the 2 segments where it halts."""
    done = runs(act_q=[0.8, 0.8])
    assert paired.settled(done[Cell("act_q", 0)].points[-1]) == pytest.approx(0.3)
    found = paired.within(cross.at_end(done), paired.room("0.01"))["act_q"]
    assert (found.mean, found.p) == (pytest.approx(0.4), 0.0)
    assert "| act_q | +30.0 [+30.0, +30.0] | +40.0 [+40.0, +40.0] |" in tables.markdown(done, M)


def test_one_seed_has_no_interval() -> None:
    text = tables.markdown(runs(act_q=[0.2]), M)
    assert cells(text, "Pareto areas")["act_q"][0] == "10.0" and "±" not in text


def test_rows_read_back(tmp_path: Path) -> None:
    tables.write(DONE, tmp_path, M)
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [(row["variant"], row["seed"], row["step"]) for row in rows[:3]] == [
        ("act_q", 0, 1),
        ("act_q", 0, 2),
        ("act_q", 1, 1),
    ]
    assert {key: rows[1][key] for key in point(2, 0.2)} == point(2, 0.2)
    with (tmp_path / "rows.csv").open(newline="") as file:
        flat = list(csv.DictReader(file))
    assert len(flat) == len(rows) == 12
    assert (flat[1]["q_accuracy"], flat[1]["own_at_most_8_accuracy"]) == ("0.2", "0.2")
    assert (flat[1]["own_segments"], flat[1]["accuracy_at_16"]) == ("2", "0.2")
    assert "## Failure modes" in (tmp_path / "tables.md").read_text()


def test_figure_5_needs_both_rules_at_each_limit() -> None:
    wanted = ["act_q@2", "fixed-2@2", "act_q@4", "fixed-4@4", "act_q", "fixed-8"]
    assert figure5.variants(8) == wanted
    assert figure5.variants(4) == [
        "act_q@2",
        "fixed-2@2",
        "act_q",
        "fixed-4",
        "act_q@8",
        "fixed-8@8",
    ]


def figure5_runs(seeds: int = 2) -> Done:
    return {
        Cell(name, seed): result(point(2, 0.1 * (i + 1) + 0.02 * seed, 1.0 + i))
        for i, name in enumerate(figure5.variants(8))
        for seed in range(seeds)
    }


def test_figure_5_numbers_by_hand() -> None:
    """The third variant, act_q@4, has 0.3 and 0.32 at 3 segments."""
    bars, curves = figure5.numbers(figure5_runs(), 8)
    assert [(bar.rule, bar.limit) for bar in bars] == [
        (rule, limit) for limit in (2, 4, 8) for rule in ("ACT", "fixed")
    ]
    assert bars[2].segments.mean == 3.0 and bars[2].accuracy.mean == pytest.approx(0.31)
    never, halting = (curve for curve in curves if (curve.rule, curve.trained) == ("ACT", 4))
    assert (never.halting, halting.halting) == (False, True)
    assert never.accuracy[8].mean == pytest.approx(0.31 / 2) and set(halting.accuracy) == {
        2,
        4,
        8,
        16,
    }
    assert halting.accuracy[16].mean == pytest.approx(0.31)
    text = figure5.report(bars, curves)
    assert "| ACT, M_max 4 | 2 | 3.00 ±0.00 | 31.0 ±12.7 |" in text
    assert "| ACT, trained with 4 | no |" in text and "limit 16" in text


def test_figure_5_shows_what_there_is() -> None:
    """Of a run that diverged at once there is nothing."""
    done = figure5_runs(1)
    for name in ("act_q", "fixed-8"):
        done[Cell(name, 0)] = result(failed="NaN")
    bars, _ = figure5.numbers(done, 8)
    assert [bar.limit for bar in bars] == [2, 2, 4, 4]


def test_plots_have_a_line_for_each_variant_and_its_numbers(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    figure = plots.learning(DONE, tmp_path / "learning.png")
    assert len(figure.axes) == 9  # accuracy against two budgets and the schedule, of three variants
    assert [axes.get_title(loc="left") for axes in figure.axes[:3]] == ["act_q", "ppo", "fixed-4"]
    flops, samples, schedule = (
        {line.get_label(): line for line in axes.lines}["ppo"] for axes in figure.axes[1::3]
    )
    assert list(flops.get_xdata()) == [1000, 2000] and list(samples.get_xdata()) == [10, 20]
    assert list(flops.get_ydata()) == pytest.approx([0, 40])
    assert list(schedule.get_ydata()) == [2, 2]
    assert all(len(axes.lines) == 3 for axes in figure.axes)  # the others stand behind
    figure = plots.pairs(cross.at_end(DONE), tmp_path / "end.png", "At the end")
    at = {line.get_label(): (line.get_xdata(), line.get_ydata()) for line in figure.axes[0].lines}
    assert at["ppo"][0] == [2.0] and at["ppo"][1] == pytest.approx([40.0])
    figure = figure5.draw(*figure5.numbers(figure5_runs(), 8), tmp_path / "figure5.png")
    assert len(figure.axes) == 3
    assert figure.get_suptitle().startswith("ACT runs 5.0 of 8 segments and is right on ")
    act, fixed = (line for line in figure.axes[0].lines if len(line.get_xdata()) == 3)
    assert list(act.get_ydata()) == [1, 3, 5] and list(fixed.get_ydata()) == [2, 4, 6]
    for name in ("learning", "end", "figure5"):
        assert (tmp_path / f"{name}.png").stat().st_size > 5000


def test_curves_of_seeds_are_put_together_as_far_as_all_came(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = {
        Cell("act_q", 0): result(point(1, 0.2), point(2, 0.4)),
        Cell("act_q", 1): result(point(1, 0.4), failed="NaN"),
    }
    (line,) = plots.learning(done, tmp_path / "x.png").axes[0].lines  # no other variant
    assert list(line.get_ydata()) == pytest.approx([30])
